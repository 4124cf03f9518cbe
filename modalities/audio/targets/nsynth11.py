"""NSynth: 305,979 single notes of eleven instrument families, 16 kHz."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from modalities.audio.decode import Stretch
from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack
from modalities.base import DataStatus, TargetInfo
from modalities.datasets.index import Index, index
from modalities.datasets.listing import Row
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput

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

    def _part(self, root: Path, part: str) -> Path:
        return self._unpacked(root, f"nsynth-{part}")

    def _notes(self, root: Path, part: str) -> Index:
        return index(self._part(root, part) / "audio", (".",), ".wav")

    def status(self, root: Path) -> DataStatus:
        """Ready when both parts have their table and the official number of notes."""
        digest, size, missing, found = hashlib.sha256(), 0, [], 0
        for part, expected in NOTES.items():
            notes, table = self._notes(root, part), self._part(root, part) / "examples.json"
            digest.update(notes.fingerprint.encode())
            if table.is_file():
                digest.update(str(table.stat().st_size).encode())
                expected = len(_notes_of(table)) if is_stand_in(self.home(root)) else expected
            else:
                missing.append(f"nsynth-{part}/examples.json")
            if len(notes) < expected:
                missing.append(f"{expected - len(notes):,} of {expected:,} notes of nsynth-{part}")
            size, found = size + notes.bytes, found + len(notes) + table.is_file()
        fingerprint = digest.hexdigest() if found else ""
        return self._report(root, missing, fingerprint, size, some=found > 0)

    def fetch(self, root: Path) -> None:
        """Download and unpack the training and test archives (25 GB), or the one that is incomplete."""
        for part, md5 in MD5.items():
            if len(self._notes(root, part)) < NOTES[part]:
                name, folder = f"nsynth-{part}.jsonwav.tar.gz", self.home(root)
                at_most = 2 * self.info.download_bytes
                download_and_unpack(f"{HOST}/{name}", folder / name, folder, md5=md5, at_most=at_most)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        part = self._part(root, "test" if test else "train")
        return [
            Row(Stretch(part / "audio" / f"{note}.wav", 0.0, view.seconds), label, note, instrument)
            for note, label, instrument in _notes_of(self._required(root, part / "examples.json"))
        ]

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._nsynth11_standin import write

        write(home, seed)


def _notes_of(table: Path) -> tuple[tuple[str, int, str], ...]:
    """Return the notes of a table with label and instrument, by name; parsed once while the file stays the same."""
    return _parsed(table, table.stat().st_mtime_ns)


@cache
def _parsed(table: Path, modified: int) -> tuple[tuple[str, int, str], ...]:
    try:
        notes = json.loads(table.read_text(encoding="utf-8"))
        rows = [
            (name, int(note["instrument_family"]), str(note["instrument_str"]), str(note["instrument_family_str"]))
            for name, note in sorted(notes.items())
        ]
    except (OSError, ValueError, AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BadInput(f"{table} is not a table of notes ({type(error).__name__}); fetch it again.") from error
    for name, label, _, family in rows:
        if not 0 <= label < len(FAMILIES) or FAMILIES[label] != family or "/" in name:
            raise BadInput(f"{table} gives the note '{name}' the family {label} '{family}'; fetch it again.")
    return tuple((name, label, instrument) for name, label, instrument, _ in rows)


TARGET = NSynth11()
