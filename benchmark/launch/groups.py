"""Which cells share a job, and what a job asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.launch.jobs import Group
from benchmark.launch.schedulers import MINUTES, Cluster, Local, Slurm
from benchmark.planning.cell import Cell
from benchmark.system.devices import worker_devices
from modalities.errors import BadInput

WORTH_A_JOB = 1800.0  # expected seconds of cells for which a job's start (imports, queue) is small change
LAUNCHERS = ("local", "local-jobs", "slurm")


@dataclass(frozen=True)
class LaunchOptions:
    """How a user wants cells to be launched."""

    launcher: str
    slurm: tuple[str, ...] = ()  # KEY=VALUE: submitit's parameters of a job
    cells_per_job: str = "auto"

    def __post_init__(self) -> None:
        if self.launcher not in LAUNCHERS:
            raise BadInput(f"there is no launcher '{self.launcher}'; choose {', '.join(LAUNCHERS)}.", about="launcher")
        if self.slurm and self.launcher != "slurm":
            raise BadInput(f"{self.slurm[0]} is a setting for Slurm; choose the launcher slurm.", about="launcher")
        for text in self.slurm:
            if not all(text.partition("=")):
                raise BadInput(f"'{text}' is not a setting for Slurm; write it as partition=NAME.", about="slurm")
        if self.cells_per_job != "auto" and not (self.cells_per_job.isdecimal() and int(self.cells_per_job)):
            raise BadInput(
                f"'{self.cells_per_job}' is not a number of cells per job; give auto or 1, 2 …", about="cells_per_job"
            )

    def settings(self) -> dict[str, str]:
        """The ``--slurm`` settings by key."""
        return {key: value for key, _, value in (text.partition("=") for text in self.slurm)}

    def device(self, device: str) -> str:
        """``--device`` as the jobs have it: ``auto`` on a machine without a GPU is ``cuda`` where jobs ask for some."""
        gpus = any(key.startswith("gpus") or key == "gres" for key in self.settings())
        return "cuda" if device == "auto" and gpus else device


def make_cluster(
    wanted: LaunchOptions, folder: Path, cells: Sequence[Cell], *, device: str, jobs: str
) -> tuple[Cluster, str]:
    """The cluster, and ``--jobs`` as one of its jobs has it.

    Args:
        folder: of all jobs.
        device: ``cpu`` or ``cuda``, with an index or not.
        jobs: of the command line: cells at once, per job on Slurm, in all on this machine.
    """
    threads = max((cell.config.threads for cell in cells), default=1)
    if wanted.launcher == "local-jobs":
        return Local(folder / "submitit", len(worker_devices(device, jobs, threads))), "1"
    given = wanted.settings()
    defaults: dict[str, Any] = {"job_name": "benchmark", "time": MINUTES}
    if device.startswith("cuda"):
        asked = any(key.startswith("gpus") or key == "gres" for key in given)
        defaults |= {"cpus_per_task": 4} | ({} if asked else {"gpus_per_node": 1})
    else:
        defaults["cpus_per_task"] = threads * (1 if jobs == "auto" else int(jobs))
        if jobs == "auto":  # the cores of the job, not those of the machine it lands on
            jobs = str(max(1, int(given.get("cpus_per_task", threads)) // threads))
    return Slurm(folder / "submitit", given, defaults), jobs


def group_cells(
    cells: Sequence[Cell], *, kept: Callable[[str], bool], being_made: Mapping[str, str], per_job: str, stamp: str
) -> list[Group]:
    """Cells as jobs, so that no job ever waits for a teacher that another one trains.

    A teacher that is not kept yet, and that more than one cell wants, is made by a job of its own, and the jobs of its
    students need that one. All can be queued at once, and no machine idles in front of a lock.

    Args:
        kept: whether a teacher's key is on disk.
        being_made: teacher's key -> name of a group that makes it already.
        per_job: how many cells share a job; ``auto``: as many as are expected to fill half an hour.
        stamp: makes names unique.
    """
    by_teacher: dict[str, list[Cell]] = {}
    for cell in cells:
        by_teacher.setdefault(cell.teacher_key, []).append(cell)
    names = (f"{stamp}-{number:04d}" for number in range(1_000_000))
    makers: list[Group] = []
    students: dict[str, list[Cell]] = {}  # name of the group they need -> cells
    for key, own in by_teacher.items():
        needs = being_made.get(key, "")
        if not needs and len(own) > 1 and not kept(key):
            makers.append(Group(next(names), (own[0],), teacher=key))
            needs = makers[-1].name
        students.setdefault(needs, []).extend(own)
    return makers + [
        Group(next(names), tuple(some), needs=needs) for needs, own in students.items() for some in _parts(own, per_job)
    ]


def _parts(cells: Sequence[Cell], per_job: str) -> Iterator[list[Cell]]:
    part: list[Cell] = []
    for cell in cells:
        part.append(cell)
        seconds = [one.config.expected_seconds or WORTH_A_JOB for one in part]
        if sum(seconds) >= WORTH_A_JOB if per_job == "auto" else len(part) == int(per_job):
            yield part
            part = []
    if part:
        yield part
