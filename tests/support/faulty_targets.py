"""Plug-in targets that fail in one way each while their items are read: the digits with a fault."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from modalities.datasets.listing import Listing
from modalities.image.targets.digits import TARGET as DIGITS


def decoder_crashes() -> None:
    """Raise a library's exception, in one of the threads that decode."""
    raise ValueError("unexpected marker 0x7f")


def decoder_segfaults() -> None:
    """End the whole process, as a fault in a library's native code does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def root_vanishes() -> None:
    """Raise what reading a file raises if its disk was unmounted."""
    Path("gone", "picture.png").read_bytes()


def memory_ends() -> None:
    raise MemoryError


class Faulty:
    """The digits, of which one item cannot be read."""

    def __init__(self, name: str, fault: Callable[[], None]) -> None:
        self.info = replace(DIGITS.info, name=name)
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(DIGITS, name)

    def test(self, root: Path, view: Any, fold: int = 1) -> Listing:
        whole = DIGITS.test(root, view)
        read = whole.read

        def faulty(where: Any) -> Any:
            if where == whole.rows[7].where:
                self._fault()
            return read(where)

        return Listing(whole.rows, faulty)


CRASHES = Faulty("crashes", decoder_crashes)
SEGFAULTS = Faulty("segfaults", decoder_segfaults)
VANISHES = Faulty("vanishes", root_vanishes)
STARVES = Faulty("starves", memory_ends)
