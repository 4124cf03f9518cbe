"""Kinetics-400: 400 human actions in ten-second videos; the validation part is the test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from modalities.base import DataStatus, Published, TargetInfo
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import lines, sha256_of, table
from modalities.datasets.lookup import ListedFiles, look_up
from modalities.errors import BadInput
from modalities.video.policies import VideoView
from modalities.video.targets._base import VideoTarget, x3d_student

# Official order, which is that of the sorted full names; as torchvision's weights for this dataset list them
# (torchvision.models.video.R3D_18_Weights.KINETICS400_V1.meta["categories"]).
CLASSES = tuple(lines(Path(__file__).with_name("_kinetics400_classes.txt")))
VIDEOS = {"train": 240_258, "val": 19_881}  # videos of the hosted copy
ENOUGH = 0.95  # share of the listed videos; every copy lacks some, and no two copies the same ones
MAX_TABLE_BYTES = 100_000_000  # 250,000 videos take about 70 each
HOST = "https://s3.amazonaws.com/kinetics/400"
SAMPLE_CLASSES = (
    "abseiling", "massaging person's head", "passing American football (in game)", "playing chess",
    "skiing (not slalom or crosscountry)", "skiing crosscountry", "tai chi", "zumba",
)  # fmt: skip


class Kinetics400(VideoTarget):
    """Reads ``kinetics400/annotations/{train,val}.csv`` and ``kinetics400/{train,val}/<class>/<id>_<start>_<end>.mp4``.

    Times have six digits. A class folder may have the full name or torchvision's spelling of it: blanks as
    underscores, no brackets or apostrophes. Labels come from names, never from the order of folders, because sorted
    folders of that spelling exchange the classes 308 and 309.
    """

    info = TargetInfo(
        name="kinetics400",
        title="Kinetics-400",
        modality="video",
        classes=CLASSES,
        train_items=VIDEOS["train"],
        test_items=VIDEOS["val"],
        licence="not stated",
        citation=(
            "@article{kay2017kinetics, title={The Kinetics Human Action Video Dataset}, author={Kay, Will and "
            "Carreira, Joao and Simonyan, Karen and Zhang, Brian and Hillier, Chloe and Vijayanarasimhan, Sudheendra "
            "and Viola, Fabio and Green, Tim and Back, Trevor and Natsev, Paul and Suleyman, Mustafa and Zisserman, "
            "Andrew}, journal={arXiv:1705.06950}, year={2017}}"
        ),
        homepage="https://github.com/cvdfoundation/kinetics-dataset",
        download_bytes=0,
        leak_unit="video",
        published=(
            Published(0.6912, "teacher", "X3D-XS, 30 views", "the training videos", "pytorchvideo's model zoo"),
            *x3d_student(0.518),
        ),
        notes=(
            "The test is the validation part. Sizes are those of the hosted copy, of 246,534 and 19,906 listed videos; "
            "other copies hold fewer. Ready means 95 % of each list, with the counts in the status; the fingerprint "
            "covers the videos that are there, so results of different copies never mix. The size of the download is "
            "not stated. Items are videos; predictions of a video's clips are averaged."
        ),
    )

    def status(self, root: Path) -> DataStatus:
        """Ready when 95 % of each part's list is there; missing videos are counted all the same."""
        folder = self.home(root)
        digest, size, missing, ready, some = hashlib.sha256(), 0, [], True, False
        for part in VIDEOS:
            found, table = _index(folder / part), _table(folder, part)
            some, size = some or len(found) > 0 or table.is_file(), size + found.bytes
            if not table.is_file():
                missing.append(f"annotations/{part}.csv")
                ready = False
                continue
            videos = _videos(folder, part, found)
            present = len(videos.places)
            digest.update(f"{part} {present} of {videos.lines} {found.fingerprint} {sha256_of(table)}\n".encode())
            if present < videos.lines:
                missing.append(f"{videos.lines - present:,} of {videos.lines:,} {part} videos")
            ready = ready and present >= ENOUGH * videos.lines > 0
        return self._report(root, missing, digest.hexdigest() if some else "", size, ready=ready, some=some)

    def fetch(self, root: Path) -> None:
        """Download the two tables; the videos come in hundreds of archives that must be unpacked by hand."""
        from modalities.download.fetch import download

        for part in VIDEOS:
            table = _table(self.home(root), part)
            if not table.is_file():
                download(f"{HOST}/annotations/{part}.csv", table, at_most=MAX_TABLE_BYTES)
        super().fetch(root)

    def _rows(self, root: Path, view: VideoView, fold: int, *, test: bool) -> Sequence[Row]:
        folder, part = self.home(root), "val" if test else "train"
        self._required(root, _table(folder, part))
        found = _index(folder / part)
        videos = _videos(folder, part, found)
        files = found.names.take(videos.places)
        no_heads = [""] * len(files.prefixes)
        return Columns(
            Paths(folder / part, files),
            videos.labels,
            files.with_prefixes(no_heads, cut=len(".mp4")),
            files.with_prefixes(no_heads, cut=len("_000000_000010.mp4")),
        )

    def instructions(self, root: Path) -> str:
        folder = self.home(root)
        return (
            f"download the archives that {HOST}/train/k400_train_path.txt and {HOST}/val/k400_val_path.txt list and "
            f"the tables {HOST}/annotations/train.csv and val.csv (into {folder / 'annotations'}), and sort the videos "
            f"into {folder}/train/CLASS and {folder}/val/CLASS, as torchvision's Kinetics does."
        )

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.video.targets._kinetics400_standin import write

        write(home, {name: folder_name(name) for name in SAMPLE_CLASSES}, seed)


def folder_name(label: str) -> str:
    """Return a class name as torchvision spells its folder."""
    return re.sub(r"['()]", "", label.replace(" ", "_"))


_LABELS = {folder_name(name): label for label, name in enumerate(CLASSES)}


def _table(folder: Path, part: str) -> Path:
    return folder / "annotations" / f"{part}.csv"


def _lines(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every video of a table as CLASS NUMBER/FILE, and its class number."""
    for number, row in enumerate(table(path), 2):
        try:
            label = _LABELS[folder_name(row["label"])]
            yield f"{label}/{row['youtube_id']}_{int(row['time_start']):06}_{int(row['time_end']):06}.mp4", label
        except (KeyError, ValueError) as error:
            raise BadInput(f"{path} line {number} names no video of Kinetics-400; fetch the table again.") from error


def _index(folder: Path) -> Index:
    paths = folder.iterdir() if folder.is_dir() else ()
    folders = sorted(path.name for path in paths if folder_name(path.name) in _LABELS)
    return index(folder, folders, ".mp4", aliases=[folder_name(name) for name in folders])


def _videos(folder: Path, part: str, found: Index) -> ListedFiles:
    """Return the listed videos of a part that are on disk and not empty."""
    prefixes = [f"{_LABELS[folder_name(head.removesuffix('/'))]}/" for head in found.names.prefixes]
    videos = look_up(_table(folder, part), _lines, found, folder / part, prefixes)
    whole = found.sizes[videos.places] > 0
    return replace(videos, places=videos.places[whole], labels=videos.labels[whole])


TARGET = Kinetics400()
