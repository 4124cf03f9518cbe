"""Checkpoints of one training run: atomic, checked by a hash, kept two deep."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.files import atomic_write

HEADER = b"single-datum checkpoint 2\n"
EVERY_SECONDS = 60.0


@dataclass
class Checkpoint:
    """A training run after ``step`` steps, with the losses that no row of the curve has counted yet."""

    step: int
    network: dict[str, Any]
    optimiser: dict[str, Any]
    curve: list[tuple[int, float, float]]
    pending: list[float]


class Checkpoints:
    """Checkpoints in one folder, under names ``PREFIX-STEP.ckpt``.

    A file is a header, the SHA-256 of what follows, and a torch archive that is read with ``weights_only=True``. It is
    written to a temporary name, flushed to disk and renamed, so a kill at any moment leaves whole files only; a file
    that is damaged all the same is passed over for the one before.

    Args:
        folder: made when the first checkpoint is written.
        prefix: which run of several in the folder.
        every_seconds: time between two checkpoints of a running loop; None: a minute.
    """

    def __init__(self, folder: Path, prefix: str, every_seconds: float | None = None) -> None:
        if every_seconds is None:  # tests kill cells that last a second or two: the variable is for them
            every_seconds = float(os.environ.get("BENCHMARK_CHECKPOINT_SECONDS", EVERY_SECONDS))
        self.folder, self.prefix, self.every_seconds = folder, prefix, every_seconds

    def save(
        self,
        step: int,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        curve: list[tuple[int, float, float]],
        pending: list[float],
    ) -> None:
        """Write the state after ``step`` steps and remove all but the newest two."""
        buffer = io.BytesIO()
        state = {
            "step": step, "network": network.state_dict(), "optimiser": optimiser.state_dict(), "curve": curve,
            "pending": pending,
        }  # fmt: skip
        torch.save(state, buffer)
        payload = buffer.getvalue()
        path = self.folder / f"{self.prefix}-{step:09d}.ckpt"
        atomic_write(path, HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
        for old in self._files()[:-2]:
            old.unlink(missing_ok=True)

    def newest(self) -> Checkpoint | None:
        """The newest whole checkpoint, on the CPU; None when there is none."""
        for path in reversed(self._files()):
            if (found := _read(path)) is not None:
                return found
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.prefix}-*.ckpt")) if self.folder.is_dir() else []


def clear(folder: Path) -> None:
    """Remove the checkpoints of every run in a folder."""
    for path in folder.glob("*.ckpt"):
        path.unlink(missing_ok=True)


def _read(path: Path) -> Checkpoint | None:
    """A checkpoint, or None for a file that is damaged, of another version, or not to be read."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest_at = len(HEADER)
    payload = data[digest_at + 65 :]
    if not data.startswith(HEADER) or hashlib.sha256(payload).hexdigest().encode() != data[digest_at : digest_at + 64]:
        return None
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        curve = [tuple(row) for row in state["curve"]]
        return Checkpoint(state["step"], state["network"], state["optimiser"], curve, state["pending"])
    except Exception:  # a right hash says that nothing was lost, not that it is ours; nothing of it was run
        return None
