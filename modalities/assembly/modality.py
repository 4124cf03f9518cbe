"""A modality made of the files of its package; each is imported when needed, so that listing names loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modalities.base import Draws, Modality, ModalityName, SourceRef
from modalities.plugins.find import find
from modalities.plugins.networks import plugin_network
from modalities.plugins.policies import changed_segments
from modalities.plugins.sources import made_source

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAX_SOURCE_BYTES = 4 * 1024**3  # of a source of several items, in memory


@dataclass(eq=False)
class PackagedModality(Modality):
    """Passes each call to a file of ``modalities.NAME``; types and meanings are those of ``modalities.base.Modality``.

    The stream of ``segments`` is called ``ImageStream`` for the name "image".
    """

    name: ModalityName
    view_type: type
    policy_type: type

    def _file(self, name: str) -> Any:
        return import_module(f"modalities.{self.name}.{name}")

    def suffixes(self) -> Any:
        return self._file("look").SUFFIXES

    def suggest_view(self, files: Sequence[Path]) -> Any:
        return self._file("look").suggest_view(files)

    def sources(self) -> Any:
        return self._file("source").SOURCES

    def policies(self) -> Any:
        return self._file("policies").POLICIES

    def traits(self) -> Any:
        return self._file("policies").TRAITS

    def networks(self) -> Any:
        return self._file("networks").NETWORKS

    def check_network(self, name: str) -> Any:
        return name if find("network", name) else self._file("networks").check_network(name)

    def source_ref(self, name: str) -> Any:
        made = made_source(name)
        return made.ref if made else self._file("source").source_ref(name)

    def density(self, name: str) -> Any:
        return self._file("density").density(self._made(name))

    def load_source(self, name: str, view: Any, device: torch.device) -> Any:
        source = self._file("source").load_source(self._made(name), view, device)
        made = made_source(name)
        return replace(source, ref=made.ref) if made else source

    def _made(self, name: str) -> str:
        """Return the file that a plug-in's source is written to; any other name as it is."""
        made = made_source(name)
        return str(made.path(self.write_source)) if made else name

    def write_source(self, made: Any, path: Path) -> Any:
        return self._file("made").write(made, path)

    def source_of_items(self, items: Sequence[Tensor], ref: SourceRef, view: Any, device: torch.device) -> Any:
        import torch

        return self._file("source").source_of_items(torch.cat(list(items)), ref, view, device)

    def most_items(self, item: Tensor) -> int:
        held: int = len(item) * item[0].nbytes * self._file("source").BYTES_PER_RAW_BYTE
        return max(1, MAX_SOURCE_BYTES // held)

    def stream(self, source: Any, view: Any, policy: Any, **options: Any) -> Any:
        stream = getattr(self._file("segments"), f"{self.name.capitalize()}Stream")(source, view, policy, **options)
        return changed_segments(stream, policy.code, options["seed"]) if policy.code else stream

    def network(self, name: str, view: Any, classes: int) -> Any:
        plugin = find("network", name)
        if plugin:
            return plugin_network(plugin, view.shape, classes)
        return self._file("networks").build_network(name, view, classes)

    def prepare(self, raw: Tensor, view: Any) -> Any:
        return self._file("items").prepare(raw, view)

    def augment(self, raw: Tensor, view: Any, draws: Draws, step: int) -> Any:
        return self._file("items").augment(raw, view, draws, step)

    def pictures(self, inputs: Tensor, view: Any) -> Any:
        return self._file("display").pictures(inputs, view)

    def sounds(self, inputs: Tensor, view: Any, source: Any) -> Any:
        return self._file("display").sounds(inputs, view, source)

    def show_source(self, source: Any, view: Any) -> Any:
        return self._file("display").show_source(source, view)

    def preview(self, source: Any, view: Any, policy: Any, *, seed: int, path: Path) -> None:
        self._file("preview").preview(source, view, policy, seed=seed, path=path)

    def references(self, source: str, view: Any, policy: Any, device: torch.device) -> Any:
        return self._file("reference").references(source, view, policy, device)
