"""Checkpoints of a training run: written atomically, verified by a hash, the last two kept."""

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
    """A training run after ``step`` steps; ``pending`` are the losses not yet averaged into a row of the curve."""

    step: int
    network: dict[str, Any]
    optimiser: dict[str, Any]
    curve: list[tuple[int, float, float]]
    pending: list[float]

    def fits(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> bool:
        """Return whether it matches a network and an optimiser: names, types and shapes of everything to be loaded.

        Check before loading, because a load that fails half way leaves the network half changed.
        """
        try:
            return _outline(self.network) == _outline(network.state_dict()) and _holds_for(self.optimiser, optimiser)
        except (AttributeError, IndexError, KeyError, TypeError):  # not even structured like one
            return False


class Checkpoints:
    """Checkpoints in one folder, under names ``PREFIX-STEP.ckpt``.

    A file is a header, the SHA-256 of what follows, and a torch archive that is read with ``weights_only=True``. It is
    written to a temporary name, flushed to disk and renamed, so a kill at any moment leaves complete files only. A
    file that is damaged anyway is skipped in favour of the previous one, and removed when the next one is written.

    Args:
        folder: created when the first checkpoint is written.
        prefix: distinguishes several runs in the folder.
        every_seconds: time between two checkpoints of a running loop; a minute by default.
    """

    def __init__(self, folder: Path, prefix: str, every_seconds: float | None = None) -> None:
        if every_seconds is None:  # the variable is for tests, which kill cells that last a second or two
            every_seconds = float(os.environ.get("BENCHMARK_CHECKPOINT_SECONDS", EVERY_SECONDS))
        self.folder, self.prefix, self.every_seconds = folder, prefix, every_seconds
        self._previous: Path | None = None  # the last one written or read here, so known to be intact

    def save(
        self,
        step: int,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        curve: list[tuple[int, float, float]],
        pending: list[float],
    ) -> None:
        """Write the state after ``step`` steps; keep the checkpoint last written or read here, and remove all others.

        The others are older, damaged, or from later steps of a run that was set back by a damaged one: they must not
        take the place of an intact one.
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
            if other not in (path, self._previous):
                other.unlink(missing_ok=True)
        self._previous = path

    def newest(self, fits: Callable[[Checkpoint], bool] = lambda found: True) -> Checkpoint | None:
        """Return the newest intact checkpoint that ``fits``, on the CPU; None if there is none."""
        for path in reversed(self._files()):
            if (found := _read(path)) is not None and fits(found):
                self._previous = path
                return found
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.prefix}-*.ckpt")) if self.folder.is_dir() else []


def clear(folder: Path) -> None:
    """Remove the checkpoints of every run in a folder."""
    for path in folder.glob("*.ckpt"):
        path.unlink(missing_ok=True)


def _read(path: Path) -> Checkpoint | None:
    """Return a checkpoint, or None if the file is damaged, of another version, or unreadable."""
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
    except Exception:  # a valid hash shows that the file is intact, not that it is ours; no code in it ran
        return None


def _outline(weights: dict[str, Any]) -> dict[str, object]:
    return {name: (v.dtype, v.shape) if isinstance(v, Tensor) else type(v) for name, v in weights.items()}


def _holds_for(state: dict[str, Any], optimiser: torch.optim.Optimizer) -> bool:
    """Return whether an optimiser's state has the groups of this one, and for each weight averages of its shape."""
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
