"""Kinetics-400: 400 human actions in ten-second videos; the validation part is the test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.base import DataStatus, Published, TargetInfo
from modalities.datasets.index import Index, Indices, Paths, index
from modalities.datasets.listing import Columns, Listing
from modalities.datasets.lists import table
from modalities.datasets.lookup import look_up
from modalities.datasets.standin import mark
from modalities.errors import BadInput
from modalities.video.clips import ClipReader
from modalities.video.options import VideoView

# Official order, which is that of the sorted full names; as torchvision's weights for this dataset list them
# (torchvision.models.video.R3D_18_Weights.KINETICS400_V1.meta["categories"]).
CLASSES = tuple(Path(__file__).with_name("_kinetics400_classes.txt").read_text(encoding="utf-8").splitlines())
PARTS = {"train": 240_258, "val": 19_881}  # videos of the hosted copy
ENOUGH = 0.95  # share of the listed videos: every copy lacks some, and no two copies the same ones
TABLE_AT_MOST = 100_000_000  # bytes; a line for each of 250,000 videos takes 70 or so
HOST = "https://s3.amazonaws.com/kinetics/400"
SAMPLE_CLASSES = (
    "abseiling", "massaging person's head", "passing American football (in game)", "playing chess",
    "skiing (not slalom or crosscountry)", "skiing crosscountry", "tai chi", "zumba",
)  # fmt: skip


@dataclass(frozen=True)
class Videos:
    """Listed videos of a part that are on disk: their places in an index and their classes, in the list's order."""

    found: Index
    places: Indices
    labels: NDArray[np.int64]
    lines: int  # of the list


