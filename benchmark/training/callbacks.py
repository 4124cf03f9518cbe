"""Callbacks of training and evaluation: they are notified of progress and asked whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Interrupted(Exception):
    """A callback requested a stop. A checkpoint was written, and the same call continues from it."""


class ProgressCallback(Protocol):
    """Notified after steps, and asked whether to stop."""

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool: ...


class IgnoreProgress:
    """A ProgressCallback that does nothing."""

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool:
        return False


class PhaseCallback(ProgressCallback, Protocol):
    """A ProgressCallback that is also notified when a phase begins."""

    def phase(self, name: str) -> None: ...


class IgnorePhases(IgnoreProgress):
    """A PhaseCallback that does nothing."""

    def phase(self, name: str) -> None: ...


def waiting_callback(callback: PhaseCallback, subject: str) -> Callable[[str], None]:
    """Return what ``exclusive_lock`` calls while it waits: it reports the wait as a phase, and can be interrupted."""

    def waiting(holder: str) -> None:
        callback.phase(f"waiting for {subject}, which {holder} is making")
        if callback.should_stop():
            raise Interrupted

    return waiting
