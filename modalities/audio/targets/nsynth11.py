"""NSynth: 305,979 single notes of eleven instrument families, 16 kHz."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from modalities.audio.decode import Stretch
from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack, find_folder
from modalities.base import DataStatus, TargetInfo
from modalities.datasets.index import Index, index
from modalities.datasets.listing import Row
from modalities.datasets.lists import FETCH_AGAIN, is_safe_path, unmatched
from modalities.datasets.standin import is_stand_in
from modalities.datasets.target import differing_counts
from modalities.errors import BadInput
from modalities.storage.array_cache import Arrays, cached_arrays

FAMILIES = (
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal",
)  # fmt: skip
NOTES = {"train": 289_205, "test": 4_096}  # the validation part (12,678) is left out
HOST = "https://download.magenta.tensorflow.org/datasets/nsynth"
MD5 = {"train": "fde6665a93865503ba598b9fac388660", "test": "5e6f8719bf7e16ad0a00d518b78af77d"}


class NSynth11(AudioTarget):
    """Reads ``nsynth-{train,test}/examples.json`` and ``nsynth-{train,test}/audio/<note>.wav``."""

    info = TargetInfo(
        name="nsynth11",
        title="NSynth, instrument families",
        modality="audio",
        classes=FAMILIES,
        train_items=NOTES["train"],
        test_items=NOTES["test"],
        licence="CC BY 4.0",
        citation=(
            "@inproceedings{engel2017nsynth, title={Neural Audio Synthesis of Musical Notes with {WaveNet} "
            "Autoencoders}, author={Engel, Jesse and Resnick, Cinjon and Roberts, Adam and Dieleman, Sander and "
            "Norouzi, Mohammad and Eck, Douglas and Simonyan, Karen}, booktitle={ICML}, year={2017}, "
            "eprint={1704.01279}}"
        ),
        homepage="https://magenta.tensorflow.org/datasets/nsynth",
        download_bytes=25_200_000_000,
        leak_unit="instrument",
        notes=(
            "Official training and test parts, which share no instrument; the validation part is left out. A note "
            "gives one window that begins at its attack. The family synth_lead is said to be in the training part "
            "only, so the test may hold ten classes."
        ),
    )
    unit = "notes"
    archive = "the json/wav archives"
    layout = "nsynth-{train,test}/examples.json and nsynth-{train,test}/audio/*.wav, not the TFRecord files"

    def _part(self, root: Path, part: str) -> Path:
        name = f"nsynth-{part}"
        patterns = [f"{place}{name}" for place in ("nsynth11/", "", "nsynth/", f"nsynth11/{name}*/", f"{name}*/")]
        return find_folder(root, patterns, ("examples.json", "audio")) or root / patterns[0]

    def _notes(self, root: Path, part: str) -> Index:
        sounds = self._part(root, part) / "audio"
        return index(sounds, (".",), ".wav").with_content(sounds)

    def status(self, root: Path) -> DataStatus:
        """Ready when both parts have the official number of notes, in their folder and in their table."""
        digest, size, missing, some = hashlib.sha256(), 0, [], False
        for part in NOTES:
            notes, table = self._notes(root, part), self._part(root, part) / "examples.json"
            digest.update(notes.fingerprint.encode())
            if table.is_file():
                digest.update(str(table.stat().st_size).encode())
            missing += self._faults(root, part, notes, table) + notes.faults(self.unit)
            size, some = size + notes.bytes, some or len(notes) > 0 or table.is_file()
        return self._report(root, missing, digest.hexdigest() if some else "", size, some=some)

    def _faults(self, root: Path, part: str, notes: Index, table: Path) -> list[str]:
        faults = [] if table.is_file() else [f"{table.parent.name}/{table.name}"]
        if not is_stand_in(self.home(root)):
            faults += differing_counts({"": NOTES[part]}, {"": len(notes)}, f"notes of nsynth-{part}")
        if table.is_file():
            try:
                names = _notes_of(table)["names"].tolist()
            except BadInput as damage:
                return [*faults, str(damage)]
            if len(names) != len(notes):
                list_name = f"list nsynth-{part}/{table.name}"
                faults += self._differing_counts(root, {list_name: NOTES[part]}, {list_name: len(names)})
            on_disk = {name.removeprefix("./").removesuffix(".wav") for name in notes.names}
            absent = [name for name in map(bytes.decode, names) if name not in on_disk]
            faults += unmatched(table, absent, self.unit)
        return faults

    def fetch(self, root: Path) -> None:
        """Download and unpack the training and test archives (25 GB), or the one that is incomplete."""
        for part, md5 in MD5.items():
            if len(self._notes(root, part)) < NOTES[part]:
                name, folder = f"nsynth-{part}.jsonwav.tar.gz", self.home(root)
                at_most = 2 * self.info.download_bytes
                download_and_unpack(f"{HOST}/{name}", folder / name, folder, md5=md5, at_most=at_most)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        part = "test" if test else "train"
        folder, on_disk = self._part(root, part), set(self._notes(root, part).names)
        notes = _notes_of(self._required(root, folder / "examples.json"))
        columns = (notes["names"].tolist(), notes["labels"].tolist(), notes["instruments"].tolist())
        return [
            Row(Stretch(folder / "audio" / f"{note}.wav", 0.0, view.seconds), label, note, instrument.decode())
            for note, label, instrument in zip(map(bytes.decode, columns[0]), *columns[1:], strict=True)
            if f"./{note}.wav" in on_disk
        ]

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._nsynth11_standin import write

        write(home, seed)


def _notes_of(table: Path) -> Arrays:
    """Return the notes of a table by name, as bytes: ``names``, ``labels`` and ``instruments``, each (n,).

    A table of 200 MB takes seconds to parse, so that what it says is saved in the cache.
    """
    stat = table.stat()
    return _parsed(table, f"{stat.st_mtime_ns} {stat.st_size}")


@lru_cache(maxsize=4)
def _parsed(table: Path, stamp: str) -> Arrays:
    def compute() -> Arrays:
        rows = _read(table)
        return {
            "names": np.array([name.encode() for name, *_ in rows], np.bytes_),
            "labels": np.array([label for _, label, _ in rows], np.int64),
            "instruments": np.array([instrument.encode() for *_, instrument in rows], np.bytes_),
        }

    return cached_arrays(f"notes of {table.absolute()}", stamp, compute)


def _read(table: Path) -> list[tuple[str, int, str]]:
    try:
        notes = json.loads(table.read_text(encoding="utf-8-sig"))
        rows = [
            (name, int(note["instrument_family"]), str(note["instrument_str"]), str(note["instrument_family_str"]))
            for name, note in sorted(notes.items())
        ]
        "".join(name + instrument for name, _, instrument, _ in rows).encode()  # refuses what is not Unicode
    except (OSError, ValueError, AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BadInput(f"{table} is not a table of notes ({type(error).__name__}); {FETCH_AGAIN}.") from error
    for name, label, instrument, family in rows:
        known = 0 <= label < len(FAMILIES) and FAMILIES[label] == family
        if not known or "/" in name or not is_safe_path(name) or not is_safe_path(instrument):
            raise BadInput(f"{table} gives the note '{name}' the family {label} '{family}'; {FETCH_AGAIN}.")
    return [(name, label, instrument) for name, label, instrument, _ in rows]


TARGET = NSynth11()
