"""Unpacks untrusted tar and zip archives: nothing lands outside the folder, nothing half done stays."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import Any, cast

from modalities.errors import BadInput
from modalities.storage.atomic import temporary_path
from modalities.storage.locks import path_lock

_CHUNK = 1 << 20
_MAX_HEADER = _CHUNK  # of a tar's member, with its extensions; longer ones exist only to fill the memory
_MAX_GLOBAL_RECORDS = 100  # of a tar's global headers, which tarfile stores to the end
_MAX_PADDING = 16 * _CHUNK  # after a tar's end
_MAX_ZIP_END = 22 + 65_535  # bytes of a zip's end record and its comment
_MANY_MEMBERS = 65_535  # stands for "more", which another record counts
_BLOCK = 512  # bytes; counted at least for every name on a member's path, since empty files fill a disk too
_ZEROS = bytes(_BLOCK)  # ends a tar archive

# Archives of media hardly shrink, those of text by 20 or so; only what is made to fill a disk exceeds this ratio.
_MAX_RATIO = 200
_ALWAYS_ALLOWED = 1 << 30

_DECOMPRESSORS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}


def extract(archive: Path, into: Path, *, max_bytes: int | None = None) -> None:
    """Unpack a tar (plain, gzip, bzip2, xz) or zip archive, recognised by content, into a folder, which is created.

    Everything is unpacked beside the folder and renamed into it at the end; existing files are replaced if the archive
    has them, and stay otherwise.

    Args:
        max_bytes: limit for the content, counting a tar's headers, at least 512 bytes for every member, and 512 more
            for every folder on its path; by default 200 times the archive's size, but at least 1 GiB. The free space
            of the disk is a limit in any case.

    Raises:
        BadInput: a member has an absolute path, contains ``..`` or is a link, a device or a pipe; the content is
            larger than allowed; the archive is missing, damaged, truncated, encrypted or of another kind; or the disk
            is full. Only a hidden lock file is left behind, and ``into`` is unchanged.
    """
    archive = Path(archive)
    unpack = _kind(archive)
    into = Path(into).resolve()
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        home = into if into.is_dir() else into.parent  # on the same file system, even if ``into`` is a mount point
        if max_bytes is None:
            max_bytes = max(_ALWAYS_ALLOWED, _MAX_RATIO * archive.stat().st_size)
        limit = min(max_bytes, shutil.disk_usage(home).free)
        with path_lock(home / into.name), temporary_path(home / into.name) as staging:
            staging.mkdir()
            with _damage_named(archive):
                unpack(archive, staging, limit)
            _merge(staging, into)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full; free some space and run the same command again" if full else error.strerror or error
        raise BadInput(f"{archive} cannot be unpacked into {into}: {why}.") from error


def _kind(archive: Path) -> Callable[[Path, Path, int], None]:
    try:
        with archive.open("rb") as file:
            start = file.read(262)
    except OSError as error:
        raise BadInput(f"the archive {archive} cannot be opened: {error.strerror}.") from error
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return _unzip
    for magic, opener in _DECOMPRESSORS.items():
        if start.startswith(magic):
            return partial(_untar, opener)
    if start[257:] == b"ustar":
        return partial(_untar, Path.open)
    if start.startswith((b"Rar!", b"7z\xbc\xaf")):
        raise BadInput(
            f"{archive} is a rar or 7z archive, which must be unpacked by hand (with 'bsdtar -xf' or '7z x')."
        )
    raise BadInput(f"{archive} is neither a tar nor a zip archive; delete it and fetch it again.")


def _check_size(archive: Path, size: int, limit: int) -> None:
    if size > limit:
        raise BadInput(
            f"{archive} unpacks to more than {limit:,} bytes, which is all that is allowed or free on the disk; "
            "nothing was unpacked."
        )


def _check_member(archive: Path, name: str, *, is_plain: bool) -> int:
    """Refuse links, devices and paths that are not plainly below the folder; return how many folders the path has."""
    path = PurePath(name)
    if path.anchor or ".." in path.parts:
        raise BadInput(f"{archive} holds '{name}', which would lie outside the folder; nothing was unpacked.")
    if not is_plain:
        raise BadInput(
            f"{archive} holds '{name}', which is a link or a device, not a file or folder; nothing was unpacked."
        )
    return max(0, len(path.parts) - 1)


@contextlib.contextmanager
def _damage_named(archive: Path) -> Iterator[None]:
    """Turn every error of a decoder into a BadInput; errors of the disk pass through."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:  # decoders meet damage with ValueError, IndexError, UnicodeDecodeError and more
        if isinstance(error, OSError) and error.errno is not None:  # of the disk; those of decoders have no number
            raise
        why = str(error) or type(error).__name__
        raise BadInput(f"{archive} is damaged or cut short ({why}); delete it and fetch it again.") from error


