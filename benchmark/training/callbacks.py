"""Who looks on while networks are trained and evaluated: told about progress, asked whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Interrupted(Exception):
    """Somebody asked to stop; a checkpoint was written and the same call goes on from there."""


class ProgressCallback(Protocol):
    """Who looks on: told about progress, asked whether to stop."""

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool: ...


class IgnoreProgress:
    """Nobody looks on."""

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool:
        return False


class PhaseCallback(ProgressCallback, Protocol):
    """A watch that is also told which phase begins."""

    def phase(self, name: str) -> None: ...


class IgnorePhases(IgnoreProgress):
    """Nobody looks on."""

    def phase(self, name: str) -> None: ...


def patience(callback: PhaseCallback, subject: str) -> Callable[[str], None]:
    """What to do while another process holds a lock (``exclusive_lock``): say so, and leave on request."""

    def waiting(holder: str) -> None:
        callback.phase(f"waiting for {subject}, which {holder} is making")
        if callback.should_stop():
            raise Interrupted

    return waiting