class Kinetics400:
    """Implements ``modalities.base.TargetAdapter``.

    Layout: ``kinetics400/annotations/{train,val}.csv`` and ``kinetics400/{train,val}/<class>/<id>_<start>_<end>.mp4``
    with times of six digits. A class folder may have the full name, or torchvision's spelling of it: blanks as
    underscores, no brackets or apostrophes. Labels come from names, never from the order of folders: sorted folders of
    that spelling exchange the classes 308 and 309.
    """

    info = TargetInfo(
        name="kinetics400",
        title="Kinetics-400",
        modality="video",
        classes=CLASSES,
        train_items=PARTS["train"],
        test_items=PARTS["val"],
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
            Published(
                0.518, "student", "X3D-XS → X3D width 5, depth 3", "one image", "Asano & Saeed 2023, arXiv 2112.00725"
            ),
        ),
        notes=(
            "The test is the validation part. Sizes are the hosted copy's, of 246,534 and 19,906 listed; other copies "
            "hold fewer. Ready means 95 % of each list, with the counts in the status, and what is there is in the "
            "fingerprint, so numbers of different copies never mix. The size of the download is not stated. Items are "
            "videos; predictions of a video's clips are averaged."
        ),
    )

    def status(self, root: Path) -> DataStatus:
        """Ready when 95 % of each part's list is there; what lacks is counted all the same."""
        folder = root / "kinetics400"
        digest, total, missing, ready, some = hashlib.sha256(), 0, [], True, False
        for part in PARTS:
            found, table = _index(folder / part), _table(folder, part)
            some, total = some or len(found) > 0 or table.is_file(), total + found.bytes
            if not table.is_file():
                missing.append(f"annotations/{part}.csv")
                ready = False
                continue
            videos = _videos(folder, part)
            present = len(videos.places)
            digest.update(f"{part} {present} of {videos.lines} {found.fingerprint} {_digest(table)}\n".encode())
            if present < videos.lines:
                missing.append(f"{videos.lines - present:,} of {videos.lines:,} {part} videos")
            ready = ready and present >= ENOUGH * videos.lines > 0
        fingerprint = digest.hexdigest() if some else ""
        if ready:
            return DataStatus("ready", fingerprint, tuple(missing), bytes=total)
        return DataStatus("partial" if some else "absent", fingerprint, tuple(missing), _how(folder), total)

    def fetch(self, root: Path) -> None:
        """Download the two tables; the videos come in hundreds of archives that are fetched by hand."""
        from modalities.download.fetch import download

        folder = root / "kinetics400"
        for part in PARTS:
            if not _table(folder, part).is_file():
                download(f"{HOST}/annotations/{part}.csv", _table(folder, part), at_most=TABLE_AT_MOST)
        if self.status(root).state != "ready":
            raise BadInput(f"the videos of kinetics400 cannot be fetched automatically: {_how(folder)}")

    def train(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Training videos that are there, as ``view.train_clips`` raw clips each."""
        return self._part(root, view, "train", view.train_clips)

    def test(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Validation videos that are there, as ``view.test_clips`` raw clips each."""
        return self._part(root, view, "val", view.test_clips)

    def _part(self, root: Path, view: VideoView, part: str, clips: int) -> Listing:
        folder = root / "kinetics400"
        table = _table(folder, part)
        if not table.is_file():
            raise BadInput(f"{table} is not there; {_how(folder)}")
        videos = _videos(folder, part)
        if not len(videos.places):
            raise BadInput(f"{folder / part} holds no listed video; {_how(folder)}")
        names = videos.found.names.take(videos.places)
        bare = [""] * len(names.prefixes)
        columns = Columns(
            Paths(folder / part, names),
            videos.labels,
            names.with_prefixes(bare, cut=len(".mp4")),
            names.with_prefixes(bare, cut=len("_000000_000010.mp4")),
        )
        return Listing(columns, ClipReader(view.frames, view.seconds, clips, view.resize))

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.video.targets._kinetics400_sample``."""
        from modalities.video.targets._kinetics400_sample import write_all

        folder = root / "kinetics400"
        write_all(folder, list(SAMPLE_CLASSES), [spelt(name) for name in SAMPLE_CLASSES], seed)
        mark(folder, "kinetics400", seed)


def spelt(name: str) -> str:
    """A class name as torchvision spells its folder."""
    return re.sub(r"['()]", "", name.replace(" ", "_"))


_LABELS = {spelt(name): label for label, name in enumerate(CLASSES)}


def _table(folder: Path, part: str) -> Path:
    return folder / "annotations" / f"{part}.csv"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lines(path: Path) -> Iterator[tuple[str, int]]:
    """Every video of a table as CLASS NUMBER/FILE, and its class number."""
    for number, row in enumerate(table(path), 2):
        try:
            label = _LABELS[spelt(row["label"])]
            yield f"{label}/{row['youtube_id']}_{int(row['time_start']):06}_{int(row['time_end']):06}.mp4", label
        except (KeyError, ValueError) as error:
            raise BadInput(f"{path} line {number} names no video of Kinetics-400; fetch the table again.") from error


def _classes(folder: Path) -> list[str]:
    """The class folders of a part that are there, by name."""
    return sorted(path.name for path in folder.iterdir() if spelt(path.name) in _LABELS) if folder.is_dir() else []


def _index(folder: Path) -> Index:
    """Files below a part's class folders."""
    names = _classes(folder)
    return index(folder, names, ".mp4", aliases=[spelt(name) for name in names])


def _videos(folder: Path, part: str) -> Videos:
    """The listed videos of a part; files without a byte count as absent."""
    found = _index(folder / part)
    heads = [f"{_LABELS[spelt(head.removesuffix('/'))]}/" for head in found.names.prefixes]
    here = look_up(_table(folder, part), _lines, found, folder / part, heads)
    whole = found.sizes[here.places] > 0
    return Videos(found, here.places[whole], here.labels[whole], here.lines)


def _how(folder: Path) -> str:
    return (
        f"download the archives that {HOST}/train/k400_train_path.txt and {HOST}/val/k400_val_path.txt list and the "
        f"tables {HOST}/annotations/train.csv and val.csv (into {folder / 'annotations'}), and sort the videos into "
        f"{folder}/train/CLASS and {folder}/val/CLASS, as torchvision's Kinetics does."
    )


TARGET = Kinetics400()
