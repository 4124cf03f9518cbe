"""Which devices a command means, and which of them each worker process takes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmark.system import resources as machine
from modalities.errors import BadInput


def device_kind(device: str, *, elsewhere: bool = False) -> str:
    """``cpu`` or ``cuda``; ``auto`` looks for a GPU without loading torch where there is none.

    Args:
        elsewhere: another machine may be meant (that of a cluster's job), so a GPU that is named need not be here.

    Raises:
        BadInput: there is no such device.
    """
    if device == "auto":
        return "cuda" if cuda_devices() else "cpu"
    if device == "cpu":
        return "cpu"
    if device != "cuda" and not re.fullmatch(r"cuda:\d+", device, re.ASCII):
        raise BadInput(f"there is no device '{device}'; choose auto, cpu, cuda or cuda:N.", about="device")
    # torch itself is asked, for a user who names a GPU may have one that cuda_devices does not look for.
    if not elsewhere and int(device[5:] or 0) >= (count := _torch_devices()):
        raise BadInput(
            f"the device {device} does not exist: torch finds {count} GPUs on this machine; choose {_those(count)}.",
            about="device",
        )
    return "cuda"


def _those(count: int) -> str:
    gpus = [f"cuda:{index}" for index in range(count)]
    return f"{', '.join(gpus)} or cpu" if gpus else "cpu"


def cuda_devices() -> int:
    """Number of usable GPUs; asks torch only where a driver is there."""
    if not Path("/proc/driver/nvidia").exists() and os.name == "posix":
        return 0
    return _torch_devices()


def _torch_devices() -> int:
    import torch

    return torch.cuda.device_count()


def worker_devices(device: str, jobs: str, threads: int) -> list[str]:
    """The device of each worker process.

    Args:
        device: as ``device_kind`` takes it, which has refused one that is not there.
        jobs: a number, or ``auto``: on CPUs as many as the cores take at ``threads`` each, on GPUs one per GPU.
    """
    kind = device_kind(device, elsewhere=True)
    if kind == "cpu":
        devices = ["cpu"]
    elif ":" in device:
        devices = [device]
    else:
        devices = [f"cuda:{index}" for index in range(max(1, cuda_devices()))]
    if jobs == "auto":
        count = max(1, machine.cores() // threads) if kind == "cpu" else len(devices)
    elif jobs.isdecimal() and int(jobs) > 0:
        count = int(jobs)
    else:
        raise BadInput(f"'{jobs}' is not a number of jobs; give auto or a number from 1 up.", about="jobs")
    return [devices[index % len(devices)] for index in range(count)]
