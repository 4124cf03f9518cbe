"""The contracts between the benchmark and the modalities, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from modalities.compute.draws import Draws, rank_slice
from modalities.compute.to_device import to_device
from modalities.errors import readable_name

if TYPE_CHECKING:  # so that listing names never waits for torch
    import numpy as np
    import torch
    from torch import Tensor, nn

__all__ = [
    "DataStatus", "Draws", "Item", "LabelledData", "Modality", "ModalityName", "Published",
    "Reference", "SegmentStream", "Source", "SourceRef", "Suggestion", "TargetAdapter", "TargetInfo", "View",
    "rank_slice", "to_device",
]  # fmt: skip

ModalityName = Literal["image", "audio", "video"]


def __getattr__(name: str) -> Any:
    """Say where names that have moved are now."""
    if name in ("BadInput", "UnknownName"):
        raise ImportError(f"{name} has moved: write `from modalities.errors import {name}`.")
    if name == "sent":
        raise ImportError("sent is now called to_device: write `from modalities.base import to_device`.")
    raise AttributeError(f"module 'modalities.base' has no attribute '{name}'")


@dataclass(frozen=True)
class SourceRef:
    """Which datum, known without decoding it, so that a plan costs nothing.

    ``sha256`` is the hash of the file; for a generated datum, of its name, seed and generator version. The name of a
    file is the same whether its system stores it composed or decomposed.
    """

    name: str
    sha256: str
    description: str

    def __post_init__(self) -> None:
        for field in ("name", "description"):
            object.__setattr__(self, field, readable_name(getattr(self, field)))


class Source(Protocol):
    """The one decoded datum, resident on the compute device; opaque to the harness."""

    ref: SourceRef
    items: int  # of which each segment is cut from one: 1, except in the control over real training items


@runtime_checkable
class SegmentStream(Protocol):
    """Endless, random-access stream of augmented segments of one source datum."""

    shape: tuple[int, ...]  # of one segment, without the batch axis
    batch_size: int  # of the global batch; a rank renders its share of it

    def batch(self, step: int) -> Tensor:
        """Return the segments of a step: (share of the batch, *shape), float32, on the device, normalised."""
        ...


class Reference(NamedTuple):
    """Another library's way to make such segments, timed beside ours."""

    name: str
    segments: int  # made by one call
    make: Callable[[int], object] | None  # number of the call → its segments; None: the library is not installed


