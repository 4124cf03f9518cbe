"""What a process has of its machine: its devices by name, its share of the cores and of the free memory, its time."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmark.system.processor import processor

VARIABLE = "BENCHMARK_SHARED_BY"  # tells child processes how many of them share the machine
ASSUMED_FREE = 8 * 1024**3  # bytes assumed to be free on systems without /proc/meminfo
PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
# Files of a memory control group: its limit and its use, and the keys of memory.stat that count cached files.
V1 = "memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")
V2 = "memory.max", "memory.current", ("active_file", "inactive_file")


def cores() -> int:
    """Return the number of cores this process may use, or of all cores if the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def child_environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for processes started within this context; restore it at exit."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def shared_by(processes: int) -> AbstractContextManager[None]:
    """Tell processes started within this context that ``processes`` of them share this one's resources."""
    return child_environment(VARIABLE, str(int(os.environ.get(VARIABLE) or 1) * processes))


def sharing_processes() -> int:
    """Return how many processes of a run, this one included, share this machine."""
    of_torchrun = int(os.environ["LOCAL_WORLD_SIZE"]) if launched_by_torchrun() else 1
    return of_torchrun * int(os.environ.get(VARIABLE, "1"))


def share_of_cores() -> int:
    """Return this process's share of the cores, at least 1."""
    return max(1, cores() // sharing_processes())


def share_of_memory() -> int:
    """Return this process's share of the memory that is free now, in bytes."""
    return free_memory() // sharing_processes()


def free_memory() -> int:
    """Return the bytes that the system and the control groups of this process still allow.

    Cached file contents count as free, because the system drops them on demand (``MemAvailable`` in
    https://docs.kernel.org/filesystems/proc.html; ``memory.stat`` in https://docs.kernel.org/admin-guide/cgroup-v2.html).
    """
    try:
        found = re.search(r"^MemAvailable: *(\d+) kB$", (PROC / "meminfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return max(0, min([int(found[1]) * 1024 if found else ASSUMED_FREE, *_left_in_groups()]))


def _left_in_groups() -> Iterator[int]:
    """Yield the bytes left in each control group around this process; a limit may be set at any level."""
    try:
        lines = (PROC / "self" / "cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            top, names = GROUPS / "memory", V1
        elif not controllers:
            top, names = GROUPS, V2
        else:
            continue
        group = top / path.lstrip("/")  # may be invisible in a container, whose own group is then ``top``
        for folder in (group, *group.parents):
            if folder.is_relative_to(top) and (left := _left_in_group(folder, *names)) is not None:
                yield left


def _left_in_group(folder: Path, limit: str, use: str, file_keys: tuple[str, ...]) -> int | None:
    """Return the bytes up to a group's limit, or None if it has no limit or its files cannot be parsed."""
    try:
        allowed, used = (int((folder / name).read_text(encoding="utf-8")) for name in (limit, use))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
        return allowed - used + sum(int(stat[key]) for key in file_keys)
    except (OSError, ValueError, KeyError):
        return None


def launched_by_torchrun() -> bool:
    """Return whether torchrun started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def device_name(kind: str) -> str:
    """Return what this machine computes with, ``cpu`` or ``cuda``, without torch: its processor or its GPUs."""
    if kind == "cpu":
        return processor()
    models = set()
    for path in (PROC / "driver" / "nvidia" / "gpus").glob("*/information"):
        with contextlib.suppress(OSError):
            models |= set(re.findall(r"^Model:\s*(.+?)\s*$", path.read_text(encoding="utf-8", errors="replace"), re.M))
    return " and ".join(sorted(models)) or kind


def undisturbed_clock() -> float:
    """Return ``time.monotonic`` without the seconds in which this thread was ready but other work had its core.

    Only differences count, of calls in one thread. Where the system does not tell (``schedstat`` in
    https://docs.kernel.org/scheduler/sched-stats.html), all seconds count.
    """
    delayed = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        delayed = int((PROC / "thread-self" / "schedstat").read_text(encoding="utf-8").split()[1])
    return time.monotonic() - delayed / 1e9
