"""Standard output and error that may fail without ending a run, whose results are its records and its exit code."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

# Signs of ours that an encoding may lack; any other character is written as an escape, such as \xe9.
_IN_ASCII = {
    "·": "-",
    "–": "-",
    "—": "-",
    "±": "+/-",
    "−": "-",
    "≥": ">=",
    "×": "x",
    "→": "->",
    "…": "...",
    "•": "*",
    "✓": "ok",
    "✗": "failed",
}


def print_whatever_is_said() -> None:
    """Let standard output and error write, in ASCII, whatever their encoding lacks, instead of raising."""
    codecs.register_error("benchmark", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="benchmark")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(sign) or ascii(sign)[1:-1] for sign in lacking), error.end


def print_version(asked: bool) -> None:
    """Print the version of this package, with the commit if it is a checkout, and end."""
    if not asked:
        return
    from benchmark.records.provenance import provenance

    here = provenance("", 0)
    commit = f" (commit {here['commit']}{', with local changes' if here['dirty'] else ''})" if here["commit"] else ""
    print(f"{here['package']} {here['version']}{commit}")
    raise SystemExit(0)


def print_document(text: str) -> None:
    """Print a text that is a file's content: in UTF-8 whatever the locale, unless a person reads it on a terminal."""
    stream = sys.stdout
    if stream.isatty() or not hasattr(stream, "buffer"):
        print(text, end="")
        return
    stream.flush()
    stream.buffer.write(text.encode("utf-8"))
    stream.buffer.flush()


@contextmanager
def tolerate_closed_output() -> Iterator[None]:
    """Discard standard output or error, each separately, once it cannot be written: a full disk, a closed pipe.

    Whatever is written from then on is dropped silently. Both are flushed at the end, so that nothing remains that
    could fail when Python exits.
    """
    with contextlib.ExitStack() as stack:
        # In a process that was started without one of them (2>&-), it is None.
        out, err = (
            stream or stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            for stream in (sys.stdout, sys.stderr)
        )
        for redirect, stream in ((contextlib.redirect_stdout, out), (contextlib.redirect_stderr, err)):
            ours = _Tolerant(stream)
            stack.enter_context(redirect(cast(TextIO, ours)))
            stack.callback(ours.flush)
        yield


class _Tolerant:
    """A text stream that is discarded after its first failure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lost = stream, False

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _attempt(self, action: Callable[[], object]) -> None:
        if self._lost:
            return
        try:
            action()
        except BlockingIOError:  # a slow terminal that another program made non-blocking: only some text is lost
            return
        except OSError:
            self._lost = True
            with contextlib.suppress(OSError, ValueError):  # a stream in memory has no descriptor
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())  # takes what is still buffered, and the output of C libraries
                os.close(null)
                self._stream.flush()
