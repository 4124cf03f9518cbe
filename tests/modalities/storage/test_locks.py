"""One process at a time holds the lock of a path, however many wait; what it leaves behind is hidden."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from modalities.storage.locks import path_lock

WORKERS, ROUNDS = 4, 150


def _take_turns(path: Path) -> int:
    """Return how often another process was there while this one held the lock."""
    met = 0
    for _ in range(ROUNDS):
        with path_lock(path):
            try:
                os.close(os.open(path.with_name("inside"), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                met += 1
                continue
            time.sleep(0.0001)
            path.with_name("inside").unlink()
    return met


def test_two_processes_never_hold_the_lock_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # By default a waiting process sleeps 50 ms between two attempts, and hardly ever tries at the wrong moment.
    monkeypatch.setattr("modalities.storage.locks.PATH_POLL", 0.0001)
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        assert pool.map(_take_turns, [tmp_path / "data" / "file.bin"] * WORKERS) == [0] * WORKERS
    assert [entry.name for entry in (tmp_path / "data").iterdir() if not entry.name.startswith(".")] == []