class _Guarded:
    """A decompressed tar stream that counts and limits the bytes of headers, and remembers the last block."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._limit: int | None = _MAX_HEADER  # for ``headers``; None while content is read
        self.headers = 0
        self.last = b""
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if size < 0 or (self._limit is not None and self.headers + size > self._limit):
            raise tarfile.ReadError("a header of impossible length")
        self.last = self._file.read(size)
        if self._limit is not None:
            self.headers += len(self.last)
        return self.last

    @contextlib.contextmanager
    def content(self) -> Iterator[None]:
        """Count what is read within the block as content, not as a header."""
        self._limit = None
        yield
        self._limit = self.headers + _MAX_HEADER


def _untar(opener: Callable[..., Any], archive: Path, staging: Path, limit: int) -> None:
    with opener(archive, "rb") as stream:
        guarded = _Guarded(stream)
        with tarfile.open(fileobj=cast(Any, guarded), mode="r:") as tar:
            _untar_members(archive, tar, guarded, staging, limit)
        # tarfile takes a damaged header for the end; the real end is a block of zeros.
        if guarded.last != _ZEROS:
            raise tarfile.ReadError("no end mark")
        # Read the padding to its end, so that the decompressor verifies its checksum.
        if not any(not stream.read(_CHUNK) for _ in range(_MAX_PADDING // _CHUNK)):
            raise tarfile.ReadError("endless padding")


def _untar_members(archive: Path, tar: tarfile.TarFile, guarded: _Guarded, staging: Path, limit: int) -> None:
    total = 0
    while (member := tar.next()) is not None:
        folders = _check_member(archive, member.name, is_plain=member.isreg() or member.isdir())
        if member.size < 0:
            raise tarfile.ReadError("a member of negative size")
        pax = tar.pax_headers
        if len(pax) > _MAX_GLOBAL_RECORDS or sum(len(name) + len(value) for name, value in pax.items()) > _MAX_HEADER:
            raise tarfile.ReadError("global headers of impossible length")
        total += member.size + folders * _BLOCK
        _check_size(archive, guarded.headers + total, limit)
        with guarded.content():
            tar.extract(member, staging, filter="data")
        tar.members.clear()  # type: ignore[attr-defined]  # a kilobyte for each member, of which there may be a million


def _unzip(archive: Path, staging: Path, limit: int) -> None:
    with zipfile.ZipFile(archive) as file:
        members, total = file.infolist(), 0
        if _stated_members(archive) not in (len(members), _MANY_MEMBERS):
            raise zipfile.BadZipFile("the directory has fewer or more members than its end says")
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)  # the upper half holds the Unix mode, or nothing
            is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            folders = _check_member(archive, member.filename, is_plain=is_plain)
            total += max(member.file_size, _BLOCK) + folders * _BLOCK
            if member.flag_bits & 1:
                raise BadInput(f"{archive} is encrypted; unpack it by hand with its password.")
            if member.compress_type == zipfile.ZIP_LZMA:  # a member may request up to 4 GiB of memory
                raise BadInput(f"{archive} is packed with LZMA; unpack it by hand, or pack it as zip programs do.")
        _check_size(archive, total, limit)
        for member in members:
            file.extract(member, staging)  # reads at most the declared size, and verifies the checksum


def _stated_members(archive: Path) -> int:
    """Return how many members the end of a zip archive states, which zipfile never compares with its directory."""
    with archive.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _MAX_ZIP_END))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    return int.from_bytes(end[at + 10 : at + 12], "little")


def _merge(source: Path, target: Path) -> None:
    """Rename a tree into place: as a whole if nothing is there yet, else folder by folder and file by file."""
    if not target.exists():
        source.rename(target)
        return
    if not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{target} is a file where the archive has a folder")
    for entry in source.iterdir():
        place = target / entry.name
        if entry.is_dir():
            _merge(entry, place)
        elif place.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{place} is a folder where the archive has a file")
        else:
            entry.replace(place)
