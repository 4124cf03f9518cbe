"""Names of devices: which one a command means, and which one each worker process uses."""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmark.system import resources as machine
from modalities.errors import BadInput


def device_kind(device: str, *, elsewhere: bool = False) -> str:
    """Return ``cpu`` or ``cuda``; raise BadInput if there is none, unless it may be ``elsewhere`` (a cluster)."""
    if device == "auto":
        return "cuda" if cuda_devices() else "cpu"
    if device == "cpu":
        return "cpu"
    if device != "cuda" and not re.fullmatch(r"cuda:\d+", device, re.ASCII):
        raise BadInput(f"there is no device '{device}'; choose auto, cpu, cuda or cuda:N.", about="device")
    # Ask torch itself: a user who names a GPU may have one that cuda_devices does not look for.
    if not elsewhere and int(device[5:] or 0) >= (count := _torch_devices()):
        choices = [", ".join(f"cuda:{index}" for index in range(count)), "cpu"] if count else ["cpu"]
        raise BadInput(
            f"the device {device} does not exist: torch finds {count} GPUs on this machine; "
            f"choose {' or '.join(choices)}.",
            about="device",
        )
    return "cuda"


def cuda_devices() -> int:
    """Return the number of usable GPUs; import torch only if a driver is present."""
    return 0 if os.name == "posix" and not Path("/proc/driver/nvidia").exists() else _torch_devices()


def _torch_devices() -> int:
    import torch

    return torch.cuda.device_count()


def worker_devices(device: str, jobs: str, threads: int) -> list[str]:
    """Return the device of each of ``jobs`` workers; ``auto``: one per GPU, or on CPUs as many as fit the cores."""
    kind = device_kind(device, elsewhere=True)
    devices = [device if ":" in device else kind]
    if devices == ["cuda"]:
        devices = [f"cuda:{index}" for index in range(max(1, cuda_devices()))]
    if jobs == "auto":
        count = max(1, machine.cores() // threads) if kind == "cpu" else len(devices)
    elif jobs.isdecimal() and int(jobs) > 0:
        count = int(jobs)
    else:
        raise BadInput(f"'{jobs}' is not a number of jobs; give auto or a number from 1 up.", about="jobs")
    return [devices[index % len(devices)] for index in range(count)]
