"""HMDB51: 51 human actions in short clips from films and the web, in three official splits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.lists import is_safe_path, lines
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput
from modalities.video.policies import VideoView
from modalities.video.targets._base import FOLDS, VideoTarget, inventory

CLASSES = tuple(lines(Path(__file__).with_name("_hmdb51_classes.txt")))  # the folders' names, sorted
TRAIN, TEST = 1, 2  # tags of the lists; 0 is left out of a split
LISTS = "testTrainMulti_7030_splits"
HOST = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"
# What a clip's name says after its source and class: body, camera, people, viewpoint, quality and a number.
TAGS = re.compile(r"_[a-z]_(?:nm|cm)_np\d+_[a-z]{2}_[a-z]{3}_\d+$")
SAMPLE_CLASSES = ("brush_hair", "climb", "climb_stairs", "kick", "kick_ball", "sword", "sword_exercise", "wave")


class Hmdb51(VideoTarget):
    """Reads ``hmdb51/<class>/*.avi`` and ``hmdb51/testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt``.

    The class folders may lie in ``hmdb51/hmdb51_org``, as the archive unpacks.
    """

    info = TargetInfo(
        name="hmdb51",
        title="HMDB51",
        modality="video",
        classes=CLASSES,
        train_items=3_570,
        test_items=1_530,
        licence="CC BY 4.0",
        citation=(
            "@inproceedings{kuehne2011hmdb, title={{HMDB}: A Large Video Database for Human Motion Recognition}, "
            "author={Kuehne, Hildegard and Jhuang, Hueihan and Garrote, Est{\\'i}baliz and Poggio, Tomaso and Serre, "
            "Thomas}, booktitle={ICCV}, pages={2556--2563}, year={2011}}"
        ),
        homepage="https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
        download_bytes=2_000_000_000,
        leak_unit="source video",
        folds=len(FOLDS),
        notes=(
            "Sizes are split 1's: 70 training and 30 test clips of each class; clips tagged 0 are in neither. Items "
            "are videos; predictions of a video's clips are averaged. A clip's name begins with its source video."
        ),
    )

    def status(self, root: Path) -> DataStatus:
        """Ready when all 153 lists and every clip that they use are there."""
        lists = sorted((root / "hmdb51" / LISTS).glob("*_test_split[123].txt"))
        expected = max(len(lists), 1) if is_stand_in(self.home(root)) else len(CLASSES) * len(FOLDS)
        used = (path for fold in FOLDS for path, _, tag in _listed(root, fold) if tag)
        missing, fingerprint, size = inventory(used, lists)
        some = bool(lists) or any((_videos(root) / name).is_dir() for name in CLASSES)
        if len(lists) < expected:
            missing.insert(0, f"{expected - len(lists)} of {expected} split lists")
        return self._report(root, missing, fingerprint if some else "", size, some=some)

    def _rows(self, root: Path, view: VideoView, fold: int, *, test: bool) -> list[Row]:
        return [
            Row(path, label, f"{path.parent.name}/{path.stem}", _film(path, label))
            for path, label, tag in _listed(root, fold)
            if tag == (TEST if test else TRAIN)
        ]

    def instructions(self, root: Path) -> str:
        folder = self.home(root)
        return (
            f"download {HOST}/hmdb51_org.rar (2 GB) and {HOST}/test_train_splits.rar (MD5 "
            f"15e67781e70dcfbdce2d7dbb9b3344b5), unpack both in {folder} with 'unrar x', then each of the 51 archives "
            f"inside, so that {folder}/brush_hair/*.avi and {folder}/{LISTS}/*.txt are there."
        )

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.video.targets._hmdb51_standin import write

        write(home, home / LISTS, SAMPLE_CLASSES, seed)


def _film(path: Path, label: int) -> str:
    """Return the source video that a clip was cut from, as its name says."""
    return TAGS.sub("", path.stem).removesuffix(f"_{CLASSES[label]}")


def _videos(root: Path) -> Path:
    archive = root / "hmdb51" / "hmdb51_org"
    return archive if archive.is_dir() else root / "hmdb51"


def _listed(root: Path, fold: int) -> Iterator[tuple[Path, int, int]]:
    """Yield path, label and tag of a fold's lists, class by class; a list that is missing has none."""
    videos = _videos(root)
    for label, name in enumerate(CLASSES):
        path = root / "hmdb51" / LISTS / f"{name}_test_split{fold}.txt"
        if path.is_file():
            for line in filter(None, map(str.strip, lines(path))):
                file, _, tag = line.rpartition(" ")
                file = file.strip()
                if tag not in ("0", "1", "2") or not file.endswith(".avi") or "/" in file or not is_safe_path(file):
                    raise BadInput(f"{path} holds the line '{line}', which is not HMDB51's; unpack the lists again.")
                yield videos / name / file, label, int(tag)


TARGET = Hmdb51()
