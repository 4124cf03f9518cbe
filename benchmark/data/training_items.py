"""The control over real training items: the only way from a target's items to a stream of segments."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.data.locate import DataLocation, ensure
from benchmark.data.splits import limit_evenly, limit_per_class
from benchmark.records.identity import canonical_json
from benchmark.records.settings import ABSENT
from benchmark.system.resources import share_of_cores
from modalities.base import Modality, Source, SourceRef, TargetAdapter

if TYPE_CHECKING:
    import torch

DECODE_THREADS = 16


@dataclass(frozen=True)
class TrainingItems:
    """Labelled items of a TRAIN split in the place of the single datum, without their labels.

    The method never gives a student a real item of any dataset; this control measures what that costs. It is read from
    ``TargetAdapter.train`` alone. A teacher is judged on a held-out part of that split, which the control may use too:
    its items tell a student nothing of the test items, and it needs no labels.
    """

    name: str  # of the source, as it was typed
    target: str  # whose items: the cell's own target, or another one of its modality
    title: str  # of that target
    data: DataLocation
    fold: int
    one_per_class: bool

    @property
    def ref(self) -> SourceRef:
        """Identify the items by the content of their target's data; ``ABSENT`` if these are not there."""
        identity = {
            "target": self.target, "data": self.data.fingerprint, "fold": self.fold,
            "items": "one per class" if self.one_per_class else "all",
        }  # fmt: skip
        digest = hashlib.sha256(canonical_json(identity).encode()).hexdigest()
        return SourceRef(self.name, digest if self.data.ready else ABSENT, self._description(""))

    def _description(self, count: str) -> str:
        which = ", one of each class by a hash of their names" if self.one_per_class else ""
        kind = " (generated stand-in)" if self.data.kind == "stand-in" else ""
        return f"{count}training items of {self.title}{kind}{which}"

    def load(
        self, adapter: TargetAdapter, modality: Modality, view: Any, device: torch.device
    ) -> tuple[Source, list[str]]:
        """Decode the items onto the device; return the source, and what a record is to say of it.

        If not all of them fit, the same ones are taken in every run: equally many of each class, by a hash of their
        names. Raises BadInput if an item cannot be decoded, or if all are flat or silent.
        """
        ensure(self.data, adapter)
        data = adapter.train(self.data.root, view, self.fold)
        wanted = limit_per_class(data, 1) if self.one_per_class else data
        used = limit_evenly(wanted, modality.most_items(wanted[0].data))
        with ThreadPoolExecutor(min(DECODE_THREADS, share_of_cores())) as threads:
            items = list(threads.map(lambda index: used[index].data, range(len(used))))
        count = f"{len(used):,} " if len(used) == len(wanted) else f"{len(used):,} of {len(wanted):,} "
        ref = SourceRef(self.name, self.ref.sha256, self._description(count))
        source = modality.source_of_items(items, ref, view, device)
        notes = [f"segments are cut from {len(used):,} real training items, which the method never sees: a control."]
        if len(used) < len(wanted):
            notes.append(
                f"these are {len(used):,} of {len(wanted):,} training items, evenly of the classes; no more fit."
            )
        if left_out := sum(map(len, items)) - source.items:
            notes.append(f"{left_out:,} of these items are left out because they are flat or silent.")
        return source, notes
