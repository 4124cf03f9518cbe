"""Who looks on while networks are trained and evaluated: told about progress, asked whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Interrupted(Exception):
    """Somebody asked to stop; a checkpoint was written and the same call goes on from there."""


class Watch(Protocol):
    """Who looks on: told about progress, asked whether to stop."""

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool: ...


class Unwatched:
    """Nobody looks on."""

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool:
        return False


class PhaseWatch(Watch, Protocol):
    """A watch that is also told which phase begins."""

    def phase(self, name: str) -> None: ...


class Silent(Unwatched):
    """Nobody looks on."""

    def phase(self, name: str) -> None: ...


def patience(watch: PhaseWatch, subject: str) -> Callable[[str], None]:
    """What to do while another process holds a lock (``alone_in``): say so, and leave on request."""

    def waiting(holder: str) -> None:
        watch.phase(f"waiting for {subject}, which {holder} is making")
        if watch.should_stop():
            raise Interrupted

    return waiting
