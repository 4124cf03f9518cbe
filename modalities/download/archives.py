"""Unpacks tar and zip archives that are not trusted: nothing leaves the folder, nothing half-done stays."""

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
from pathlib import Path, PurePath
from typing import Any, cast

from modalities.errors import BadInput
from modalities.storage.atomic import temporary_path
from modalities.storage.locks import path_lock

_CHUNK = 1 << 20
_LONGEST_HEADER = _CHUNK  # of a tar's member, with its extensions; longer ones exist only to fill the memory
_MOST_KEPT = 100  # records of a tar's global headers, which tarfile keeps to the end
_LONGEST_PADDING = 16 * _CHUNK  # behind a tar's end
_BLOCK = 512  # bytes; what every name on a member's path counts at least, since empty files fill a disk too
_ZEROS = bytes(_BLOCK)  # ends a tar archive

# An archive of media hardly shrinks, one of text by 20 or so; only what is made to fill a disk passes this ratio.
_USUAL_RATIO = 200
_ALWAYS_ALLOWED = 1 << 30


def extract(archive: Path, into: Path, *, max_bytes: int | None = None) -> None:
    """Unpack a tar (plain, gzip, bzip2, xz) or zip archive, told apart by content, into a folder.

    Everything is unpacked beside the final place and renamed into it at the end; files that were there before are
    replaced when the archive has them, and stay otherwise.

    Args:
        archive: the file.
        into: the folder, made when absent.
        max_bytes: how large the content may become, with a tar's headers, 512 bytes at least for every member, and
            512 more for every folder on its path; by default 200 times the archive's size (1 GiB at least). The free
            space of the disk is a limit in any case.

    Raises:
        BadInput: when a member has an absolute path, climbs out by ``..`` or is a link, a device or a pipe; when the
            content is larger than allowed; when the archive is missing, damaged, cut short, encrypted or of
            another kind; when the disk is full. Nothing is left behind but a hidden lock, and ``into`` is as it was.
    """
    archive = Path(archive)
    unpack = _kind(archive)
    into = Path(into).resolve()
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        home = into if into.is_dir() else into.parent  # on the same file system, even where ``into`` is a mount point
        limit = _limit(archive, home, max_bytes)
        with path_lock(home / into.name), temporary_path(home / into.name) as staging:
            staging.mkdir()
            unpack(archive, staging, limit)
            _merge(staging, into)
    except OSError as error:
        raise BadInput(f"{archive} cannot be unpacked into {into}: {_plain(error)}.") from error


def _kind(archive: Path) -> Callable[[Path, Path, int], None]:
    """The function that unpacks such a file."""
    try:
        with archive.open("rb") as file:
            start = file.read(262)
    except OSError as error:
        raise BadInput(f"the archive {archive} cannot be opened: {error.strerror}.") from error
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return _unzip
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")) or start[257:] == b"ustar":
        return _untar
    if start.startswith((b"Rar!", b"7z\xbc\xaf")):
        raise BadInput(
            f"{archive} is a rar or 7z archive, which must be unpacked by hand (with 'bsdtar -xf' or '7z x')."
        )
    raise BadInput(f"{archive} is neither a tar nor a zip archive; delete it and fetch it again.")


def _limit(archive: Path, home: Path, max_bytes: int | None) -> int:
    if max_bytes is None:
        max_bytes = max(_ALWAYS_ALLOWED, _USUAL_RATIO * archive.stat().st_size)
    return min(max_bytes, shutil.disk_usage(home).free)


def _check_size(archive: Path, size: int, limit: int) -> None:
    if size > limit:
        raise BadInput(
            f"{archive} unpacks to more than {limit:,} bytes, which is all that is allowed or free on the disk; "
            "nothing was unpacked."
        )


def _check_name(archive: Path, name: str) -> int:
    """Refuse a member whose path is not plainly below the folder; else how many folders its path has."""
    path = PurePath(name)
    if path.anchor or ".." in path.parts:
        raise BadInput(f"{archive} holds '{name}', which would lie outside the folder; nothing was unpacked.")
    return max(0, len(path.parts) - 1)


def _refuse_special(archive: Path, name: str) -> BadInput:
    return BadInput(
        f"{archive} holds '{name}', which is a link or a device, not a file or folder; nothing was unpacked."
    )


def _damaged(archive: Path, error: object) -> BadInput:
    return BadInput(f"{archive} is damaged or cut short ({error}); delete it and fetch it again.")


