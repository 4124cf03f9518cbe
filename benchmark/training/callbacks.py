"""Callbacks of training and evaluation: they are notified of progress and asked whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Interrupted(Exception):
    """A callback requested a stop. A checkpoint was written, and the same call continues from it."""


class ProgressCallback(Protocol):
    """Notified when a phase begins and after steps, and asked whether to stop."""

    def phase(self, name: str) -> None:
        return

    def step(self, done: int, total: int, loss: float) -> None:
        return

    def should_stop(self) -> bool:
        return False


class IgnoreProgress(ProgressCallback):
    """A callback that does nothing and never stops."""


def waiting_callback(callback: ProgressCallback, subject: str) -> Callable[[str], None]:
    """Return what ``exclusive_lock`` calls while it waits: it reports the wait as a phase, and can be interrupted."""

    def waiting(holder: str) -> None:
        callback.phase(f"waiting for {subject}, which {holder} is making")
        if callback.should_stop():
            raise Interrupted

    return waiting
