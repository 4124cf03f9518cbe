"""HMDB51: 51 human actions in short clips from films and the web, in three official splits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from modalities.base import TargetInfo
from modalities.datasets.lists import lines, plain_path
from modalities.errors import BadInput
from modalities.video.targets._base import FOLDS
from modalities.video.targets._listed import SUFFIX, Entry, ListedVideoTarget, Part

CLASSES = tuple(lines(Path(__file__).with_name("_hmdb51_classes.txt")))  # the folders' names, sorted
TRAIN, TEST = 1, 2  # tags of the lists; 0 is left out of a split
TRAIN_CLIPS, TEST_CLIPS = 70, 30  # of each class in each split
LISTS = "testTrainMulti_7030_splits"
HOST = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"
# What a clip's name says after its source and class: body, camera, people, viewpoint, quality and a number.
TAGS = re.compile(r"_[a-z]_(?:nm|cm)_np\d+_[a-z]{2}_[a-z]{3}_\d+$")
SAMPLE_CLASSES = ("brush_hair", "climb", "climb_stairs", "kick", "kick_ball", "sword", "sword_exercise", "wave")


class Hmdb51(ListedVideoTarget):
    """Reads ``hmdb51/<class>/*.avi`` and ``hmdb51/testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt``.

    Class folders and lists may lie in the root itself, or up to three folders deep below ``ROOT/hmdb51`` (in any case)
    under any name, such as ``hmdb51_org``, and each class in a folder of its archive's own name; the clips may also lie
    in one folder, as ``unrar e`` leaves them.
    """

    info = TargetInfo(
        name="hmdb51",
        title="HMDB51",
        modality="video",
        classes=CLASSES,
        train_items=TRAIN_CLIPS * len(CLASSES),
        test_items=TEST_CLIPS * len(CLASSES),
        licence="CC BY 4.0",
        citation=(
            "@inproceedings{kuehne2011hmdb, title={{HMDB}: A Large Video Database for Human Motion Recognition}, "
            "author={Kuehne, Hildegard and Jhuang, Hueihan and Garrote, Est{\\'i}baliz and Poggio, Tomaso and Serre, "
            "Thomas}, booktitle={ICCV}, pages={2556--2563}, year={2011}}"
        ),
        homepage="https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
        download_bytes=2_000_000_000,
        leak_unit="source video and class",
        folds=len(FOLDS),
        notes=(
            "In every split 70 clips of each class are for training and 30 for test; clips tagged 0 are in neither. "
            "Items are videos; predictions of a video's clips are averaged. A clip's name begins with its source "
            "video. The official splits keep the clips of one video together within a class only: a film that shows "
            "several actions may be in training with one and in test with another."
        ),
    )

    places = ("hmdb51", "HMDB-51", "hmdb51_org", "test_train_splits", LISTS)
    clip_name = re.compile(rf".+{TAGS.pattern.removesuffix('$')}\.avi", re.IGNORECASE)
    list_names = frozenset(f"{name}_test_split{fold}.txt" for name in CLASSES for fold in FOLDS)
    list_folder = LISTS

    def _parts(self, lists: Mapping[str, Path], fold: int) -> Iterator[Part]:
        for label, name in enumerate(CLASSES):
            if path := lists.get(f"{name}_test_split{fold}.txt"):
                tagged = list(_entries(path, label))
                for tag, side, known in ((TRAIN, "training", TRAIN_CLIPS), (TEST, "test", TEST_CLIPS)):
                    entries = [entry for entry, of_entry in tagged if of_entry == tag]
                    yield Part(f"the {side} list of {name} in split {fold}", path, tag == TEST, known, entries)

    def _item_id(self, path: Path, label: int) -> str:
        return f"{CLASSES[label]}/{path.stem}"

    def _group(self, path: Path, label: int) -> str:
        return f"{CLASSES[label]}/{_film(path, label)}"

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


def _entries(path: Path, label: int) -> Iterator[tuple[Entry, int]]:
    """Yield the clips of a class that a list names, with their tags."""
    for line in filter(None, map(str.strip, lines(path))):
        name, _, tag = line.rpartition(" ")
        folder, _, file = plain_path(name).rpartition("/")
        own = folder.casefold() in ("", CLASSES[label])
        if tag not in ("0", "1", "2") or not file.lower().endswith(SUFFIX) or not own:
            raise BadInput(f"{path} holds the line '{line}', which is not HMDB51's; unpack the lists again.")
        yield Entry(label, file), int(tag)


TARGET = Hmdb51()
