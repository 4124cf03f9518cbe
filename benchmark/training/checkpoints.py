"""Checkpoints of a training run: written atomically, verified by a hash, the last two kept."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modalities.storage.atomic import atomic_write

HEADER = b"single-datum checkpoint 2\n"
EVERY_SECONDS = 60.0  # between two checkpoints of a running loop


@dataclass
class Checkpoint:
    """A training run after ``step`` steps: state dicts, and the rows and the pending losses of its curve."""

    step: int
    network: dict[str, Any]
    optimiser: dict[str, Any]
    curve: list[tuple[int, float, float]]
    pending: list[float]
    inputs: dict[str, Any] = field(default_factory=dict)  # of a method that makes the inputs; empty for segments

    def fits(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> bool:
        """Return whether names, types and shapes match; a load that fails half way would change half the network."""
        try:
            return _outline(self.network) == _outline(network.state_dict()) and _holds_for(self.optimiser, optimiser)
        except (AttributeError, IndexError, KeyError, TypeError):  # not even structured like one
            return False


class Checkpoints:
    """Checkpoints in one folder, under names ``PREFIX-STEP.ckpt``.

    A file is a header, the SHA-256 of what follows, and a torch archive that is read with ``weights_only=True``. It is
    written to a temporary name, flushed to disk and renamed, so a kill at any moment leaves complete files only. A
    file that is damaged anyway is skipped in favour of the previous one, and removed when the next one is written.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix
        # The variable is for tests, which kill cells that last a second or two.
        self.every_seconds = float(os.environ.get("BENCHMARK_CHECKPOINT_SECONDS", EVERY_SECONDS))
        self._previous: Path | None = None  # the last one written or read here, so known to be intact

    def save(self, state: Checkpoint) -> None:
        """Write a checkpoint and remove all others (older, damaged, or of later steps) but the last intact one."""
        buffer = io.BytesIO()
        torch.save(vars(state), buffer)
        payload = buffer.getvalue()
        path = self.folder / f"{self.prefix}-{state.step:09d}.ckpt"
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
    payload = data[len(HEADER) + 65 :]
    if not data.startswith(HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n"):
        return None
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        curve = [(int(step), float(rate), float(loss)) for step, rate, loss in state["curve"]]
        pending = [float(loss) for loss in state["pending"]]
        inputs = dict(state.get("inputs", {}))  # earlier versions had none
        return Checkpoint(int(state["step"]), state["network"], state["optimiser"], curve, pending, inputs)
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
