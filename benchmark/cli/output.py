"""Standard output and error that may fail without ending a run: its records are on disk, and its exit code tells."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast


@contextmanager
def tolerate_closed_output() -> Iterator[None]:
    """Give up standard output or error, each for itself, once it cannot be written: a full disk, a reader that left.

    What is written from then on is dropped without a word. Everything is flushed in the end, so that nothing is left
    that could fail when Python exits.
    """
    with contextlib.ExitStack() as stack:
        # A process that was started without one of them (2>&-) has None there.
        out, err = (stream or stack.enter_context(Path(os.devnull).open("w")) for stream in (sys.stdout, sys.stderr))
        for redirect, stream in ((contextlib.redirect_stdout, out), (contextlib.redirect_stderr, err)):
            ours = _Tolerant(stream)
            stack.enter_context(redirect(cast(TextIO, ours)))
            stack.callback(ours.flush)
        yield


class _Tolerant:
    """A text stream of which the first failure is the last."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lost = stream, False

    def write(self, text: str) -> int:
        if not self._lost:
            with self._or_give_up():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if not self._lost:
            with self._or_give_up():
                self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _or_give_up(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:  # a slow terminal that another program made non-blocking: some text is lost, no more
            return
        except OSError:
            self._lost = True
            with contextlib.suppress(OSError, ValueError):  # a stream in memory has no descriptor
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())  # takes what is still buffered, and what libraries in C say
                os.close(null)
                self._stream.flush()
