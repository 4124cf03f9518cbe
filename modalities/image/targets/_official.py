"""The base of targets whose image files come in several archives with their authors' lists: fetched part by part."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from modalities.datasets.layouts import find_folder, folders_named
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import unmatched
from modalities.datasets.standin import refuse_stand_in
from modalities.errors import NotFetched
from modalities.image.folder import ImageFolderTarget
from modalities.image.targets._packed import verify_files


class Part(NamedTuple):
    """One file of the official download."""

    url: str
    md5: str
    brings: str  # the split, or the file below the dataset's folder, that exists once this part is unpacked
    size: int | None = None  # in bytes, if known


class OfficialTarget(ImageFolderTarget):
    """Image files below ``ROOT/folder``, labelled by folders or by lists.

    The folder may have another of the names in ``places``, in any case, and its content may lie in folders within it,
    as it does if an archive was unpacked into a folder of its own name. A subclass overrides ``rows``, ``listed`` and
    ``write_sample``, and sets what can be downloaded.
    """

    places: tuple[str, ...] = ()  # other names of the folder in the root
    parts: tuple[Part, ...] = ()  # of the download, lists first
    md5s: Mapping[str, str] = {}  # of files that stay on disk

    def fingerprint(self, root: Path, rows: Mapping[str, Sequence[Row]]) -> tuple[str, int]:
        """Return a SHA-256 of names and labels; sizes are not looked up, for there may be a million files."""
        digest = hashlib.sha256()
        for split, columns in zip(rows, map(Columns.of, rows.values()), strict=True):
            for name, label in zip(columns.item_ids, columns.labels.tolist(), strict=True):
                digest.update(f"{split} {label} {name}\n".encode("utf-8", "backslashreplace"))
        return digest.hexdigest(), 0

    def home(self, root: Path) -> Path:
        starts = folders_named(root, (self.folder, *self.places))
        beside_list = find_folder(starts, lambda found: any((found.path / name).is_file() for name in self.lists))
        return beside_list or next(iter(starts), root / self.folder)

    def listed(self, root: Path, split: str) -> tuple[Path, int, list[str]]:
        """Return the list of a split, how many images it names, and those (or the first) of them that are not there."""
        raise NotImplementedError

    def faults(self, root: Path) -> list[str]:
        """Return phrases about lists that differ from the published ones and about listed images that are not there."""
        phrases = []
        for split, items in zip(self.splits, (self.info.train_items, self.info.test_items), strict=True):
            path, named, absent = self.listed(root, split)
            phrases += self._differing_counts(root, {f"the {split} list": items}, {f"the {split} list": named})
            phrases += unmatched(path, absent, self.unit)
        return phrases

    def instructions(self, root: Path) -> str:
        return (
            f"`benchmark data fetch {self.info.name}` downloads {self.info.download_bytes / 1e6:,.0f} MB; or unpack "
            f"{', '.join(part.url for part in self.parts)} into {self.home(root)}."
        )

    def fetch(self, root: Path) -> None:
        """Download, verify and unpack the parts that are missing; raise BadInput if that fails."""
        if not self.parts:
            super().fetch(root)
            return
        from modalities.download.fetch import download, extract

        home = self.home(root)
        refuse_stand_in(home)
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
        """Return whether a file exists, or a split is complete."""
        home = self.home(root)
        if brought not in self.splits:
            return (home / brought).is_file()
        items = (self.info.train_items, self.info.test_items)[self.splits.index(brought)]
        return all((home / name).is_file() for name in self.lists) and len(self.rows(root, brought)) >= items

    def verify(self, root: Path) -> None:
        """Compare files with published checksums, if there are any; raise BadInput for the first that differs."""
        verify_files(self.home(root), self.md5s)


def save_jpeg(path: Path, pixels: Any, mode: str = "RGB") -> None:
    """Write (H, W, 3) uint8 as a JPEG file: colour, grey (``L``) or ``CMYK``."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, "JPEG", quality=90)
