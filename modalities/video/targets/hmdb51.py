"""HMDB51: 51 human actions in short clips from films and the web, in three official splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Listing, Row
from modalities.datasets.lists import is_safe_path, lines
from modalities.datasets.standin import is_stand_in, mark
from modalities.errors import BadInput
from modalities.video.clips import ClipReader
from modalities.video.options import VideoView

_CLASSES = """
brush_hair cartwheel catch chew clap climb climb_stairs dive draw_sword dribble drink eat fall_floor fencing flic_flac
golf handstand hit hug jump kick kick_ball kiss laugh pick pour pullup punch push pushup ride_bike ride_horse run
shake_hands shoot_ball shoot_bow shoot_gun sit situp smile smoke somersault stand swing_baseball sword sword_exercise
talk throw turn walk wave
"""
CLASSES = tuple(_CLASSES.split())  # the folders' names, sorted
FOLDS = (1, 2, 3)
TRAIN, TEST = 1, 2  # tags of the lists; 0 is left out of a split
LISTS = "testTrainMulti_7030_splits"
HOST = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"
# What a clip's name says after its source and class: body, camera, people, viewpoint, quality and a number.
TAGS = re.compile(r"_[a-z]_(?:nm|cm)_np\d+_[a-z]{2}_[a-z]{3}_\d+$")
SAMPLE_CLASSES = ("brush_hair", "climb", "climb_stairs", "kick", "kick_ball", "sword", "sword_exercise", "wave")


class Clip(NamedTuple):
    """A line of the split lists."""

    path: Path
    label: int
    tag: int


class Hmdb51:
    """Implements ``modalities.base.TargetAdapter``.

    Layout: ``hmdb51/<class>/*.avi`` and ``hmdb51/testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt``; the class
    folders may lie in ``hmdb51/hmdb51_org``, as the archive unpacks.
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
            "are videos; predictions of a video's clips are averaged. The source video is what its name begins with."
        ),
    )

    def status(self, root: Path) -> DataStatus:
        """Ready when all 153 lists and every clip that they use are there."""
        lists = sorted(_lists(root).glob("*_test_split[123].txt"))
        expected = len(lists) if is_stand_in(root / "hmdb51") else len(CLASSES) * len(FOLDS)
        index, total, missing = hashlib.sha256(), 0, []
        for path in sorted({clip.path for fold in FOLDS for clip in _listed(root, fold) if clip.tag}):
            if path.is_file():
                size = path.stat().st_size
                total += size
                index.update(f"{path.parent.name}/{path.name} {size}\n".encode())
            else:
                missing.append(path)
        for path in lists:
            index.update(path.read_bytes())
        what = [f"{expected - len(lists)} of {expected or 153} split lists"] if len(lists) < max(expected, 1) else []
        if missing:
            what.append(f"{len(missing):,} clips, such as {missing[0].parent.name}/{missing[0].name}")
        if not what:
            return DataStatus("ready", index.hexdigest(), bytes=total)
        some = bool(lists) or any((_videos(root) / name).is_dir() for name in CLASSES)
        return DataStatus(
            "partial" if some else "absent", index.hexdigest() if some else "", tuple(what), _how(root), total
        )

    def fetch(self, root: Path) -> None:
        """Say how to get the RAR archives, which must be unpacked by hand, unless all is there."""
        if self.status(root).state != "ready":
            raise BadInput(f"hmdb51 cannot be fetched automatically: {_how(root)}")

    def train(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Clips tagged 1 in an official split, as ``view.train_clips`` raw clips each."""
        return self._split(root, view, fold, TRAIN, view.train_clips)

    def test(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Clips tagged 2 in an official split, as ``view.test_clips`` raw clips each."""
        return self._split(root, view, fold, TEST, view.test_clips)

    def _split(self, root: Path, view: VideoView, fold: int, tag: int, clips: int) -> Listing:
        if fold not in FOLDS:
            raise BadInput(f"hmdb51 has no fold {fold}; choose 1, 2 or 3.")
        rows = [
            Row(clip.path, clip.label, f"{clip.path.parent.name}/{clip.path.stem}", _source(clip))
            for clip in _listed(root, fold)
            if clip.tag == tag
        ]
        if not rows:
            raise BadInput(f"{_lists(root)} lists no clips; {_how(root)}")
        return Listing(rows, ClipReader(view.frames, view.seconds, clips, view.resize))

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.video.targets._hmdb51_sample``."""
        from modalities.video.targets._hmdb51_sample import write_all

        folder = root / "hmdb51"
        write_all(folder, folder / LISTS, SAMPLE_CLASSES, seed)
        mark(folder, "hmdb51", seed)


def _videos(root: Path) -> Path:
    """The folder of the class folders."""
    archive = root / "hmdb51" / "hmdb51_org"
    return archive if archive.is_dir() else root / "hmdb51"


def _lists(root: Path) -> Path:
    return root / "hmdb51" / LISTS


def _source(clip: Clip) -> str:
    """Name of the film that a clip was cut from."""
    label = CLASSES[clip.label]
    return TAGS.sub("", clip.path.stem).removesuffix(f"_{label}")


def _listed(root: Path, fold: int) -> Iterator[Clip]:
    """Lines of a fold's lists, class by class; lists that are not there have none."""
    videos = _videos(root)
    for label, name in enumerate(CLASSES):
        path = _lists(root) / f"{name}_test_split{fold}.txt"
        if path.is_file():
            for line in filter(None, map(str.strip, lines(path))):
                file, _, tag = line.rpartition(" ")
                file = file.strip()
                if tag not in ("0", "1", "2") or not file.endswith(".avi") or "/" in file or not is_safe_path(file):
                    raise BadInput(f"{path} holds the line '{line}', which is not HMDB51's; unpack the lists again.")
                yield Clip(videos / name / file, label, int(tag))


def _how(root: Path) -> str:
    folder = root / "hmdb51"
    return (
        f"download {HOST}/hmdb51_org.rar (2 GB) and {HOST}/test_train_splits.rar (MD5 "
        f"15e67781e70dcfbdce2d7dbb9b3344b5), unpack both in {folder} with 'unrar x', then each of the 51 archives "
        f"inside, so that {folder}/brush_hair/*.avi and {folder}/{LISTS}/*.txt are there."
    )


TARGET = Hmdb51()
