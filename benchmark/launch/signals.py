"""Ctrl-C and SIGTERM: a run turns them into a request to stop, and its child processes do not receive them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

STOPPING = "\nstopping: running cells write a checkpoint first"


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM while a child process starts, so that it can set its handlers before they reach it."""
    if os.name == "nt":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def stop_requests(deadline: float) -> Iterator[Callable[[], bool]]:
    """Give a function that says whether to stop: after Ctrl-C, SIGTERM or ``deadline``, a time of ``time.monotonic``.

    A second signal raises KeyboardInterrupt.
    """
    requested = False

    def handle(number: int, frame: object) -> None:
        nonlocal requested
        if requested:
            raise KeyboardInterrupt
        requested = True
        print(f"{STOPPING} (again to stop at once)", file=sys.stderr)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: requested or time.monotonic() > deadline
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
