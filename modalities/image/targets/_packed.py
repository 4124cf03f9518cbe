"""The base of targets whose pictures are packed into a few official files, all from one archive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from modalities.base import DataStatus
from modalities.datasets.layouts import find_folder, folders_named
from modalities.datasets.standin import is_stand_in, mark, refuse_stand_in
from modalities.datasets.target import Target, differing_counts
from modalities.errors import BadInput


class PackedTarget(Target):
    """Status, download and checksums of files in ``archive_folder``; a subclass reads and writes them.

    The folder lies in the root, or up to four folders deep in one of the ``places`` there.
    """

    places: tuple[str, ...]  # names of folders in the root, in any case, that may hold the archive's folder

    archive: str  # address of the official archive
    archive_md5: str
    archive_folder: str  # which the archive holds
    md5s: Mapping[str, str]  # published, by name of a file
    sizes: Mapping[str, int]  # in bytes, by name of each file that is needed; 0 if any size will do

    def packed_home(self, root: Path, folder: str = "") -> Path:
        """Return the archive's folder (or another one), or where it should be."""
        folder = folder or self.archive_folder
        if direct := folders_named(root, [folder]):
            return direct[0]
        above = find_folder(folders_named(root, self.places), lambda found: folder in found.folders)
        return (above or root) / folder

    def counts(self, home: Path) -> Mapping[str, tuple[int, int]]:
        """Return how many images the files in their folder hold and should hold, by file. Raises BadInput."""
        return {}

    def status(self, root: Path) -> DataStatus:
        """Look for the files, their sizes and how many images they hold; no image is read."""
        return self._files_status(root, self.packed_home(root), self.sizes)

    def _files_status(self, root: Path, home: Path, expected: Mapping[str, int]) -> DataStatus:
        sizes = {name: (home / name).stat().st_size for name in expected if (home / name).is_file()}
        if not sizes:
            return self._report(root, [f"the folder {self.archive_folder}"], "", 0, some=False)
        digest = hashlib.sha256("".join(f"{name} {size}\n" for name, size in sizes.items()).encode())
        missing = [name for name in expected if name not in sizes]
        if not (stand_in := is_stand_in(home)):
            missing += [
                f"{name}: {expected[name] - size:,} of {expected[name]:,} bytes"
                for name, size in sizes.items()
                if expected[name] not in (0, size)
            ]
            try:
                counts = self.counts(home)
                known = {name: number for name, (_, number) in counts.items()}
                missing += differing_counts(known, {name: found for name, (found, _) in counts.items()}, "images")
            except BadInput as damage:
                missing.append(str(damage))
        return self._report(root, missing, digest.hexdigest(), sum(sizes.values()), some=True, stand_in=stand_in)

    def instructions(self, root: Path) -> str:
        return (
            f"`benchmark data fetch {self.info.name}` downloads {self.info.download_bytes / 1e6:,.0f} MB; "
            f"or unpack {self.archive} into {root}."
        )

    def fetch(self, root: Path) -> None:
        """Download, verify and unpack the official archive; raise BadInput if that fails."""
        refuse_stand_in(self.packed_home(root))
        if self.status(root).state == "ready":
            return
        from modalities.download.fetch import fetch_archive

        fetch_archive(self.archive, root, md5=self.archive_md5, at_most=2 * self.info.download_bytes)

    def write_sample(self, root: Path, seed: int) -> None:
        home = root / self.archive_folder
        home.mkdir(parents=True, exist_ok=True)
        self._write_sample(home, seed)
        mark(home, self.info.name, seed)

    def verify(self, root: Path) -> None:
        """Compare the official files with published checksums; raise BadInput for the first that differs."""
        verify_files(self.packed_home(root), self.md5s)


def verify_files(home: Path, md5s: Mapping[str, str]) -> None:
    """Compare files of a folder, by name, with their MD5; raise BadInput for a stand-in and the first that differs."""
    from modalities.download.fetch import verify

    if is_stand_in(home):
        raise BadInput(f"{home} holds a generated stand-in, which has no published checksum; fetch the data.")
    for name, md5 in md5s.items():
        verify(home / name, md5=md5)
