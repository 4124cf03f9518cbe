"""Kinetics-400: 400 human actions in ten-second videos; the validation part is the test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from modalities.base import DataStatus, Published, TargetInfo
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.layouts import Contents, contents, find_folder, folders_named
from modalities.datasets.lazy import Lazy
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import lines, numbered_rows
from modalities.datasets.lookup import ListedFiles, look_up
from modalities.errors import BadInput
from modalities.storage.digest import file_sha256
from modalities.video.policies import VideoView
from modalities.video.targets._base import VideoTarget, x3d_student

# Official order, which is that of the sorted full names; as torchvision's weights for this dataset list them
# (torchvision.models.video.R3D_18_Weights.KINETICS400_V1.meta["categories"]).
CLASSES = tuple(lines(Path(__file__).with_name("_kinetics400_classes.txt")))
VIDEOS = {"train": 240_258, "val": 19_881}  # videos of the hosted copy
LISTED = {"train": 246_534, "val": 19_906}  # videos that its tables name
ENOUGH = 0.95  # share of the listed videos; every copy lacks some, and no two copies the same ones
PLACES = ("kinetics400", "kinetics-400", "kinetics_400", "k400", "kinetics")  # folders in the root, in any case
_PARTS = {"train": "train", "val": "val|valid|validate|validation", "test": "test"}
# How copies call the folders of a part (val, videos_val, val_256, val_videos) and its table (validate.csv,
# kinetics_val.csv, kinetics-400_val.csv), in lower case.
NAMED = {part: re.compile(rf"(?:videos_)?(?:{names})(?:_videos|_\d+p?)?") for part, names in _PARTS.items()}
TABLES = {part: re.compile(rf"(?:k(?:inetics)?[-_]?(?:400)?[-_])?(?:{names})\.csv") for part, names in _PARTS.items()}
ANY_PART = re.compile("|".join(pattern.pattern for pattern in NAMED.values()))
SUFFIXES = (".mp4", ".mkv", ".webm", ".avi")
VIDEO = re.compile(
    r"(.+)_(\d{1,6})_(\d{1,6})(?:\.mp4)?\.(?:mp4|mkv|webm|avi)", re.IGNORECASE
)  # downloaders add suffixes
SECONDS = re.compile(r"(\d{1,6})(?:\.0*)?")
COLUMNS = ("label", "youtube_id", "time_start", "time_end")
MAX_TABLE_BYTES = 100_000_000  # 250,000 videos take about 70 each
HOST = "https://s3.amazonaws.com/kinetics/400"
SAMPLE_CLASSES = (
    "abseiling", "massaging person's head", "passing American football (in game)", "playing chess",
    "skiing (not slalom or crosscountry)", "skiing crosscountry", "tai chi", "zumba",
)  # fmt: skip


class Kinetics400(VideoTarget):
    """Reads ``kinetics400/annotations/{train,val}.csv`` and ``kinetics400/{train,val}/<class>/<id>_<start>_<end>.mp4``.

    Times have up to six digits; the suffix may also be mkv, webm or avi. A class folder may have the full name or
    torchvision's spelling of it (blanks as underscores, no brackets or apostrophes), or there are none, as the hosted
    archives unpack. Tables may lie beside the folders, and be called ``validate.csv`` or ``kinetics_val.csv``; the
    folders may be called ``validate`` or ``videos_val``, or be one for both parts. Labels come from the tables, never
    from the order of folders, because sorted folders of torchvision's spelling exchange the classes 308 and 309.
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
            "other copies hold fewer, and the authors' later tables name fewer. Ready means 95 % of these lists, with "
            "the counts in the status; the fingerprint covers the videos that are there, so results of different "
            "copies never mix. The size of the download is not stated. Items are videos; predictions of a video's "
            "clips are averaged."
        ),
    )

    def home(self, root: Path) -> Path:
        return next(iter(folders_named(root, PLACES)), root / PLACES[0])

    def status(self, root: Path) -> DataStatus:
        """Ready when each table names 95 % of the known videos, and 95 % of these are there; all gaps are counted."""
        digest, size, missing, ready, some = hashlib.sha256(), 0, [], True, False
        for part in VIDEOS:
            folder, table = self._folder(root, part), self._table(root, part)
            found = _index(folder)
            some, size = some or len(found) > 0 or table.is_file(), size + found.bytes
            if not table.is_file():
                missing.append(f"annotations/{part}.csv")
                ready = False
                continue
            try:
                videos = _videos(folder, table, found)
            except BadInput as damage:
                missing.append(str(damage))
                ready = False
                continue
            present = len(videos.places)
            digest.update(f"{part} {present} of {videos.lines} {found.fingerprint} {file_sha256(table)}\n".encode())
            gaps = self._differing_counts(root, {f"the {part} list": LISTED[part]}, {f"the {part} list": videos.lines})
            listed = not gaps or ENOUGH <= videos.lines / LISTED[part] <= 2 - ENOUGH
            ready = ready and listed and present >= ENOUGH * videos.lines > 0
            if present < videos.lines:
                such_as = f", such as {videos.absent}" if videos.absent else ""
                gaps.append(f"{videos.lines - present:,} of {videos.lines:,} {part} videos{such_as}")
            missing += gaps
        if ready and (shared := self._shared(root)):
            missing.append(shared)
            ready = False
        return self._report(root, missing, digest.hexdigest() if some else "", size, ready=ready, some=some)

    def _shared(self, root: Path) -> str:
        """Return a sentence about a video that is in both parts; "" if there is none."""
        train, val = (set(self._present(root, part).groups) for part in VIDEOS)
        tables = " and ".join(str(self._table(root, part)) for part in VIDEOS)
        both = min(train & val, default="")
        return f"{tables} both name the video {both}; fetch the tables again." if both else ""

    def fetch(self, root: Path) -> None:
        """Download the two tables; the videos come in hundreds of archives that must be unpacked by hand."""
        from modalities.download.fetch import download

        for part in VIDEOS:
            table = self._table(root, part)
            if not table.is_file():
                download(f"{HOST}/annotations/{part}.csv", table, at_most=MAX_TABLE_BYTES)
        super().fetch(root)

    def _rows(self, root: Path, view: VideoView, fold: int, *, test: bool) -> Sequence[Row]:
        part = "val" if test else "train"
        self._required(root, self._table(root, part))
        rows = self._present(root, part)
        if shared := self._shared(root):
            raise BadInput(shared)
        return rows

    def _present(self, root: Path, part: str) -> Columns:
        """Return the listed videos of a part that are on disk."""
        folder, table = self._folder(root, part), self._table(root, part)
        if not table.is_file():
            return Columns.of([])
        found = _index(folder)
        videos = _videos(folder, table, found)
        names = found.names.take(videos.places)
        ids = Lazy(names, range(len(names)), _video_id)
        return Columns(Paths(folder, names), videos.labels, ids, Lazy(ids, range(len(ids)), _youtube_id))

    def _folder(self, root: Path, part: str) -> Path:
        """Return the folder of a part's videos: the part's own, or one that holds the videos of all parts."""
        starts = folders_named(root, PLACES)

        def is_parts(found: Contents) -> bool:
            return bool(NAMED[part].fullmatch(found.path.name.lower())) and _holds_videos(found)

        def is_shared(found: Contents) -> bool:
            return not ANY_PART.fullmatch(found.path.name.lower()) and _holds_videos(found)

        found = find_folder(starts, is_parts, lambda name: not _is_class(name))
        return found or find_folder(starts, is_shared, lambda name: not _is_media(name)) or self.home(root) / part

    def _table(self, root: Path, part: str) -> Path:
        """Return the path of a part's table, or where it should be."""

        def names(found: Contents) -> list[str]:
            return [name for name in found.files if TABLES[part].fullmatch(name.lower())]

        homes = folders_named(root, PLACES)
        starts = [folder for home in homes for folder in (home / "annotations", home)]
        if found := find_folder(starts, lambda found: bool(names(found)), lambda name: not _is_media(name)):
            return found / names(contents(found))[0]
        return self.home(root) / "annotations" / f"{part}.csv"

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


