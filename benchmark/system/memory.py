"""The peak of a cell's memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
from pathlib import Path

import torch


def reset_peak(device: torch.device) -> None:
    """Begin a new peak, where the system lets a process do so (Linux, and CUDA devices)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what is free but kept would count as used
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak(device: torch.device) -> int:
    """Bytes since ``reset_peak``; where it could do nothing, since the process began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# As torch says it on CPUs and GPUs, and as NVIDIA's libraries do, which allocate on their own.
WORDS = ("can't allocate memory", "out of memory", "_ALLOC_FAILED", "_ALLOCATION_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not enough; on a CPU torch says so in a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)


def release_memory() -> None:
    """Free what nothing refers to any more, on GPUs too, after an attempt that took too much memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
