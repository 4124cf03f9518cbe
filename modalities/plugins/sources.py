"""Sources of plug-ins: made once, and kept as files without loss, which are then read as any other file is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modalities.base import SourceRef
from modalities.errors import BadInput
from modalities.plugins.find import Plugin, find
from modalities.storage.locks import path_lock
from modalities.storage.paths import cache_root


@dataclass(frozen=True)
class MadeSource:
    """What a plug-in makes from a seed."""

    plugin: Plugin
    seed: int

    @property
    def ref(self) -> SourceRef:
        """Identify it by the plug-in's content and the seed, without making it."""
        plugin = self.plugin
        name = f"{plugin.name}:{self.seed}" if self.seed else plugin.name
        identity = f"plug-in/{plugin.sha256}/seed={self.seed}"
        origin = f"version {plugin.version}" if plugin.version else f"SHA-256 {plugin.sha256[:12]}"
        text = "passed from Python" if plugin.is_object else f"made by the plug-in {name}, {origin}"
        return SourceRef(name, hashlib.sha256(identity.encode()).hexdigest(), text)

    def path(self, write: Callable[[Any, Path], Path]) -> Path:
        """Return the file that it lies in, and make it if there is none. Raises BadInput if that fails.

        ``write`` writes what the plug-in returns beside a path without ending, and returns the file.
        """
        folder = cache_root() / "sources" / f"plugin-{self.ref.sha256[:32]}"
        with path_lock(folder):
            if found := [path for path in folder.glob("made.*") if path.stat().st_size]:
                return found[0]
            maker = self.plugin.load()
            try:
                made = maker(self.seed) if callable(maker) else maker
            except Exception as error:
                raise BadInput(
                    f"the source {self.plugin.name} cannot be made ({error!r}); correct its code."
                ) from error
            try:
                folder.mkdir(parents=True, exist_ok=True)
                return write(made, folder / "made")
            except OSError as error:
                problem = f"the source {self.plugin.name} cannot be written to {folder} ({error.strerror or error})"
                raise BadInput(f"{problem}; set BENCHMARK_CACHE to a folder with free space.") from error
            except (TypeError, ValueError, AttributeError) as error:
                raise BadInput(f"the source {self.plugin.name} is not one: {error}.") from error


def made_source(name: str) -> MadeSource | None:
    """Return the source of a plug-in that a name means, ``NAME`` or ``NAME:SEED``; None if it means none."""
    if plugin := find("source", name):
        return MadeSource(plugin, 0)
    with_seed = re.fullmatch(r"(.+):(\d+)", name)
    plugin = find("source", with_seed[1]) if with_seed else None
    return MadeSource(plugin, int(with_seed[2])) if with_seed and plugin else None
