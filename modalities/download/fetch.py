"""Downloads untrusted files: resumable, atomic, verified, and saved for the next time."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from urllib.parse import quote

from modalities.download.archives import extract
from modalities.download.http import MAX_BYTES, Check, Failed, Progress, fetch_from, is_http
from modalities.errors import BadInput, NotFetched
from modalities.storage.atomic import temporary_path
from modalities.storage.locks import path_lock
from modalities.storage.paths import user_path

__all__ = ["default_progress", "download", "extract", "fetch_archive", "verify"]

FileProgress = Callable[[Path, int, int | None], None]
"""Takes the file, the bytes on disk (0 before the first piece) and the bytes of the whole file, if known."""

_default_progress: ContextVar[FileProgress | None] = ContextVar("default_progress", default=None)


@contextmanager
def default_progress(progress: FileProgress) -> Iterator[None]:
    """Within the block, call ``progress`` for every download that is given no ``progress`` of its own."""
    token = _default_progress.set(progress)
    try:
        yield
    finally:
        _default_progress.reset(token)


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    at_most: int = MAX_BYTES,
    progress: Progress | None = None,
) -> Path:
    """Download a file to ``path``, which never holds half of it, and return ``path``.

    The file grows as ``PATH.part``, is verified, then renamed. An interrupted call is continued by the next one, if a
    checksum is given that verifies the joined parts. An existing file stays if it matches, and is otherwise replaced
    once the right one has arrived. BENCHMARK_MIRROR is an address that is tried first for a file of this name;
    BENCHMARK_DOWNLOADS is a folder that is searched first for one that matches, and that a new one is saved in.

    Args:
        url: http or https; redirects are followed to such addresses only, and from https to http only with a checksum.
        sha256, md5: lower-case hexadecimal; use md5 only if the authors publish nothing better.
        size: in bytes, exactly.
        at_most: limit in bytes if the size is unknown; 4 GiB by default.
        progress: called after every piece; by default that of ``default_progress``, if any.

    Raises:
        NotFetched: the file is not available, or is not the expected one.
        BadInput: the address cannot be used, or the disk is full.
    """
    path = Path(path)
    check = Check(sha256, md5, size, at_most)
    of_file = _default_progress.get() if progress is None else None
    if not is_http(url):
        raise BadInput(f"{url} is not an http or https address.")
    try:
        if not check.matches(path):
            if of_file:
                progress = partial(of_file, path)
                progress(0, size)  # the server may keep us waiting
            with path_lock(path):
                _download(url, path, check, progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BadInput(
                f"the disk is full while {path} is written; free some space and run the same command again."
            ) from error
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def fetch_archive(url: str, folder: Path, *, md5: str, at_most: int = MAX_BYTES) -> None:
    """Download an archive, verify it, unpack it into ``folder``, and remove it. Raises BadInput."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = download(url, folder / url.rpartition("/")[2], md5=md5, at_most=at_most)
    extract(archive, folder)
    archive.unlink()


def verify(path: Path, *, sha256: str | None = None, md5: str | None = None, size: int | None = None) -> None:
    """Compare a file with what is known about it; raise BadInput with both values if it is absent or differs."""
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path} is not there; fetch it first.")
    if (fault := Check(sha256, md5, size).fault(path)) is not None:
        raise BadInput(f"{path} {fault}; delete it and fetch it again.")


def _download(url: str, path: Path, check: Check, progress: Progress | None) -> None:
    if check.matches(path):  # another process has downloaded it meanwhile
        return
    saved = _saved_copy(path, check)
    if saved is None:
        _fetch(url, path, path, check, progress)
        return
    if not saved.exists():
        with path_lock(saved):
            if not check.matches(saved):
                _fetch(url, saved, path, check, progress)
    with temporary_path(path) as temporary:  # not the part: it may be open for writing
        try:
            os.link(saved.resolve(), temporary)
        except OSError:  # the file system has no hard links
            shutil.copyfile(saved, temporary)
        temporary.replace(path)


def _saved_copy(path: Path, check: Check) -> Path | None:
    """Return where BENCHMARK_DOWNLOADS has the file or can take it; None if another file has its name there."""
    folder = os.environ.get("BENCHMARK_DOWNLOADS")
    if not folder:
        return None
    saved = user_path(folder) / path.name
    if saved.parent.resolve() == path.parent.resolve():
        return None
    if saved.exists():
        return saved if check.matches(saved) else None
    return saved if not saved.parent.exists() or os.access(saved.parent, os.W_OK) else None


def _fetch(url: str, path: Path, destination: Path, check: Check, progress: Progress | None) -> None:
    """Download from the mirror or the address itself; ``destination`` is where a user would put the file by hand."""
    urls = [url]
    if mirror := os.environ.get("BENCHMARK_MIRROR"):
        urls.insert(0, f"{mirror.rstrip('/')}/{quote(destination.name)}")
    faults = []
    for address in urls:
        if not is_http(address):
            raise BadInput(f"BENCHMARK_MIRROR is '{mirror}', which is not an http or https address.")
        try:
            return fetch_from(address, path, check, progress)
        except Failed as failed:
            faults.append(f"{address} {failed}")
    raise NotFetched(
        f"{' and '.join(faults)}; get the file by hand, put it at {destination} and run the same command again."
    )
