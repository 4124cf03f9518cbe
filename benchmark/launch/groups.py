"""Launch options, the cluster that they mean, and which cells share a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.launch.jobs import Group
from benchmark.launch.schedulers import DEFAULT_MINUTES, Cluster, Local, Slurm
from benchmark.planning.cell import Cell
from benchmark.system.devices import worker_devices
from modalities.errors import BadInput
from modalities.storage.paths import user_path

JOB_SECONDS = 1800.0  # expected seconds of work beside which the start of a job (imports, queue) is negligible
LAUNCHERS = ("local", "local-jobs", "slurm")


@dataclass(frozen=True)
class LaunchOptions:
    """How cells are launched; see the help of ``benchmark run``."""

    launcher: str
    slurm: tuple[str, ...] = ()  # KEY=VALUE: submitit's parameters of a job
    cells_per_job: str = "auto"
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    jobs: str = "auto"  # number of cells at the same time, per job on Slurm, in total on this machine

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
                f"'{self.cells_per_job}' is not a number of cells per job; give auto or a number from 1 up",
                about="cells_per_job",
            )

    def requests_gpus(self) -> bool:
        """Return whether the settings for Slurm request GPUs."""
        return any(text.startswith(("gpus", "gres=")) for text in self.slurm)

    @property
    def job_device(self) -> str:
        """The device of the jobs: ``auto`` is ``cuda`` if they request GPUs, wherever this command runs."""
        return "cuda" if self.device == "auto" and self.requests_gpus() else self.device


def make_cluster(options: LaunchOptions, folder: Path, cells: Sequence[Cell]) -> tuple[Cluster, str]:
    """Return the cluster, and the value of ``jobs`` for each of its jobs; ``folder`` is that of all jobs."""
    device, jobs = options.job_device, options.jobs
    threads = max((cell.config.threads for cell in cells), default=1)
    if options.launcher == "local-jobs":
        return Local(folder / "submitit", len(worker_devices(device, jobs, threads))), "1"
    given = {key: _with_home(value) for key, _, value in (text.partition("=") for text in options.slurm)}
    defaults: dict[str, Any] = {"job_name": "benchmark", "time": DEFAULT_MINUTES}
    if device.startswith("cuda"):
        defaults |= {"cpus_per_task": 4} | ({} if options.requests_gpus() else {"gpus_per_node": 1})
    else:
        defaults["cpus_per_task"] = threads * (1 if jobs == "auto" else int(jobs))
        if jobs == "auto":  # the cores of the job, not of the machine that it runs on
            jobs = str(max(1, int(given.get("cpus_per_task", threads)) // threads))
    return Slurm(folder / "submitit", given, defaults), jobs


def _with_home(value: str) -> str:
    """Return a setting for Slurm, which may be a file or folder, with ``~`` as the home folder."""
    return str(user_path(value)) if value.startswith("~") else value


def group_cells(
    cells: Sequence[Cell],
    *,
    has_teacher: Callable[[str], bool],
    in_training: Mapping[str, str],
    seconds: Mapping[str, float | None],
    per_job: str,
    stamp: str,
) -> list[Group]:
    """Group cells into jobs so that no job ever waits for a teacher that another job trains.

    A teacher that is not on disk yet and that several cells need is trained by a job of its own, and the jobs of its
    students depend on that one. So all jobs can be queued at once, and no machine idles in front of a lock.

    Args:
        in_training: teacher's key -> name of a submitted group that trains it.
        seconds: id of a cell -> how long it is expected to take, without its teacher; None if that is not known.
        per_job: number of cells per job, or ``auto``: as many as are expected to take half an hour.
        stamp: makes the groups' names unique.
    """
    by_teacher: dict[str, list[Cell]] = {}
    for cell in cells:
        by_teacher.setdefault(cell.teacher_key, []).append(cell)
    names = (f"{stamp}-{number:04d}" for number in range(1_000_000))
    teachers: list[Group] = []
    students: dict[str, list[Cell]] = {}  # name of the group that trains their teacher -> cells
    for key, own in by_teacher.items():
        needs = in_training.get(key, "")
        if not needs and len(own) > 1 and not has_teacher(key):
            teachers.append(Group(next(names), (own[0],), teacher=key))
            needs = teachers[-1].name
        students.setdefault(needs, []).extend(own)
    return teachers + [
        Group(next(names), tuple(some), needs=needs)
        for needs, own in students.items()
        for some in _parts(own, seconds, per_job)
    ]


def _parts(cells: Sequence[Cell], seconds: Mapping[str, float | None], per_job: str) -> Iterator[list[Cell]]:
    part: list[Cell] = []
    for cell in cells:
        part.append(cell)
        known = [seconds[one.id] for one in part]
        full = None in known or sum(filter(None, known)) >= JOB_SECONDS
        if full if per_job == "auto" else len(part) == int(per_job):
            yield part
            part = []
    if part:
        yield part
