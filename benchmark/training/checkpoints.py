"""Checkpoints of one training run: atomic, checked by a hash, kept two deep."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modalities.storage.atomic import atomic_write

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

    def fits(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> bool:
        """Whether it is of such a network and optimiser: names, types and shapes of all that would be loaded.

        Asked beforehand, because a load that fails half way has changed the other half.
        """
        try:
            return _outline(self.network) == _outline(network.state_dict()) and _holds_for(self.optimiser, optimiser)
        except (AttributeError, IndexError, KeyError, TypeError):  # not even built like one
            return False


class Checkpoints:
    """Checkpoints in one folder, under names ``PREFIX-STEP.ckpt``.

    A file is a header, the SHA-256 of what follows, and a torch archive that is read with ``weights_only=True``. It is
    written to a temporary name, flushed to disk and renamed, so a kill at any moment leaves whole files only; a file
    that is damaged all the same is passed over for the one before, and goes when the next one is written.

    Args:
        folder: made when the first checkpoint is written.
        prefix: which run of several in the folder.
        every_seconds: time between two checkpoints of a running loop; None: a minute.
    """

    def __init__(self, folder: Path, prefix: str, every_seconds: float | None = None) -> None:
        if every_seconds is None:  # tests kill cells that last a second or two: the variable is for them
            every_seconds = float(os.environ.get("BENCHMARK_CHECKPOINT_SECONDS", EVERY_SECONDS))
        self.folder, self.prefix, self.every_seconds = folder, prefix, every_seconds
        self._before: Path | None = None  # the last one that was written or read here, so is known to be whole

    def save(
        self,
        step: int,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        curve: list[tuple[int, float, float]],
        pending: list[float],
    ) -> None:
        """Write the state after ``step`` steps and keep beside it the one last written or found here, and no other.

        What else lies there is older, or damaged, or beyond ``step`` from before a damaged one was passed over: it
        must not stand in the place of a whole one.
        """
        buffer = io.BytesIO()
        state = {
            "step": step, "network": network.state_dict(), "optimiser": optimiser.state_dict(), "curve": curve,
            "pending": pending,
        }  # fmt: skip
        torch.save(state, buffer)
        payload = buffer.getvalue()
        path = self.folder / f"{self.prefix}-{step:09d}.ckpt"
        atomic_write(path, HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
        for other in self._files():
            if other not in (path, self._before):
                other.unlink(missing_ok=True)
        self._before = path

    def newest(self, fits: Callable[[Checkpoint], bool] = lambda found: True) -> Checkpoint | None:
        """The newest checkpoint that is whole and that ``fits``, on the CPU; None when there is none."""
        for path in reversed(self._files()):
            if (found := _read(path)) is not None and fits(found):
                self._before = path
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
        curve = [(int(step), float(rate), float(loss)) for step, rate, loss in state["curve"]]
        pending = [float(loss) for loss in state["pending"]]
        return Checkpoint(int(state["step"]), state["network"], state["optimiser"], curve, pending)
    except Exception:  # a right hash says that nothing was lost, not that it is ours; nothing of it was run
        return None


def _outline(weights: dict[str, Any]) -> dict[str, object]:
    return {name: (v.dtype, v.shape) if isinstance(v, Tensor) else type(v) for name, v in weights.items()}


def _holds_for(state: dict[str, Any], optimiser: torch.optim.Optimizer) -> bool:
    """Whether an optimiser's state has the groups of this one and, for each tensor of theirs, averages of its shape."""
    own = optimiser.state_dict()["param_groups"]
    if [(group["params"], group.keys()) for group in state["param_groups"]] != [(g["params"], g.keys()) for g in own]:
        return False
    shapes = [weight.shape for group in optimiser.param_groups for weight in group["params"]]
    return all(
        value.shape == (torch.Size() if name == "step" else shapes[index])
        for index, averages in state["state"].items()
        for name, value in averages.items()
        if isinstance(value, Tensor)
    )
