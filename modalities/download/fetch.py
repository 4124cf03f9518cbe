"""Downloads files that are not trusted: resumable, atomic, verified, and kept for the next time."""

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
from modalities.download.http import AT_MOST, Check, Failed, Progress, fetch_from, is_http
from modalities.errors import BadInput, NotFetched
from modalities.storage.atomic import temporary_path
from modalities.storage.locks import path_lock

__all__ = ["Progress", "download", "extract", "fetch_archive", "verify", "watched"]

Watcher = Callable[[Path, int, int | None], None]
"""Takes the file, the bytes that are there (0 before the first piece) and the bytes there will be, when known."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Inside, ``watcher`` is called at the start and after every piece of every download without own ``progress``."""
    before = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(before)


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    at_most: int = AT_MOST,
    progress: Progress | None = None,
) -> Path:
    """Bring a file to ``path``, which never holds half of it, and return ``path``.

    The file grows as ``PATH.part``, is verified, then renamed. A call that was cut short or killed goes on where it
    stopped, if a checksum is given to prove the joined parts. A file that is there already and matches is kept; one
    that does not match is replaced when a right one has come.

    Two variables help where the network is slow or absent. BENCHMARK_MIRROR is an address that is asked first for
    a file of this name. BENCHMARK_DOWNLOADS is a folder in which a matching file of this name is looked for first,
    and where a new one is kept.

    Args:
        url: http or https; redirects are followed to such addresses only, and from https to http only where a
            checksum is given.
        path: the file; its folder is made.
        sha256, md5: lower-case hexadecimal; the weaker one only where authors publish no other.
        size: in bytes, exactly.
        at_most: bytes that are taken where the size is not known; 4 GiB unless told otherwise.
        progress: called after every piece; else the one of ``watched``, if any.

    Raises:
        NotFetched: when the file cannot be had or is not the expected one.
        BadInput: when the address cannot be used, or the disk is full.
    """
    path = Path(path)
    check = Check(sha256, md5, size, at_most)
    watcher = _watcher.get() if progress is None else None
    if not is_http(url):
        raise BadInput(f"{url} is not an http or https address.")
    try:
        if not check.holds(path):
            if watcher:
                progress = partial(watcher, path)
                progress(0, size)  # before a server that keeps us waiting
            with path_lock(path):
                _bring(url, path, check, progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BadInput(
                f"the disk is full while {path} is written; free some space and run the same command again."
            ) from error
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def fetch_archive(url: str, folder: Path, *, md5: str, at_most: int = AT_MOST) -> None:
    """Download an archive of at most so many bytes, verify it, unpack it into ``folder``, and remove it.

    Raises:
        BadInput: as ``download`` and ``extract`` do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = download(url, folder / url.rpartition("/")[2], md5=md5, at_most=at_most)
    extract(archive, folder)
    archive.unlink()


def verify(path: Path, *, sha256: str | None = None, md5: str | None = None, size: int | None = None) -> None:
    """Compare a file with what is known about it.

    Raises:
        BadInput: when the file is absent or differs; the sentence names both values.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path} is not there; fetch it first.")
    if (fault := Check(sha256, md5, size).fault(path)) is not None:
        raise BadInput(f"{path} {fault}; delete it and fetch it again.")


def _bring(url: str, path: Path, check: Check, progress: Progress | None) -> None:
    if check.holds(path):  # another process was quicker
        return
    kept = _kept(path, check)
    if kept is None:
        _fetch(url, path, path, check, progress)
        return
    if not kept.exists():
        with path_lock(kept):
            if not check.holds(kept):
                _fetch(url, kept, path, check, progress)
    _place(kept, path)


# --- places ----------------------------------------------------------------------------------------------------


def _kept(path: Path, check: Check) -> Path | None:
    """Where the folder of downloads has the file or would take it; another file of that name stays untouched."""
    folder = os.environ.get("BENCHMARK_DOWNLOADS")
    if not folder:
        return None
    kept = Path(folder).expanduser() / path.name
    if kept.parent.resolve() == path.parent.resolve():
        return None
    if kept.exists():
        return kept if check.holds(kept) else None
    return kept if not kept.parent.exists() or os.access(kept.parent, os.W_OK) else None


def _place(kept: Path, path: Path) -> None:
    """The same bytes under a second name, or a copy where the file system cannot."""
    with temporary_path(path) as temporary:  # never the part, which is written to
        try:
            os.link(kept.resolve(), temporary)
        except OSError:
            shutil.copyfile(kept, temporary)
        temporary.replace(path)


# --- the network -----------------------------------------------------------------------------------------------


def _fetch(url: str, path: Path, wanted: Path, check: Check, progress: Progress | None) -> None:
    """Bring the file from the mirror or the address itself; ``wanted`` is where a person would put it."""
    urls = [url]
    if mirror := os.environ.get("BENCHMARK_MIRROR"):
        urls.insert(0, f"{mirror.rstrip('/')}/{quote(wanted.name)}")
    faults = []
    for address in urls:
        if not is_http(address):
            raise BadInput(f"BENCHMARK_MIRROR is '{mirror}', which is not an http or https address.")
        try:
            return fetch_from(address, path, check, progress)
        except Failed as failed:
            faults.append(f"{address} {failed}")
    raise NotFetched(
        f"{' and '.join(faults)}; get the file by hand, put it at {wanted} and run the same command again."
    )
