"""One file from one address over http: attempts, ranges, redirects and checksums; callers choose the address."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPException, HTTPMessage, InvalidURL
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

Progress = Callable[[int, int | None], None]
"""Takes the bytes on disk and the bytes of the whole file, if known."""

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each new attempt after one that got no further."""

MAX_BYTES = 4 << 30
"""Limit for a download if neither its size nor a limit is given."""

_CHUNK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte


class Failed(Exception):
    """An address does not give the file; the message continues a sentence that begins with the address."""


class _Retry(Exception):
    """This attempt failed; another one may succeed, and continues from the bytes on disk."""


class Check:
    """What is known about a file before it is downloaded."""

    def __init__(self, sha256: str | None, md5: str | None, size: int | None, at_most: int = MAX_BYTES) -> None:
        self.hashes = {name: value.lower() for name, value in (("sha256", sha256), ("md5", md5)) if value}
        self.size = size
        self.at_most = at_most if size is None else size

    def fault(self, path: Path) -> str | None:
        """Return what is wrong with a file, as the rest of a sentence that begins with its name; None if it matches."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"has {size:,} bytes instead of {self.size:,}"
        for name, expected in self.hashes.items():
            with path.open("rb") as file:
                actual = hashlib.file_digest(file, partial(hashlib.new, name, usedforsecurity=False)).hexdigest()
            if actual != expected:
                return f"has the {name} {actual} instead of {expected}"
        return None

    def matches(self, path: Path) -> bool:
        """Return whether the file exists and is the right one."""
        return path.is_file() and self.fault(path) is None


def is_http(url: str) -> bool:
    """Return whether an address is http or https, the only two kinds that are ever opened."""
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def fetch_from(url: str, path: Path, check: Check, progress: Progress | None) -> None:
    """Download one address to ``path`` through ``PATH.part``. Raises Failed, and OSError for the disk."""
    part = path.with_name(path.name + ".part")
    resumed = bool(check.hashes) and part.exists()
    _attempts(url, part, check, progress)
    if (fault := check.fault(part)) is None:
        part.replace(path)
        return
    part.unlink()
    if not resumed:
        raise Failed(f"gives a file that {fault} (it was removed)")
    fetch_from(url, path, check, progress)  # the old part may be of another file


def _attempts(url: str, part: Path, check: Check, progress: Progress | None) -> None:
    """Repeat attempts until the file is complete, or until as many as there are WAITS in a row got no further."""
    transfer = _Transfer(url, part, check, progress)
    furthest, waits = 0, iter(WAITS)
    while True:
        try:
            return transfer.attempt()
        except _Retry as failure:
            have = part.stat().st_size if part.exists() else 0
            if have > furthest:
                furthest, waits = have, iter(WAITS)
            if (wait := next(waits, None)) is None:
                raise Failed(f"breaks off again and again ({failure})") from failure
            time.sleep(wait)


class _Redirects(HTTPRedirectHandler):
    """The standard handler follows redirects to ftp as well, and from https to http."""

    def __init__(self, verified: bool) -> None:
        self._verified = verified  # whether a checksum will reveal that the file was exchanged on the way

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        why = ""
        if not is_http(newurl):
            why = f"to '{newurl}' is not allowed"
        elif not self._verified and req.type == "https" and urlsplit(newurl).scheme != "https":
            why = f"from https to '{newurl}' is not allowed without a checksum"
        if why:
            raise HTTPError(newurl, code, f"{msg} - Redirection {why}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Transfer:
    def __init__(self, url: str, part: Path, check: Check, progress: Progress | None) -> None:
        self.url, self.part, self.check, self.progress = url, part, check, progress
        self.validator: str | None = None  # what the server calls this version of the file

    def attempt(self) -> None:
        """Continue from the end of the part; an OSError is one of the disk."""
        have = self.part.stat().st_size if self.part.exists() else 0
        if not (self.check.hashes or self.validator):
            have = 0  # nothing could prove that the rest comes from the same file
        response = self._open(have)
        if response is None:
            return
        with response:
            start, total = self._span(response, have)
            if None not in (total, self.check.size) and total != self.check.size:
                raise Failed(f"offers {total:,} bytes instead of {self.check.size:,}")
            if (total or 0) > self.check.at_most:
                raise Failed(f"offers {total:,} bytes, more than the allowed {self.check.at_most:,}")
            if (total or 0) - start > shutil.disk_usage(self.part.parent).free:
                raise OSError(errno.ENOSPC, "no space left")
            done = start
            with self.part.open("ab" if start else "wb") as file:
                while chunk := self._read(response):
                    done += len(chunk)
                    if done > self.check.at_most:
                        self.part.unlink()
                        limit = "expected" if self.check.size is not None else "allowed"
                        raise Failed(f"gives more than the {limit} {self.check.at_most:,} bytes")
                    file.write(chunk)
                    if self.progress:
                        self.progress(done, total)
        if total is not None and done < total:
            raise _Retry(f"after {done:,} of {total:,} bytes")

    def _open(self, have: int) -> Any:
        """Return the response; None if the part is already complete, which its checksum then confirms."""
        headers = {"User-Agent": "single-datum-benchmark", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.validator:
                headers["If-Range"] = self.validator
        try:
            redirects = _Redirects(verified=bool(self.check.hashes))
            return build_opener(redirects).open(Request(self.url, headers=headers), timeout=_TIMEOUT)
        except HTTPError as error:
            error.close()
            if error.code == 416 and have and self.check.hashes:
                return None
            busy = error.code >= 500 or error.code in (408, 425, 429)
            raise (_Retry if busy else Failed)(f"answers {error.code} ({error.reason})") from error
        except URLError as error:
            cut = (TimeoutError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
            kind = _Retry if isinstance(error.reason, cut) else Failed
            raise kind(f"cannot be reached ({error.reason})") from error
        except (InvalidURL, ValueError) as error:
            raise Failed(f"is not a usable address ({error})") from error
        except (HTTPException, OSError) as error:
            raise _Retry(f"{type(error).__name__}: {error}") from error

    def _span(self, response: Any, have: int) -> tuple[int, int | None]:
        """Return where the bytes of a response begin, and the length of the whole file if it is announced."""
        headers = response.headers
        etag = headers.get("ETag", "")
        self.validator = etag if etag.startswith('"') else headers.get("Last-Modified")  # a weak tag proves nothing
        if response.status == 200:  # also if the server ignores ranges
            length = headers.get("Content-Length", "")
            return 0, int(length) if length.isdecimal() else None
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        if response.status != 206 or span is None:
            raise Failed(f"answers {response.status} ({response.reason})")
        if int(span[1]) != have:
            self.part.unlink(missing_ok=True)
            raise _Retry("the server sent another range than the requested one")
        return have, None if span[2] == "*" else int(span[2])

    def _read(self, response: Any) -> bytes:
        try:
            return bytes(response.read1(_CHUNK))
        except (HTTPException, OSError) as error:
            raise _Retry(f"{type(error).__name__}: {error}") from error
