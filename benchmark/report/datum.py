"""The datum of a report: what students learned from, with sixteen of the segments that they saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.insight import media
from benchmark.planning.recorded import view_and_policy
from benchmark.records.record import Record, is_real_training_items
from modalities.base import Modality
from modalities.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEGMENTS = 16
SIDE = 96  # pixels of a segment's shorter side, at most
LONGER_SIDE = 420  # of the datum, at most
FRAMES = 4  # of a clip
PLAYED = 15  # seconds of the datum, at most
ALL_PLAYED = 32  # seconds of all its segments together, at most
_LOSSLESS = 40  # pixels of the shorter side up to which a picture is small without loss


@dataclass(frozen=True)
class Datum:
    """A source of some rows: what is known of it, and what it looks and sounds like, if it is here."""

    name: str
    modality: str
    sha256: str
    description: str
    licence: str
    used_by: tuple[str, ...]  # targets, with the kind of their data unless it is real
    data: tuple[str, ...]  # kinds of data of those rows
    missing: str = ""  # why nothing is shown
    view_of: str = ""  # the target in whose view the segments are
    pictures: tuple[str, ...] = ()  # of the datum, as addresses
    sound: str = ""
    sound_note: str = ""
    segments: list[tuple[str, str]] = field(default_factory=list)  # picture and sound, "" if silent


def data_of(records: Iterable[Record], modality_of: Callable[[str], Modality], folders: Sequence[Path]) -> list[Datum]:
    """Return each datum that some record was made from, in the order of the records.

    Named sources are loaded by their names, files are looked for in ``folders`` under the name that records have.
    """
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if not record.is_handed_in and not is_real_training_items(record.source["name"]):
            key = (record.modality, record.source["name"], record.source["sha256"])
            groups.setdefault(key, []).append(record)
    return [_datum(own, modality_of, folders) for own in groups.values()]


def _datum(records: Sequence[Record], modality_of: Callable[[str], Modality], folders: Sequence[Path]) -> Datum:
    example = next((record for record in records if record.status == "done"), records[0])
    source = example.source
    known: dict[str, Any] = {
        "name": source["name"], "modality": example.modality, "sha256": source["sha256"],
        "description": source["description"], "licence": _licence(source["description"]),
        "used_by": tuple(dict.fromkeys(_used_by(record) for record in records)),
        "data": tuple(dict.fromkeys(record.data for record in records)),
    }  # fmt: skip
    try:
        modality = modality_of(example.modality)
        return Datum(**known, view_of=example.target, **_shown(modality, example, _path(modality, source, folders)))
    except BadInput as error:
        return Datum(**known, missing=str(error))


def _used_by(record: Record) -> str:
    return record.target if record.data == "real" else f"{record.target} ({record.data} data)"


def _licence(description: str) -> str:
    """Return what is known of a source's licence; descriptions of named sources say it in parentheses."""
    if description.startswith("generated") or "(generated)" in description:
        return "none needed: it is generated from its name by this package"
    if "of our own" in description:
        return "that of this package, with which it comes"
    if description.endswith(")") and "(" in description:
        return f"that of the file in {description.rpartition('(')[2].rstrip(')')}"
    return "not recorded: it is a file of the user's"


def _path(modality: Modality, source: dict[Any, str], folders: Sequence[Path]) -> str:
    """Return the name or path by which a source is loaded. Raises BadInput if it is not the recorded one, or absent."""
    name, sha256 = source["name"], source["sha256"]
    found: list[str] = []
    for candidate in (name, *(str(folder / Path(name).name) for folder in folders)):
        try:
            if modality.source_ref(candidate).sha256 == sha256:
                return candidate
            found.append(candidate)
        except BadInput:
            continue
    if found:
        raise BadInput(f"{name} is here in another version than the one that was used (SHA-256 {sha256})")
    raise BadInput(
        f"the file {name} was not found when this page was made; put the one with SHA-256 {sha256} into the folder of "
        "the data and make the page again"
    )


def _shown(modality: Modality, record: Record, path: str) -> dict[str, Any]:
    import torch

    view, policy = view_and_policy(record, modality)
    device = torch.device("cpu")
    source = modality.load_source(path, view, device)
    whole, sound = modality.show_source(source, view)
    stream = modality.stream(source, view, policy, batch_size=SEGMENTS, seed=record.seed, device=device)
    inputs = stream.batch(0)
    pictures = modality.pictures(inputs, view)
    heard = _heard(modality, inputs, view, source)
    frames = inputs.shape[2] if inputs.ndim == 5 else 1
    return {
        "pictures": tuple(_picture(_within(one, LONGER_SIDE)) for one in whole),
        "sound": media.mp3(sound[1][: PLAYED * sound[0]], sound[0]) if sound else "",
        "sound_note": _length(len(sound[1]) / sound[0]) if sound else "",
        "segments": [
            (_picture(_small(_few_frames(one, frames))), heard[place] if place < len(heard) else "")
            for place, one in enumerate(pictures)
        ],
    }


def _heard(modality: Modality, inputs: Any, view: Any, source: Any) -> list[str]:
    """Return as many segments as sound, as addresses, as ALL_PLAYED seconds hold; none if they are silent."""
    first = modality.sounds(inputs[:1], view, source)
    if first is None:
        return []
    rate, sounds = first
    count = min(len(inputs), max(1, int(ALL_PLAYED * rate // sounds.shape[1])))
    rate, sounds = modality.sounds(inputs[:count], view, source) or first
    return [media.mp3(one, rate) for one in sounds]


def _length(seconds: float) -> str:
    return f"the first {PLAYED} of its {seconds:.0f} seconds" if seconds > PLAYED else f"its {seconds:.1f} seconds"


def _few_frames(picture: NDArray[np.uint8], frames: int) -> NDArray[np.uint8]:
    """Return a strip of at most FRAMES of its frames, evenly spaced."""
    import numpy as np

    if frames <= FRAMES:
        return picture
    every = np.split(picture, frames, axis=1)
    return np.concatenate([every[round(place)] for place in np.linspace(0, frames - 1, FRAMES)], axis=1)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    return _within(picture, round(max(height, width) * min(1.0, SIDE / min(height, width))))


def _within(picture: NDArray[np.uint8], longer: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side has at most so many pixels."""
    import numpy as np
    from PIL import Image

    height, width = picture.shape[:2]
    if max(height, width) <= longer:
        return picture
    share = longer / max(height, width)
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def _picture(picture: NDArray[np.uint8]) -> str:
    return media.png(picture) if min(picture.shape[:2]) <= _LOSSLESS else media.jpeg(picture)
