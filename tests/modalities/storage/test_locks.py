"""One at a time is alone with a file, however many wait, and what the lock leaves is hidden."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from modalities.storage.locks import path_lock

WORKERS, ROUNDS = 4, 150


def _take_turns(path: Path) -> int:
    """How often somebody else was there while this process was alone."""
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


def test_processes_that_come_and_go_are_never_alone_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Unwatched, a waiting process sleeps for 50 ms between two looks and hardly ever looks at the wrong moment.
    monkeypatch.setattr("modalities.storage.locks.PATH_POLL", 0.0001)
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        assert pool.map(_take_turns, [tmp_path / "data" / "file.bin"] * WORKERS) == [0] * WORKERS
    assert [entry.name for entry in (tmp_path / "data").iterdir() if not entry.name.startswith(".")] == []
