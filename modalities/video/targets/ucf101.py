"""UCF101: human actions in 13,320 short clips from the web, in three official splits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.lists import is_safe_path, lines
from modalities.errors import BadInput
from modalities.video.policies import VideoView
from modalities.video.targets._base import FOLDS, VideoTarget, inventory, x3d_student

# In the order of the official classInd.txt, which is neither of the two alphabetical ones.
CLASSES = tuple(lines(Path(__file__).with_name("_ucf101_classes.txt")))
HOST = "https://www.crcv.ucf.edu/data/UCF101"
VIDEOS = f"{HOST}/UCF101.rar"
SPLITS = f"{HOST}/UCF101TrainTestSplits-RecognitionTask.zip"
SPLITS_SHA256 = "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27"
SPLITS_BYTES = 113_943
# Those whose names or numbers are easily confused are among them.
SAMPLE_CLASSES = (
    "CliffDiving", "HammerThrow", "Hammering", "HandstandPushups", "JumpRope", "JumpingJack", "RopeClimbing", "YoYo",
)  # fmt: skip


class Ucf101(VideoTarget):
    """Reads ``ucf101/UCF-101/<Class>/v_<Class>_gNN_cNN.avi`` and ``ucf101/ucfTrainTestlist/*.txt``.

    The videos' folder may also be called ``UCF101``, and both folders may lie in the root itself.
    """

    info = TargetInfo(
        name="ucf101",
        title="UCF101",
        modality="video",
        classes=CLASSES,
        train_items=9_537,
        test_items=3_783,
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
        published=x3d_student(0.752),
        notes="Sizes are split 1's. Items are videos; predictions of a video's clips are averaged.",
    )

    def status(self, root: Path) -> DataStatus:
        """Ready when the lists and every video that they name are there."""
        lists = sorted(_lists(root).glob("*list0?.txt"))
        if len(lists) < 2 * len(FOLDS):
            some = _videos(root).is_dir() or bool(lists)
            return self._report(root, ["the split lists"], "", 0, some=some)
        listed = (path for fold in FOLDS for path, _ in _listed(root, fold))
        return self._report(root, *inventory(listed, lists), some=True)

    def fetch(self, root: Path) -> None:
        """Download the split lists; the videos come as a RAR archive that must be unpacked by hand."""
        from modalities.download.fetch import download, extract

        if not _lists(root).is_dir():
            folder = self.home(root)
            archive = folder / "UCF101TrainTestSplits-RecognitionTask.zip"
            extract(download(SPLITS, archive, sha256=SPLITS_SHA256, size=SPLITS_BYTES), folder)
        super().fetch(root)

    def _rows(self, root: Path, view: VideoView, fold: int, *, test: bool) -> list[Row]:
        self._required(root, _lists(root))
        return [
            Row(path, label, path.stem, path.stem.rpartition("_")[0])
            for path, label in _listed(root, fold, "testlist" if test else "trainlist")
        ]

    def instructions(self, root: Path) -> str:
        return (
            f"download {VIDEOS} (6.5 GB) and unpack it with 'unrar x UCF101.rar' inside {self.home(root)}, "
            f"and unpack {SPLITS} there too."
        )

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.video.targets._ucf101_standin import write

        write(home, CLASSES, SAMPLE_CLASSES, seed)


def _videos(root: Path) -> Path:
    """Return the folder of the class folders, or where it should be."""
    folders = [home / name for home in (root / "ucf101", root) for name in ("UCF-101", "UCF101")]
    return next(filter(Path.is_dir, folders), folders[0])


def _lists(root: Path) -> Path:
    folders = [home / "ucfTrainTestlist" for home in (root / "ucf101", root)]
    return next(filter(Path.is_dir, folders), folders[0])


def _listed(root: Path, fold: int, part: str = "*list") -> Iterator[tuple[Path, int]]:
    """Yield the videos that a split's lists name, with their labels; only the training lists carry class numbers."""
    videos, labels = _videos(root), {name: label for label, name in enumerate(CLASSES)}
    for path in sorted(_lists(root).glob(f"{part}{fold:02}.txt")):
        for line in filter(None, map(str.strip, lines(path))):
            match = re.fullmatch(r"([^/\s]+)/([^/\s]+)(?:\s+([0-9]{1,3}))?", line)
            label = labels.get(match[1]) if match else None
            if (
                match is None
                or label is None
                or not is_safe_path(match[2])
                or (match[3] and int(match[3]) != label + 1)
            ):
                raise BadInput(f"{path} holds the line '{line}', which is not UCF101's; fetch the split lists again.")
            yield videos / match[1] / match[2], label


TARGET = Ucf101()
