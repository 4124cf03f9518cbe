"""UCF101: human actions in 13,320 short clips from the web, in three official splits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from modalities.base import TargetInfo
from modalities.datasets.lists import lines, plain_path
from modalities.errors import BadInput
from modalities.video.targets._base import FOLDS, x3d_student
from modalities.video.targets._listed import Entry, ListedVideoTarget, Part

# In the order of the official classInd.txt, which is neither of the two alphabetical ones.
CLASSES = tuple(lines(Path(__file__).with_name("_ucf101_classes.txt")))
HOST = "https://www.crcv.ucf.edu/data/UCF101"
VIDEOS = f"{HOST}/UCF101.rar"
SPLITS = f"{HOST}/UCF101TrainTestSplits-RecognitionTask.zip"
SPLITS_SHA256 = "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27"
SPLITS_BYTES = 113_943
SIZES = {1: (9_537, 3_783), 2: (9_586, 3_734), 3: (9_624, 3_696)}  # clips for training and test in each split
LINE = re.compile(r"(.+?\.avi)(?:\s+([0-9]{1,3}))?", re.IGNORECASE)
# Those whose names or numbers are easily confused are among them.
SAMPLE_CLASSES = (
    "CliffDiving", "HammerThrow", "Hammering", "HandstandPushups", "JumpRope", "JumpingJack", "RopeClimbing", "YoYo",
)  # fmt: skip


class Ucf101(ListedVideoTarget):
    """Reads ``ucf101/UCF-101/<Class>/v_<Class>_gNN_cNN.avi`` and ``ucf101/ucfTrainTestlist/*.txt``.

    Both folders may lie in the root itself, or up to three folders deep below ``ROOT/ucf101`` (in any case) under any
    name; the clips may also lie in one folder, as ``unrar e`` leaves them.
    """

    info = TargetInfo(
        name="ucf101",
        title="UCF101",
        modality="video",
        classes=CLASSES,
        train_items=SIZES[1][0],
        test_items=SIZES[1][1],
        licence="not stated",
        citation=(
            "@techreport{soomro2012ucf101, title={UCF101: A Dataset of 101 Human Actions Classes From Videos in The "
            "Wild}, author={Soomro, Khurram and Zamir, Amir Roshan and Shah, Mubarak}, number={CRCV-TR-12-01}, "
            "institution={University of Central Florida}, year={2012}}"
        ),
        homepage="https://www.crcv.ucf.edu/data/UCF101.php",
        download_bytes=6_500_000_000,
        leak_unit="group",
        folds=len(FOLDS),
        fold_test_items=tuple(test for _, test in SIZES.values()),
        published=x3d_student(0.752),
        notes="Sizes are split 1's. Items are videos; predictions of a video's clips are averaged.",
    )

    places = ("ucf101", "UCF-101", "ucfTrainTestlist", "UCF101TrainTestSplits-RecognitionTask")
    clip_name = re.compile(r"v_\w+_g\d\d_c\d\d\.avi", re.IGNORECASE)
    list_names = frozenset(f"{side}list{fold:02}.txt" for side in ("train", "test") for fold in FOLDS)
    list_folder = "ucfTrainTestlist"

    def _parts(self, lists: Mapping[str, Path], fold: int) -> Iterator[Part]:
        for test, side in enumerate(("training", "test")):
            if path := lists.get(f"{side.removesuffix('ing')}list{fold:02}.txt"):
                name = f"the {side} list of split {fold}"
                yield Part(name, path, bool(test), SIZES[fold][test], list(_entries(path)))

    def _group(self, path: Path, label: int) -> str:
        return path.stem.rpartition("_")[0]

    def fetch(self, root: Path) -> None:
        """Download the split lists; the videos come as a RAR archive that must be unpacked by hand."""
        from modalities.download.fetch import download, extract

        if not self._lists(root):
            folder = self.home(root)
            archive = folder / "UCF101TrainTestSplits-RecognitionTask.zip"
            extract(download(SPLITS, archive, sha256=SPLITS_SHA256, size=SPLITS_BYTES), folder)
        super().fetch(root)

    def instructions(self, root: Path) -> str:
        return (
            f"download {VIDEOS} (6.5 GB) and unpack it with 'unrar x UCF101.rar' inside {self.home(root)}, "
            f"and unpack {SPLITS} there too, so that {self.home(root)}/UCF-101/ApplyEyeMakeup/*.avi and "
            f"{self.home(root)}/{self.list_folder}/trainlist01.txt are there."
        )

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.video.targets._ucf101_standin import write

        write(home, CLASSES, SAMPLE_CLASSES, seed)


_LABELS = {name.casefold(): label for label, name in enumerate(CLASSES)}


def _entries(path: Path) -> Iterator[Entry]:
    """Yield the clips that a list names; only the training lists carry class numbers, which count from 1."""
    for line in filter(None, map(str.strip, lines(path))):
        match = LINE.fullmatch(line)
        folder, _, file = plain_path(match[1]).partition("/") if match else ("", "", "")
        label = _LABELS.get(folder.casefold())
        if match and label is not None and file and "/" not in file and int(match[2] or label + 1) == label + 1:
            yield Entry(label, file)
        else:
            raise BadInput(f"{path} holds the line '{line}', which is not UCF101's; fetch the split lists again.")


TARGET = Ucf101()
