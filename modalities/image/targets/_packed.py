"""The base of targets whose pictures are packed into a few official files, all from one archive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from modalities.base import DataStatus
from modalities.datasets.standin import is_stand_in, mark, refuse_stand_in
from modalities.datasets.target import Target
from modalities.errors import BadInput


class PackedTarget(Target):
    """Status, download and checksums of files in ``ROOT/archive_folder``; a subclass reads and writes them."""

    archive: str  # address of the official archive
    archive_md5: str
    archive_folder: str  # which the archive holds
    md5s: Mapping[str, str]  # published, by name of a file
    sizes: Mapping[str, int]  # in bytes, by name of each file that is needed; 0 if any size will do

    def status(self, root: Path) -> DataStatus:
        """Look for the files and their sizes; none is read."""
        home = root / self.archive_folder
        sizes = {name: (home / name).stat().st_size for name in self.sizes if (home / name).is_file()}
        if not sizes:
            return self._report(root, [f"the folder {self.archive_folder}"], "", 0, some=False)
        digest = hashlib.sha256("".join(f"{name} {size}\n" for name, size in sizes.items()).encode())
        missing = [name for name in self.sizes if name not in sizes]
        if not (stand_in := is_stand_in(home)):
            missing += [
                f"{name}: {self.sizes[name] - size:,} of {self.sizes[name]:,} bytes"
                for name, size in sizes.items()
                if self.sizes[name] not in (0, size)
            ]
        return self._report(root, missing, digest.hexdigest(), sum(sizes.values()), some=True, stand_in=stand_in)

    def instructions(self, root: Path) -> str:
        return (
            f"`benchmark data fetch {self.info.name}` downloads {self.info.download_bytes / 1e6:,.0f} MB; "
            f"or unpack {self.archive} into {root}."
        )

    def fetch(self, root: Path) -> None:
        """Download, verify and unpack the official archive; raise BadInput if that fails."""
        refuse_stand_in(root / self.archive_folder)
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
        verify_files(root / self.archive_folder, self.md5s)


def verify_files(home: Path, md5s: Mapping[str, str]) -> None:
    """Compare files of a folder, by name, with their MD5; raise BadInput for a stand-in and the first that differs."""
    from modalities.download.fetch import verify

    if is_stand_in(home):
        raise BadInput(f"{home} holds a generated stand-in, which has no published checksum; fetch the data.")
    for name, md5 in md5s.items():
        verify(home / name, md5=md5)
