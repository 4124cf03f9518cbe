"""Timing in alternation: the functions under comparison take turns in one process, and the median counts."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import torch

from benchmark.system.processor import processor

ROUNDS = 7
Functions = Mapping[str, Callable[[int], object]]  # name → function of the number of the round


def clock(device: torch.device) -> float:
    """Return the seconds of work so far: CPU time of the process, or wall time once a GPU has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()  # other work on the machine matters less


def time_rounds(functions: Functions, device: torch.device, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return the seconds of each call, in rounds; a first call of each, which loads and compiles, does not count."""
    for function in functions.values():
        function(0)
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(1, rounds + 1):
        for name, function in functions.items():
            began = clock(device)
            function(number)
            taken[name].append(clock(device) - began)
    return taken


def alternate(functions: Functions, device: torch.device, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median seconds of a call of each function; see ``time_rounds``."""
    return {name: statistics.median(taken) for name, taken in time_rounds(functions, device, rounds).items()}


def machine(device: torch.device) -> dict[str, Any]:
    """Return what a reader of a figure needs to know about the machine: device, clock, versions."""
    threads = f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
    timed = "wall time, synchronised" if device.type == "cuda" else f"CPU time of the process, {threads}"
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "clock": f"{timed}; medians of {ROUNDS} alternating rounds (3 of long steps)",
        "python": platform.python_version(),
        "libraries": {
            name: version(name) for name in ("torch", "torchvision", "torchaudio", "librosa", "numba", "pillow")
        },
    }
