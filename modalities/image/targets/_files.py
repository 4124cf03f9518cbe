"""Targets of many image files under lists of their authors': cheap to list, whole or in part, and fetched in parts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from modalities.base import DataStatus
from modalities.datasets.hidden import is_hidden
from modalities.datasets.listing import Columns, Listing, Row
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput, NotFetched
from modalities.image.folder import SUFFIXES, ImageFolderTarget, ImageReader
from modalities.image.options import ImageView

if TYPE_CHECKING:
    from torch import Tensor


class Part(NamedTuple):
    """One file of the official download."""

    url: str
    md5: str
    brings: str  # a split, or the file below the dataset's folder, that is there once this part is
    size: int | None = None  # in bytes, where known


class Below:
    """Reads image files by their names relative to a folder: (1, 3, side, side) uint8.

    So a million rows hold one short string each.
    """

    def __init__(self, folder: Path, side: int) -> None:
        self.folder, self.read = folder, ImageReader(side)

    def __call__(self, name: str) -> Tensor:
        path = self.folder / name
        try:
            return self.read(path)
        except Exception as error:  # decoders meet damage with nearly anything
            raise BadInput(
                f"{path} cannot be read as an image ({type(error).__name__}: {error}); "
                "replace the file or fetch it again."
            ) from error


def images_in(folder: Path, prefix: str = "") -> Iterator[str]:
    """Names of the image files directly in a folder, each behind ``prefix``; none where it is absent. Stats nothing."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().endswith(SUFFIXES) and not is_hidden(entry.name):
                    yield prefix + entry.name
    except (FileNotFoundError, NotADirectoryError):
        return


class FilesTarget(ImageFolderTarget):
    """Image files below ``ROOT/folder`` (implements ``modalities.base.TargetAdapter``).

    A subclass sets ``info``, ``splits``, ``own_folder`` and what can be downloaded, and overrides ``rows`` and
    ``write_sample``. ``Row.where`` is relative to the dataset's folder.
    """

    own_folder: str
    lists: tuple[str, ...] = ()  # files without which nothing has a label
    parts: tuple[Part, ...] = ()  # of the download, lists first
    md5s: Mapping[str, str] = {}  # of files that stay on disk

    @property
    def folder(self) -> str:
        """Name of the dataset's folder under the root."""
        return self.own_folder

    def home(self, root: Path) -> Path:
        """The dataset's folder."""
        return root / self.own_folder

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """The labelled images of a split that are on disk, in a stable order: the one place that lists files."""
        raise NotImplementedError

    def status(self, root: Path) -> DataStatus:
        """Compares names on disk with what belongs there; reads lists, stats no image."""
        home = self.home(root)
        if not home.is_dir():
            return DataStatus("absent", "", (f"the folder {home.name}",), self.how(root))
        missing = [name for name in self.lists if not (home / name).is_file()]
        labelled = not missing
        digest = hashlib.sha256()
        expected = dict(zip(self.splits, (self.info.train_items, self.info.test_items), strict=True))
        real = not is_stand_in(home)
        found = 0
        for split, wanted in expected.items():
            rows: Sequence[Row] = []
            try:
                rows = self.rows(root, split) if labelled else []
            except BadInput as damage:  # of a list
                missing.append(str(damage))
            found += len(rows)
            columns = Columns.of(rows)
            for name, label in zip(columns.where, columns.labels.tolist(), strict=True):
                digest.update(f"{split} {label} {name}\n".encode("utf-8", "backslashreplace"))
            if len(rows) < (wanted if real else 1):
                missing.append(f"{split}: {wanted - len(rows):,} of {wanted:,} images")
        if not found and not any((home / name).exists() for name in self.lists):
            return DataStatus("absent", "", tuple(missing), self.how(root))
        if missing:
            return DataStatus("partial", digest.hexdigest(), tuple(missing), self.how(root))
        return DataStatus("ready", digest.hexdigest(), how="" if real else "generated stand-in, not the real dataset")

    def how(self, root: Path) -> str:
        """The sentence that says how to obtain the data."""
        return (
            f"`benchmark data fetch {self.info.name}` downloads {self.info.download_bytes / 1e6:,.0f} MB; or unpack "
            f"{', '.join(part.url for part in self.parts)} into {self.home(root)}."
        )

    def fetch(self, root: Path) -> None:
        """Download, verify and unpack the parts that are not there yet; raises BadInput when that fails."""
        from modalities.download.fetch import download, extract

        home = self.home(root)
        if is_stand_in(home):
            raise BadInput(f"{home} holds a generated stand-in; delete it or choose another root.", about="root")
        for part in self.parts:
            if self._has(root, part.brings):
                continue
            file = home / part.url.rpartition("/")[2]
            home.mkdir(parents=True, exist_ok=True)
            download(part.url, file, md5=part.md5, size=part.size, at_most=2 * self.info.download_bytes)
            if file != home / part.brings:
                extract(file, home)
                file.unlink()
        if (status := self.status(root)).state != "ready":
            raise NotFetched(f"{self.info.name} is still incomplete after the download: {'; '.join(status.missing)}.")

    def _has(self, root: Path, brought: str) -> bool:
        if brought not in self.splits:
            return (self.home(root) / brought).is_file()
        wanted = (self.info.train_items, self.info.test_items)[self.splits.index(brought)]
        return all((self.home(root) / name).is_file() for name in self.lists) and (
            len(self.rows(root, brought)) >= wanted
        )

    def verify(self, root: Path) -> None:
        """Compare files with published checksums, where there are any; raises BadInput for the first that differs."""
        from modalities.download.fetch import verify

        home = self.home(root)
        if is_stand_in(home):
            raise BadInput(f"{home} holds a generated stand-in, which no published checksum describes; fetch the data.")
        for name, md5 in self.md5s.items():
            verify(home / name, md5=md5)

    def _listing(self, root: Path, split: str, view: ImageView) -> Listing:
        for name in self.lists:
            if not (self.home(root) / name).is_file():
                raise BadInput(f"{self.home(root) / name} is missing; {self.how(root)}")
        rows = self.rows(root, split)
        if not rows:
            raise BadInput(
                f"there are no images of {self.info.name}'s {split} split below {self.home(root)}; {self.how(root)}"
            )
        return Listing(rows, Below(self.home(root), view.raw_size))


def save_jpeg(path: Path, pixels: Any, mode: str = "RGB", quality: int = 90) -> None:
    """Write (H, W, 3) uint8 as a JPEG file: colour, grey (``L``) or ``CMYK``."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, "JPEG", quality=quality)
