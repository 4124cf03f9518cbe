"""ESC-50: fifty kinds of environmental sound, 2,000 clips of five seconds in five official folds."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modalities.audio.files import index, recordings
from modalities.audio.targets._esc50_names import CLASSES
from modalities.audio.targets._parts import in_parts, seconds
from modalities.audio.targets._splits import home
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.lists import is_safe_path, parse_int, table
from modalities.datasets.standin import mark
from modalities.errors import BadInput

if TYPE_CHECKING:
    from modalities.audio.options import AudioView

FOLDS = (1, 2, 3, 4, 5)
CLIPS = 2_000
CLIP = re.compile(r"([1-5])-(\d+)-([A-Z])-(\d+)\.wav")
URL = "https://github.com/karoldvl/ESC-50/archive/master.zip"
MD5 = "7771e4b9d86d0945acce719c7a59305a"
FOLDER = "ESC-50-master"

INFO = TargetInfo(
    name="esc50",
    title="ESC-50",
    modality="audio",
    classes=CLASSES,
    train_items=1_600,
    test_items=400,
    licence="CC BY-NC 3.0 (the ESC-10 part CC BY)",
    citation=(
        "@inproceedings{piczak2015esc, title={{ESC}: {Dataset} for {Environmental Sound Classification}}, "
        "author={Piczak, Karol J.}, booktitle={Proceedings of the 23rd ACM International Conference on Multimedia}, "
        "pages={1015--1018}, doi={10.1145/2733373.2806390}, year={2015}}"
    ),
    homepage="https://github.com/karolpiczak/ESC-50",
    download_bytes=600_000_000,
    leak_unit="recording",
    folds=len(FOLDS),
    notes=(
        "Fold k is the test of fold k, the other four are the training data; the usual number is the mean over all "
        "five. A training clip gives as many windows as fit into it; sizes count clips. Clips cut from one recording "
        "share a fold. Some classes are band-limited by how they were uploaded, warns the author, so a network may "
        "hear the codec. The archive is generated on demand; should its checksum "
        f"change, unpack it by hand as {FOLDER}."
    ),
)


class Clip(NamedTuple):
    """A line of the table."""

    name: str
    fold: int
    target: int
    source: str


class Esc50:
    """Reads ``ESC-50-master/meta/esc50.csv`` and ``ESC-50-master/audio/<fold>-<source>-<take>-<target>.wav``."""

    info = INFO

    def _folder(self, root: Path) -> Path:
        return home(root, INFO.name, FOLDER)

    def status(self, root: Path) -> DataStatus:
        """Ready when every clip of the table is there."""
        folder = self._folder(root)
        found, table = index(folder / "audio"), folder / "meta" / "esc50.csv"
        how = f"run 'benchmark data fetch {INFO.name}', or unpack {URL} into {root / INFO.name}"
        if not table.is_file():
            missing: tuple[str, ...] = ("meta/esc50.csv", f"{CLIPS - len(found.files):,} of {CLIPS:,} clips")
            return DataStatus("partial" if found.files else "absent", "", missing, how, found.bytes)
        fingerprint = hashlib.sha256(f"{found.fingerprint} {_digest(table)}".encode()).hexdigest()
        listed = [clip.name for clip in _table(table)]
        lacking = sorted(set(listed) - {path.name for path in found.files})
        if not lacking:
            return DataStatus("ready", fingerprint, bytes=found.bytes)
        missing = (f"{len(lacking):,} of {len(listed):,} clips, such as {lacking[0]}",)
        return DataStatus("partial", fingerprint, missing, how, found.bytes)

    def fetch(self, root: Path) -> None:
        """Download 600 MB, verify and unpack."""
        from modalities.download.fetch import download, extract

        if self.status(root).state != "ready":
            folder = root / INFO.name
            archive = download(URL, folder / f"{FOLDER}.zip", md5=MD5, at_most=2 * INFO.download_bytes)
            extract(archive, folder)

    def _rows(self, root: Path, fold: int, *, test: bool) -> list[Row]:
        if fold not in FOLDS:
            raise BadInput(f"{INFO.name} has no fold {fold}; choose 1 to 5.")
        table = self._folder(root) / "meta" / "esc50.csv"
        if not table.is_file():
            raise BadInput(f"{table} is not there; run 'benchmark data fetch {INFO.name}'.")
        audio = self._folder(root) / "audio"
        rows = [
            Row(audio / clip.name, clip.target, Path(clip.name).stem, clip.source)
            for clip in _table(table)
            if (clip.fold == fold) == test
        ]
        if not rows:
            raise BadInput(f"{table} names no clips of fold {fold}'s {'test' if test else 'training'}; fetch it again.")
        return rows

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """The four other folds, in as many windows as fit into each clip: many hold sound only here and there."""
        rows = self._rows(root, fold, test=False)
        return in_parts(((row, max(1, int(seconds(row.where) / view.seconds))) for row in rows), view)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """The fold itself."""
        return recordings(self._rows(root, fold, test=True), view, test=True)

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.audio.targets._esc50_sample``."""
        from modalities.audio.targets._esc50_sample import write

        write(root / INFO.name / FOLDER, seed)
        mark(root / INFO.name, INFO.name, seed)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _table(path: Path) -> list[Clip]:
    """The table's clips in its order; a line that contradicts its own file name is refused."""
    clips = []
    for line in table(path):
        found = CLIP.fullmatch(line.get("filename", ""))
        name = CLASSES.index(line["category"]) if line.get("category") in CLASSES else -1
        if (
            found is None
            or not is_safe_path(found[0])
            or (line.get("fold"), line.get("target")) != (found[1], found[4])
            or parse_int(found[4]) != name
        ):
            raise BadInput(f"{path} has a line for '{line.get('filename')}' that contradicts itself; fetch it again.")
        clips.append(Clip(found[0], int(found[1]), name, found[2]))
    return clips


TARGET = Esc50()