def _folded(name: str) -> str:
    return folder_name(name).casefold()


_LABELS = {_folded(name): label for label, name in enumerate(CLASSES)}


def _is_class(name: str) -> bool:
    return _folded(name) in _LABELS


def _is_media(name: str) -> bool:
    """Return whether a folder is known by its name to hold videos, of which there may be many."""
    return _is_class(name) or ANY_PART.fullmatch(name.lower()) is not None


def _holds_videos(found: Contents) -> bool:
    """Return whether videos lie in a folder, or in class folders inside it."""
    folders = filter(_is_class, found.folders)
    return any(map(VIDEO.fullmatch, found.files)) or any(
        any(map(VIDEO.fullmatch, contents(found.path / name).files)) for name in folders
    )


def _lines(path: Path) -> Iterator[tuple[str, int]]:
    """Yield id and class number of every video of a table."""
    seen = set()
    own = next(part for part in VIDEOS if TABLES[part].fullmatch(path.name.lower()))
    others = [NAMED[part] for part in (*VIDEOS, "test") if part != own]
    for number, row in numbered_rows(path, COLUMNS):
        try:
            label = _LABELS[_folded(row["label"])]
            start, end = (int(SECONDS.fullmatch(row[name])[1]) for name in ("time_start", "time_end"))  # type: ignore[index]
            video = f"{row['youtube_id']}_{start:06}_{end:06}"
        except (KeyError, TypeError) as error:
            raise BadInput(f"{path} line {number} names no video of Kinetics-400; fetch the table again.") from error
        if video in seen or any(other.fullmatch(row.get("split", "").lower()) for other in others):
            what = f"names {video} again" if video in seen else f"is of the split '{row['split']}'"
            raise BadInput(f"{path} line {number} {what}; fetch the table again.")
        seen.add(video)
        yield video, label


def _video_id(name: str) -> str:
    """Return what a table would call a file: YOUTUBE-ID_START_END with six digits."""
    file = name.rpartition("/")[2]
    match = VIDEO.fullmatch(file)
    return f"{match[1]}_{int(match[2]):06}_{int(match[3]):06}" if match else file


def _youtube_id(video: str) -> str:
    return video.removesuffix(video[-len("_000000_000010") :])


def _index(folder: Path) -> Index:
    folders = [name for name in contents(folder).folders if _is_class(name)]
    aliases = [folder_name(CLASSES[_LABELS[_folded(name)]]) for name in folders]
    return index(folder, [*folders, "."], SUFFIXES, aliases=[*aliases, "."])


def _videos(folder: Path, table: Path, found: Index) -> ListedFiles:
    """Return the listed videos of a part that are on disk and not empty."""
    videos = look_up(table, _lines, found, folder, found.names.prefixes, _video_id)
    whole = found.sizes[videos.places] > 0
    return replace(videos, places=videos.places[whole], labels=videos.labels[whole])


TARGET = Kinetics400()