def _plain(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run the same command again"
    return error.strerror or str(error)


# --- tar -------------------------------------------------------------------------------------------------------


class _Guarded:
    """A decompressed tar stream that counts the bytes of headers, refuses long ones, and remembers the last block."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._furthest: int | None = _LONGEST_HEADER  # that ``headers`` may come; None while content is read
        self.headers = 0
        self.last = b""
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if size < 0 or (self._furthest is not None and self.headers + size > self._furthest):
            raise tarfile.ReadError("a header of impossible length")
        self.last = self._file.read(size)
        if self._furthest is not None:
            self.headers += len(self.last)
        return self.last

    @contextlib.contextmanager
    def content(self) -> Iterator[None]:
        """What is read inside is no header."""
        self._furthest = None
        yield
        self._furthest = self.headers + _LONGEST_HEADER


def _open_stream(archive: Path) -> Any:
    with archive.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(archive, "rb")
    if start.startswith(b"BZh"):
        return bz2.open(archive, "rb")
    if start.startswith(b"\xfd7zXZ"):
        return lzma.open(archive, "rb")
    return archive.open("rb")


def _untar(archive: Path, staging: Path, limit: int) -> None:
    try:
        with _open_stream(archive) as stream:
            guarded = _Guarded(stream)
            with tarfile.open(fileobj=cast(Any, guarded), mode="r:") as tar:
                _untar_members(archive, tar, guarded, staging, limit)
            # tarfile takes a damaged header for the end; the real end is a block of zeros.
            if guarded.last != _ZEROS:
                raise tarfile.ReadError("no end mark")
            _drain(stream)
    except BadInput:
        raise
    except OSError as error:
        if error.errno is not None:  # of the disk; those of the decompressors have no number
            raise
        raise _damaged(archive, error) from error
    except Exception as error:  # tarfile meets damage with ValueError, IndexError, UnicodeDecodeError and more
        raise _damaged(archive, error or type(error).__name__) from error


def _untar_members(archive: Path, tar: tarfile.TarFile, guarded: _Guarded, staging: Path, limit: int) -> None:
    total = 0
    while (member := tar.next()) is not None:
        folders = _check_name(archive, member.name)
        if not (member.isreg() or member.isdir()):
            raise _refuse_special(archive, member.name)
        if member.size < 0:
            raise tarfile.ReadError("a member of negative size")
        kept = tar.pax_headers
        if len(kept) > _MOST_KEPT or sum(len(name) + len(value) for name, value in kept.items()) > _LONGEST_HEADER:
            raise tarfile.ReadError("global headers of impossible length")
        total += member.size + folders * _BLOCK
        _check_size(archive, guarded.headers + total, limit)
        with guarded.content():
            tar.extract(member, staging, filter="data")
        tar.members.clear()  # type: ignore[attr-defined]  # a kilobyte for each of a million members


def _drain(stream: Any) -> None:
    """Read the padding to its end, so that the decompressor compares its checksum."""
    for _ in range(_LONGEST_PADDING // _CHUNK):
        if not stream.read(_CHUNK):
            return
    raise tarfile.ReadError("endless padding")


# --- zip -------------------------------------------------------------------------------------------------------


def _unzip(archive: Path, staging: Path, limit: int) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            members, total = file.infolist(), 0
            for member in members:
                folders = _check_name(archive, member.filename)
                total += max(member.file_size, _BLOCK) + folders * _BLOCK
                # The upper half holds the Unix mode, or nothing.
                if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _refuse_special(archive, member.filename)
                if member.flag_bits & 1:
                    raise BadInput(f"{archive} is encrypted; unpack it by hand with its password.")
                if member.compress_type == zipfile.ZIP_LZMA:  # a member asks for up to 4 GiB, and nothing bounds it
                    raise BadInput(f"{archive} is packed with LZMA; unpack it by hand, or pack it as zip programs do.")
            _check_size(archive, total, limit)
            for member in members:
                file.extract(member, staging)  # reads no more than the declared size, and compares the checksum
    except BadInput:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(archive, error) from error
    except Exception as error:
        raise _damaged(archive, error or type(error).__name__) from error


# --- into place ------------------------------------------------------------------------------------------------


def _merge(source: Path, target: Path) -> None:
    """Rename a tree into place: whole where nothing is there yet, else folder by folder and file by file."""
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