class View(Protocol):
    """The input of a cell's networks: size, rate, normalisation. A frozen dataclass of plain values."""

    test_clips: int  # clips or windows of one test item whose predictions are averaged

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one network input, without the batch axis."""
        ...


class Suggestion(NamedTuple):
    """Settings of a view that fit some files, and what is to be seen in them."""

    view: Mapping[str, Any]
    seen: str  # for readers, such as "200 pictures, the middle one 64 pixels high or wide"


class Item(NamedTuple):
    """One labelled item, decoded and raw: what ``Modality.prepare`` and ``augment`` take.

    ``data`` is (clips, *raw): uint8 (clips, 3, H, W) for images, int16 (clips, samples) at the view's rate for audio,
    uint8 (clips, 3, frames, H, W) for video. All items of one dataset have the same shape.
    """

    data: Tensor
    label: int
    item_id: str


class LabelledData(Protocol):
    """A split of a target: map-style, picklable, deterministic; labels are known without decoding anything."""

    labels: np.ndarray  # (n,) int64, index into TargetInfo.classes
    item_ids: Sequence[str]  # unique and stable
    groups: Sequence[str]  # the leak unit of each item (speaker, video group, file …)

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Item: ...


@dataclass(frozen=True)
class Published:
    """One published top-1 of a target, as a fraction, with its source.

    ``networks`` and ``datum`` are for readers. The fields after ``reference`` are what a cell is compared with; an
    empty one agrees with nothing, because the publication does not say.
    """

    top1: float
    role: Literal["teacher", "student", "full data"]
    networks: str
    datum: str
    reference: str
    teacher: tuple[str, ...] = ()  # names of networks here with that architecture; * stands for any characters
    student: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # the datum: SHA-256 of its file, or the name of a source that is generated


@dataclass(frozen=True)
class TargetInfo:
    """Everything about a target that is known before any of it is on disk."""

    name: str
    title: str
    modality: ModalityName
    classes: tuple[str, ...]  # in official order
    train_items: int  # labelled images, recordings or videos, as published; several items may be cut from one of them
    test_items: int
    licence: str  # "not stated" if the authors state none
    citation: str  # BibTeX
    homepage: str
    download_bytes: int
    leak_unit: str  # what train and test must not share: image, file, speaker, group …
    metric: Literal["top-1", "mean per-class"] = "top-1"
    folds: int = 1
    fold_test_items: tuple[int, ...] = ()  # of each fold, if they differ; ``test_items`` is that of the first
    ships_with: str | None = None  # the dependency that contains the real data, if any
    published: tuple[Published, ...] = ()
    notes: str = ""

    def known_test_items(self, fold: int) -> int:
        """Return how many test items the whole dataset has in a fold; 0 if that is not known."""
        return self.fold_test_items[fold - 1] if self.fold_test_items else self.test_items

    own_split: bool = (
        False  # sides drawn by a hash of names: their sizes are expected values, and only the sum is exact
    )


@dataclass(frozen=True)
class DataStatus:
    """What is on disk under one root."""

    state: Literal["ready", "partial", "absent"]
    fingerprint: str  # of the data on disk: published checksums, or an index of names and sizes
    missing: tuple[str, ...] = ()  # by name or count
    how: str = ""  # instructions for obtaining what is missing
    bytes: int = 0


class TargetAdapter(Protocol):
    """Reads one labelled dataset in its native on-disk format. ``root`` is the folder of all datasets.

    ``fold`` counts from 1; datasets without folds have only fold 1.
    """

    info: TargetInfo

    def status(self, root: Path) -> DataStatus: ...

    def fetch(self, root: Path) -> None:
        """Download and verify, or raise a BadInput that says how to obtain the data by hand."""
        ...

    def train(self, root: Path, view: Any, fold: int = 1) -> LabelledData: ...

    def test(self, root: Path, view: Any, fold: int = 1) -> LabelledData: ...

    def write_sample(self, root: Path, seed: int) -> None:
        """Write a small stand-in in the dataset's NATIVE on-disk format and mark it (``datasets.standin.mark``).

        An adapter without a stand-in leaves this method out, or has an attribute ``has_stand_in`` that is False. It is
        then run and checked on real data alone.
        """
        ...


class Modality(Protocol):
    """What the benchmark needs from a modality. Importing it is cheap; torch is imported inside methods."""

    name: ModalityName
    view_type: type  # frozen dataclass: the typed ``view`` section of a cell's configuration
    policy_type: type  # frozen dataclass with a ``name``: the typed ``policy`` section

    def suffixes(self) -> tuple[str, ...]:
        """Return the endings of files that hold a labelled item, in lower case."""
        ...

    def suggest_view(self, files: Sequence[Path]) -> Suggestion:
        """Return settings of the view that fit a sample of a dataset's files. Raises BadInput if none can be read."""
        ...

    def sources(self) -> Mapping[str, str]:
        """Return the named sources that ship or are generated, each with a line of description."""
        ...

    def policies(self) -> Mapping[str, Any]:
        """Return the named policies: instances of ``policy_type``."""
        ...

    def traits(self) -> Mapping[str, str]:
        """Return how segments are made whatever the settings, for comparison with how others make them."""
        ...

    def networks(self) -> Mapping[str, str]:
        """Return network names (patterns such as ``wrn-D-W``), each with a line of description."""
        ...

    def check_network(self, name: str) -> str:
        """Return the full name of a network: if it is pretrained, it says by which weights.

        A name that ``network`` cannot build is refused, without building it, and without torch if possible.

        Raises:
            UnknownName: no pattern matches; the message names the nearest.
            BadInput: a number in the name is out of range.
        """
        ...

    def source_ref(self, name: str) -> SourceRef:
        """Identify a named source or the user's file by path. Raises BadInput if there is neither."""
        ...

    def density(self, name: str) -> Mapping[str, float]:
        """Return figures of how dense a source is, by their names; the modality's own. Raises as ``load_source``."""
        ...

    def load_source(self, name: str, view: Any, device: torch.device) -> Source:
        """Decode or generate the datum once, onto the device. Raises BadInput for a file that cannot be used."""
        ...

    def write_source(self, made: Any, path: Path) -> Path:
        """Write a source that came from Python beside ``path``, which has no ending, without loss; return the file.

        ``made`` is what a plug-in's ``SOURCE`` returns (``plugins.contracts``). Raises ValueError if it is none.
        """
        ...

    def source_of_items(self, items: Sequence[Tensor], ref: SourceRef, view: Any, device: torch.device) -> Source:
        """Return a source of several items of one shape, for the control over real training items.

        Args:
            items: raw, as ``Item.data``: each clip of an item counts as one picture, recording or clip.

        Its streams go through all of them once per epoch, each time in a new order (``compute.item_order.ItemOrder``).
        Items that are flat or silent are left out, as such a file is refused. Raises BadInput if all are.
        """
        ...

    def most_items(self, item: Tensor) -> int:
        """Return how many items like this one, raw, ``source_of_items`` may be given for its memory's sake."""
        ...

    def stream(
        self, source: Any, view: Any, policy: Any, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> SegmentStream: ...  # fmt: skip

    def network(self, name: str, view: Any, classes: int) -> nn.Module:
        """Build a network: view.shape in, (B, classes) logits out.

        Its weights are random, or pretrained for names that say so. Those that come with a last layer of that many
        classes have an attribute ``labels``, the names of these classes in order: if they are the target's, the network
        serves as a teacher without training; otherwise it is fine-tuned. Raises BadInput if the view makes other inputs
        than the weights were trained on.
        """
        ...

    def prepare(self, raw: Tensor, view: Any) -> Tensor:
        """Turn raw items on the device, without the clips axis, into normalised float32 input: (B, *view.shape)."""
        ...

    def augment(self, raw: Tensor, view: Any, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, with the augmentation of a teacher's training; per-sample parameters from ``draws``."""
        ...

    def pictures(self, inputs: Tensor, view: Any) -> np.ndarray:
        """Return network inputs, (B, *view.shape), as people can look at them: (B, height, width, 3) uint8."""
        ...

    def sounds(self, inputs: Tensor, view: Any, source: Any) -> tuple[int, np.ndarray] | None:
        """Return samples per second, and network inputs as sound: (B, samples) float32 within [-1, 1]; None if silent.

        What inputs do not say, such as the level, is taken from the ``source``.
        """
        ...

    def show_source(self, source: Any, view: Any) -> tuple[np.ndarray, tuple[int, np.ndarray] | None]:
        """Return the whole datum as people see and hear it, whatever segments make of it.

        It is pictures, (n, height, width, 3) uint8 (n above 1: evenly spaced frames of a clip), and samples per second
        with sound (samples,) float32 within [-1, 1], or None if it is silent. Of several items, the first is shown.
        """
        ...

    def preview(self, source: Any, view: Any, policy: Any, *, seed: int, path: Path) -> None:
        """Write a PNG of the source and of the segments that a student sees."""
        ...

    def references(self, source: str, view: Any, policy: Any, device: torch.device) -> Sequence[Reference]:
        """Return other ways to make segments of a named source, those of libraries that are not installed too."""
        ...
