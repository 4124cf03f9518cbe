"""ESC-50: fifty kinds of environmental sound, 2,000 clips of five seconds in five official folds."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from modalities.audio.decode import duration
from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget
from modalities.audio.targets._parts import in_parts
from modalities.base import TargetInfo
from modalities.datasets.index import Index
from modalities.datasets.listing import Listing, Row
from modalities.datasets.lists import (
    FETCH_AGAIN,
    is_safe_path,
    lines,
    numbered_rows,
    parse_int,
    unmatched,
)  # fmt: skip
from modalities.errors import BadInput
from modalities.storage.digest import file_sha256

CLASSES = tuple(lines(Path(__file__).with_name("_esc50_classes.txt")))  # in the order of the table's targets
CLIP = re.compile(r"([1-5])-(\d+)-([A-Z])-(\d+)\.wav")
URL = "https://github.com/karoldvl/ESC-50/archive/master.zip"
MD5 = "7771e4b9d86d0945acce719c7a59305a"
FOLDER = "ESC-50-master"


class Esc50(AudioTarget):
    """Reads ``meta/esc50.csv`` and ``audio/<fold>-<source>-<take>-<target>.wav`` of the archive or of a clone."""

    info = TargetInfo(
        name="esc50",
        title="ESC-50",
        modality="audio",
        classes=CLASSES,
        train_items=1_600,
        test_items=400,
        licence="CC BY-NC 3.0 (the ESC-10 part CC BY)",
        citation=(
            "@inproceedings{piczak2015esc, title={{ESC}: {Dataset} for {Environmental Sound Classification}}, "
            "author={Piczak, Karol J.}, booktitle={Proceedings of the 23rd ACM International Conference on "
            "Multimedia}, pages={1015--1018}, doi={10.1145/2733373.2806390}, year={2015}}"
        ),
        homepage="https://github.com/karolpiczak/ESC-50",
        download_bytes=600_000_000,
        leak_unit="recording",
        folds=5,
        notes=(
            "Fold k tests on fold k and trains on the other four; the usual result is the mean over all five. A "
            "training clip gives as many windows as fit into it; sizes count clips. Clips cut from one recording "
            "share a fold. The author warns that some classes are band-limited by how they were uploaded, so a "
            "network may recognise the codec. The archive is generated on demand; if its checksum has changed, "
            f"unpack it by hand as {FOLDER}."
        ),
    )
    files, unit = 2_000, "clips"
    archive = URL
    folders = (f"esc50/{FOLDER}", "esc50/ESC-50*", "esc50", FOLDER, "ESC-50*")
    contents = ("meta/esc50.csv", "audio")
    layout = f"audio/*.wav and meta/esc50.csv in {FOLDER} or in a clone named ESC-50"

    def _sounds(self, root: Path) -> Path:
        return self._unpacked(root) / "audio"

    def _table(self, root: Path) -> Path:
        return self._unpacked(root) / "meta" / "esc50.csv"

    def _fingerprint(self, root: Path, found: Index) -> str:
        if not self._table(root).is_file():
            return ""
        return hashlib.sha256(f"{found.fingerprint} {file_sha256(self._table(root))}".encode()).hexdigest()

    def _missing(self, root: Path, found: Index) -> list[str]:
        if not self._table(root).is_file():
            return ["meta/esc50.csv", f"{self.files - len(found):,} of {self.files:,} clips"]
        clips = _clips(self._table(root))
        on_disk = {name.rpartition("/")[2] for name in found.names}
        folds = Counter(fold for name, fold, *_ in clips if name in on_disk)
        known = {f"fold {fold}": self.info.test_items for fold in range(1, self.info.folds + 1)}
        missing = self._differing_counts(root, known, {f"fold {fold}": count for fold, count in folds.items()})
        missing += self._differing_counts(
            root, {"list meta/esc50.csv": self.files}, {"list meta/esc50.csv": len(clips)}
        )
        return missing + unmatched(self._table(root), [name for name, *_ in clips if name not in on_disk], self.unit)

    def fetch(self, root: Path) -> None:
        """Download and unpack 600 MB."""
        self._fetch_archive(root, URL, f"{FOLDER}.zip", md5=MD5, at_most=2 * self.info.download_bytes)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        sounds, on_disk = self._sounds(root), set(self._index(root).names)
        return [
            Row(sounds / name, label, Path(name).stem, source)
            for name, own_fold, label, source in _clips(self._required(root, self._table(root)))
            if (own_fold == fold) == test and f"./{name}" in on_disk
        ]

    def listing(self, rows: Sequence[Row], view: AudioView, *, test: bool) -> Listing:
        """Return as many windows as fit into each training clip, because many are silent for the most part."""
        if test:
            return super().listing(rows, view, test=test)
        return in_parts(((row, max(1, int(duration(row.where) / view.seconds))) for row in rows), view)

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._esc50_standin import write

        write(home / FOLDER, CLASSES, seed)


def _clips(path: Path) -> list[tuple[str, int, int, str]]:
    """Return name, fold, label and source of the table's clips.

    Raises BadInput for a line that contradicts its file name, and for a clip that is listed twice.
    """
    clips = {}
    for number, line in numbered_rows(path, ("filename", "fold", "target", "category")):
        match = CLIP.fullmatch(line.get("filename", ""))
        label = CLASSES.index(line["category"]) if line.get("category") in CLASSES else -1
        if (
            match is None
            or not is_safe_path(match[0])
            or (line.get("fold"), line.get("target")) != (match[1], match[4])
            or parse_int(match[4]) != label
        ):
            raise BadInput(f"{path} has a line for '{line.get('filename')}' that contradicts itself; {FETCH_AGAIN}.")
        if match[0] in clips:
            raise BadInput(f"{path} lists {match[0]} again in line {number}; {FETCH_AGAIN}.")
        clips[match[0]] = (match[0], int(match[1]), label, match[2])
    return list(clips.values())


TARGET = Esc50()
