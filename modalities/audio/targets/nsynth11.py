"""NSynth: 305,979 single notes of eleven instrument families, 16 kHz."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.audio.decode import Stretch, index, recordings
from modalities.audio.targets._splits import home
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.standin import is_stand_in, mark
from modalities.errors import BadInput

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView

FAMILIES = (
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal",
)  # fmt: skip
NOTES = {"train": 289_205, "test": 4_096}  # the validation part (12,678) is left aside
HOST = "https://download.magenta.tensorflow.org/datasets/nsynth"
MD5 = {"train": "fde6665a93865503ba598b9fac388660", "test": "5e6f8719bf7e16ad0a00d518b78af77d"}

INFO = TargetInfo(
    name="nsynth11",
    title="NSynth, instrument families",
    modality="audio",
    classes=FAMILIES,
    train_items=NOTES["train"],
    test_items=NOTES["test"],
    licence="CC BY 4.0",
    citation=(
        "@inproceedings{engel2017nsynth, title={Neural Audio Synthesis of Musical Notes with {WaveNet} Autoencoders}, "
        "author={Engel, Jesse and Resnick, Cinjon and Roberts, Adam and Dieleman, Sander and Norouzi, Mohammad and "
        "Eck, Douglas and Simonyan, Karen}, booktitle={ICML}, year={2017}, eprint={1704.01279}}"
    ),
    homepage="https://magenta.tensorflow.org/datasets/nsynth",
    download_bytes=25_200_000_000,
    leak_unit="instrument",
    notes=(
        "Official training and test parts, which share no instrument; the validation part is left aside. "
        "Of a note, one window from its attack on is heard. The family "
        "synth_lead is said to occur in training alone, so ten classes may be all that a test holds."
    ),
)


class NSynth11:
    """Reads ``nsynth-{train,test}/examples.json`` and ``nsynth-{train,test}/audio/<note>.wav``."""

    info = INFO

    def _part(self, root: Path, part: str) -> Path:
        return home(root, INFO.name, f"nsynth-{part}")

    def status(self, root: Path) -> DataStatus:
        """Ready when both parts have their table and as many notes as the official counts say."""
        digest, total, missing, some = hashlib.sha256(), 0, [], False
        for part, expected in NOTES.items():
            folder = self._part(root, part)
            found, table = index(folder / "audio"), folder / "examples.json"
            count, total = len(found.files), total + found.bytes
            some = some or bool(count) or table.is_file()
            digest.update(found.fingerprint.encode())
            if table.is_file():
                digest.update(str(table.stat().st_size).encode())
            else:
                missing.append(f"nsynth-{part}/examples.json")
            if is_stand_in(root / INFO.name):
                expected = len(_table(table)) if table.is_file() else expected
            if count < expected:
                missing.append(f"{expected - count:,} of {expected:,} notes of nsynth-{part}")
        if not missing:
            return DataStatus("ready", digest.hexdigest(), bytes=total)
        how = f"run 'benchmark data fetch {INFO.name}', or unpack the json/wav archives into {root / INFO.name}"
        fingerprint = digest.hexdigest() if some else ""
        return DataStatus("partial" if some else "absent", fingerprint, tuple(missing), how, total)

    def fetch(self, root: Path) -> None:
        """Download the training and test archives (25 GB), verify and unpack those that are not there."""
        from modalities.download.fetch import download, extract

        for part, md5 in MD5.items():
            if len(index(self._part(root, part) / "audio").files) < NOTES[part]:
                name = f"nsynth-{part}.jsonwav.tar.gz"
                folder = root / INFO.name
                archive = download(f"{HOST}/{name}", folder / name, md5=md5, at_most=2 * INFO.download_bytes)
                extract(archive, folder)

    def _rows(self, root: Path, part: str, heard: float) -> list[Row]:
        """Notes of a part, of which the first ``heard`` seconds count."""
        folder = self._part(root, part)
        table = folder / "examples.json"
        if not table.is_file():
            raise BadInput(f"{table} is not there; run 'benchmark data fetch {INFO.name}'.")
        return [
            Row(Stretch(folder / "audio" / f"{note}.wav", 0.0, heard), label, note, instrument)
            for note, label, instrument in _table(table)
        ]

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        return recordings(self._rows(root, "train", view.seconds), view, test=False)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        return recordings(self._rows(root, "test", view.seconds), view, test=True)

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.audio.targets._nsynth11_standin``."""
        from modalities.audio.targets._nsynth11_standin import write

        write(root / INFO.name, seed)
        mark(root / INFO.name, INFO.name, seed)


def _table(path: Path) -> tuple[tuple[str, int, str], ...]:
    """Notes of a table with label and instrument, by name; parsed once while the file stays the same."""
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, changed: int) -> tuple[tuple[str, int, str], ...]:
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            (name, int(note["instrument_family"]), str(note["instrument_str"]), str(note["instrument_family_str"]))
            for name, note in sorted(notes.items())
        ]
    except (OSError, ValueError, AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BadInput(f"{path} is no table of notes ({type(error).__name__}); fetch it again.") from error
    for name, label, _, family in rows:
        if not 0 <= label < len(FAMILIES) or FAMILIES[label] != family or "/" in name:
            raise BadInput(f"{path} gives the note '{name}' the family {label} '{family}'; fetch it again.")
    return tuple((name, label, instrument) for name, label, instrument, _ in rows)


TARGET = NSynth11()
