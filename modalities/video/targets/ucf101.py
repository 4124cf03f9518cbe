"""UCF101: human actions in 13,320 short clips from the web, in three official splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modalities.base import DataStatus, Published, TargetInfo
from modalities.datasets.listing import Listing, Row
from modalities.datasets.lists import is_safe_path, lines
from modalities.datasets.standin import mark
from modalities.errors import BadInput
from modalities.video.clips import ClipReader
from modalities.video.options import VideoView

# In the order of the official classInd.txt, which is neither of the two alphabetical ones.
_CLASSES = """
ApplyEyeMakeup ApplyLipstick Archery BabyCrawling BalanceBeam BandMarching BaseballPitch Basketball
BasketballDunk BenchPress Biking Billiards BlowDryHair BlowingCandles BodyWeightSquats Bowling BoxingPunchingBag
BoxingSpeedBag BreastStroke BrushingTeeth CleanAndJerk CliffDiving CricketBowling CricketShot CuttingInKitchen
Diving Drumming Fencing FieldHockeyPenalty FloorGymnastics FrisbeeCatch FrontCrawl GolfSwing Haircut Hammering
HammerThrow HandstandPushups HandstandWalking HeadMassage HighJump HorseRace HorseRiding HulaHoop IceDancing
JavelinThrow JugglingBalls JumpingJack JumpRope Kayaking Knitting LongJump Lunges MilitaryParade Mixing
MoppingFloor Nunchucks ParallelBars PizzaTossing PlayingCello PlayingDaf PlayingDhol PlayingFlute PlayingGuitar
PlayingPiano PlayingSitar PlayingTabla PlayingViolin PoleVault PommelHorse PullUps Punch PushUps Rafting
RockClimbingIndoor RopeClimbing Rowing SalsaSpin ShavingBeard Shotput SkateBoarding Skiing Skijet SkyDiving
SoccerJuggling SoccerPenalty StillRings SumoWrestling Surfing Swing TableTennisShot TaiChi TennisSwing
ThrowDiscus TrampolineJumping Typing UnevenBars VolleyballSpiking WalkingWithDog WallPushups WritingOnBoard YoYo
"""
CLASSES = tuple(_CLASSES.split())
HOST = "https://www.crcv.ucf.edu/data/UCF101"
VIDEOS = f"{HOST}/UCF101.rar"
SPLITS = f"{HOST}/UCF101TrainTestSplits-RecognitionTask.zip"
SPLITS_SHA256 = "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27"
SPLITS_BYTES = 113_943
FOLDS = (1, 2, 3)


@dataclass(frozen=True)
class Folders:
    """Where the videos and the split lists lie."""

    videos: Path
    lists: Path


class Ucf101:
    """Implements ``modalities.base.TargetAdapter``.

    Layout: ``ucf101/UCF-101/<Class>/v_<Class>_gNN_cNN.avi`` and ``ucf101/ucfTrainTestlist/*.txt``; the videos'
    folder may be called ``UCF101``, and both may lie in the root itself.
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
        published=(
            Published(
                0.752, "student", "X3D-XS → X3D width 5, depth 3", "one image", "Asano & Saeed 2023, arXiv 2112.00725"
            ),
        ),
        notes="Sizes are split 1's. Items are videos; predictions of a video's clips are averaged.",
    )

    def status(self, root: Path) -> DataStatus:
        """Ready when the lists and every video that they name are there."""
        where = _folders(root)
        lists = sorted(where.lists.glob("*list0?.txt"))
        if len(lists) < 2 * len(FOLDS):
            some = where.videos.is_dir() or bool(lists)
            return DataStatus("partial" if some else "absent", "", ("the split lists",), _how(root))
        index, total, missing = hashlib.sha256(), 0, []
        for path in sorted({path for fold in FOLDS for path, _ in _listed(where, fold)}):
            if path.is_file():
                size = path.stat().st_size
                total += size
                index.update(f"{path.parent.name}/{path.name} {size}\n".encode())
            else:
                missing.append(path)
        for path in lists:
            index.update(path.read_bytes())
        if missing:
            what = f"{len(missing)} videos, such as {missing[0].parent.name}/{missing[0].name}"
            return DataStatus("partial", index.hexdigest(), (what,), _how(root), total)
        return DataStatus("ready", index.hexdigest(), bytes=total)

    def fetch(self, root: Path) -> None:
        """Download the split lists; the videos come as a RAR archive that must be unpacked by hand."""
        from modalities.download.fetch import download, extract

        where = _folders(root)
        if not where.lists.is_dir():
            archive = root / "ucf101" / "UCF101TrainTestSplits-RecognitionTask.zip"
            extract(download(SPLITS, archive, sha256=SPLITS_SHA256, size=SPLITS_BYTES), root / "ucf101")
        if self.status(root).state != "ready":
            raise BadInput(f"the videos of ucf101 cannot be fetched automatically: {_how(root)}")

    def train(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Training videos of an official split, as ``view.train_clips`` raw clips each."""
        return self._split(root, view, fold, "train", view.train_clips)

    def test(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Test videos of an official split, as ``view.test_clips`` raw clips each."""
        return self._split(root, view, fold, "test", view.test_clips)

    def _split(self, root: Path, view: VideoView, fold: int, part: str, clips: int) -> Listing:
        if fold not in FOLDS:
            raise BadInput(f"ucf101 has no fold {fold}; choose 1, 2 or 3.")
        where = _folders(root)
        if not where.lists.is_dir():
            raise BadInput(f"{where.lists} is missing; {_how(root)}")
        rows = [
            Row(path, label, path.stem, path.stem.rpartition("_")[0])
            for path, label in _listed(where, fold, f"{part}list")
        ]
        if not rows:
            raise BadInput(f"the lists in {where.lists} name no {part} videos of split {fold}; {_how(root)}")
        return Listing(rows, ClipReader(view.frames, view.seconds, clips, view.resize))

    def write_sample(self, root: Path, seed: int) -> None:
        """Write a stand-in: 400 small clips of eight classes in 25 groups, with all three splits."""
        from modalities.video.sample import write_clips

        folder = root / "ucf101"
        lists = folder / "ucfTrainTestlist"
        lists.mkdir(parents=True, exist_ok=True)
        names = write_clips(folder / "UCF-101", SAMPLE_CLASSES, _file_name, seed=seed, groups=25, per_group=2)
        _write(lists / "classInd.txt", (f"{number} {name}" for number, name in enumerate(CLASSES, 1)))
        for fold in FOLDS:
            held = range(7 * fold - 6, 7 * fold + 1)  # groups 1–7, 8–14, 15–21, as in the official splits
            tested = [name for name, group in names if group in held]
            trained = [name for name, group in names if group not in held]
            _write(lists / f"testlist{fold:02}.txt", tested)
            _write(
                lists / f"trainlist{fold:02}.txt",
                (f"{name} {CLASSES.index(name.partition('/')[0]) + 1}" for name in trained),
            )
        mark(folder, "ucf101", seed)


# Those whose names or numbers trip readers up are among them.
SAMPLE_CLASSES = (
    "CliffDiving",
    "HammerThrow",
    "Hammering",
    "HandstandPushups",
    "JumpRope",
    "JumpingJack",
    "RopeClimbing",
    "YoYo",
)


def _file_name(label: str, group: int, clip: int) -> str:
    """Name of a video, as the original spells it: one folder and its files differ in a letter's case."""
    stem = "HandStandPushups" if label == "HandstandPushups" else label
    return f"v_{stem}_g{group:02}_c{clip:02}.avi"


def _write(path: Path, lines: Iterator[str] | list[str]) -> None:
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())


def _folders(root: Path) -> Folders:
    """The folders that are there, else those where they should be."""
    homes = (root / "ucf101", root)
    videos = [home / name for home in homes for name in ("UCF-101", "UCF101")]
    lists = [home / "ucfTrainTestlist" for home in homes]
    return Folders(*(next(filter(Path.is_dir, paths), paths[0]) for paths in (videos, lists)))


def _listed(where: Folders, fold: int, part: str = "*list") -> Iterator[tuple[Path, int]]:
    """Videos that a split's lists name, with their labels; only the training lists carry class numbers."""
    numbers = {name: number for number, name in enumerate(CLASSES)}
    for path in sorted(where.lists.glob(f"{part}{fold:02}.txt")):
        for line in filter(None, map(str.strip, lines(path))):
            found = re.fullmatch(r"([^/\s]+)/([^/\s]+)(?:\s+([0-9]{1,3}))?", line)
            label = numbers.get(found[1]) if found else None
            if (
                found is None
                or label is None
                or not is_safe_path(found[2])
                or (found[3] and int(found[3]) != label + 1)
            ):
                raise BadInput(f"{path} holds the line '{line}', which is not UCF101's; fetch the split lists again.")
            yield where.videos / found[1] / found[2], label


def _how(root: Path) -> str:
    return (
        f"download {VIDEOS} (6.5 GB) and unpack it with 'unrar x UCF101.rar' inside {root / 'ucf101'}, "
        f"and unpack {SPLITS} there too."
    )


TARGET = Ucf101()
