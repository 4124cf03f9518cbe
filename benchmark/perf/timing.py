"""Timing in alternation: what is compared runs turn by turn in one process, and medians are kept."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

ROUNDS = 7


def clock(device: torch.device) -> float:
    """Seconds of work so far: this process's CPU time on a CPU, so that a shared machine matters less; on a GPU the
    time on the wall once the GPU has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def alternate(
    ways: Mapping[str, Callable[[int], object]], device: torch.device, rounds: int = ROUNDS
) -> dict[str, float]:
    """Median seconds of one call of each way; the first call of each, which loads and compiles, does not count.

    Args:
        ways: name → function of the number of the call.
    """
    for way in ways.values():
        way(0)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, way in ways.items():
            began = clock(device)
            way(number)
            taken[name].append(clock(device) - began)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def machine(device: torch.device) -> dict[str, Any]:
    """What a reader of a figure needs to know of the machine."""
    threads = f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
    timed = "wall time, synchronised" if device.type == "cuda" else f"CPU time of the process, {threads}"
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "clock": f"{timed}; medians of {ROUNDS} alternating rounds (3 of long steps)",
        "python": platform.python_version(),
        "libraries": {
            name: version(name) for name in ("torch", "torchvision", "torchaudio", "librosa", "numba", "pillow")
        },
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
