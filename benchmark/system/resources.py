"""What of its machine a process may take: cores, and memory that is free, in equal parts with the workers beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "BENCHMARK_SHARED_BY"  # tells processes that are started how many they are
ELSEWHERE = 8 * 1024**3  # bytes that are taken to be free on systems other than Linux, which do not say it in a file
PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
# Of a memory control group: its limit, its use, and in ``memory.stat`` the contents of files, which are in the use.
V1 = "memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")
V2 = "memory.max", "memory.current", ("active_file", "inactive_file")


def cores() -> int:
    """Cores that this process may use; not every system tells apart from those that there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def shared_by(processes: int) -> Iterator[None]:
    """Processes that are started meanwhile are so many at once: what is here to take, they share."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(int(before or 1) * processes)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def sharers() -> int:
    """How many processes of a run, this one included, share what this one finds here."""
    of_torchrun = int(os.environ["LOCAL_WORLD_SIZE"]) if launched() else 1
    return of_torchrun * int(os.environ.get(VARIABLE, "1"))


def share_of_cores() -> int:
    """Cores for this process, at least 1."""
    return max(1, cores() // sharers())


def share_of_memory() -> int:
    """Bytes for this process, of those that are free now."""
    return free_memory() // sharers()


def free_memory() -> int:
    """Bytes that this process and those beside it could still take: what its system and its control groups leave.

    What is kept of files' contents counts as free, for the system gives it back (``MemAvailable``,
    https://docs.kernel.org/filesystems/proc.html#meminfo; ``memory.stat``,
    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files). ``ELSEWHERE`` where no system says it.
    """
    try:
        found = re.search(r"^MemAvailable: *(\d+) kB$", (PROC / "meminfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return max(0, min([int(found[1]) * 1024 if found else ELSEWHERE, *_left_by_groups()]))


def _left_by_groups() -> Iterator[int]:
    """Bytes that each control group around this process leaves; a limit may be set at any height."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
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
        group = top / path.lstrip("/")  # in a container it may be out of sight, and ``top`` the container's own
        for folder in (group, *group.parents):
            if folder.is_relative_to(top) and (left := _left_by(folder, *names)) is not None:
                yield left


def _left_by(folder: Path, limit: str, use: str, files: tuple[str, ...]) -> int | None:
    """Bytes up to a group's limit; None where it has none (``max``, or no file of that name), or says it otherwise."""
    try:
        most, used = (int((folder / name).read_text()) for name in (limit, use))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return most - used + sum(int(stat[name]) for name in files)
    except (OSError, ValueError, KeyError):
        return None


def launched() -> bool:
    """Whether torchrun started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1
