"""Where jobs go, and whether they are still there: Slurm's queue, or processes on this machine, through submitit."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmark.launch.jobs import Job
from benchmark.launch.signals import signals_blocked
from benchmark.system import resources as machine
from modalities.errors import BadInput, UnknownName

# Slurm's states of a job that will still do something (squeue, JOB STATE CODES).
UNDER_WAY = {
    "PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
    "RESV_DEL_HOLD", "RESIZING", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED",
}  # fmt: skip
LARGEST_ARRAY = 1000  # jobs; Slurm's default MaxArraySize is 1001
MINUTES = 240  # of a job, where the user names no time: it goes on where it was after a requeue
TIMEOUTS = 100  # requeues because of the time limit


class Cluster(Protocol):
    """Takes jobs and knows how they are. Job ids are texts."""

    name: str
    patience: float  # seconds between two questions to ``under_way``

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        """Their ids; they start when the job ``after`` is over, however it ended (at once where that is empty)."""
        ...

    def room(self) -> int | None:
        """How many more jobs may be submitted now; None for any number, which then wait in the cluster's queue."""
        ...

    def under_way(self, ids: Iterable[str]) -> dict[str, str] | None:
        """State of each job that is not over, and of those that are as far as it is known; None: cannot say now."""
        ...

    def finished(self, id: str) -> bool:
        """Whether the job's function came to its end, or to an exception."""
        ...

    def last_words(self, id: str) -> str:
        """The last line of the job's error stream."""
        ...

    def withdraw(self, ids: Iterable[str]) -> None:
        """Take jobs that have not started out of the queue."""
        ...


class Slurm:
    """The cluster whose ``sbatch`` is on the path.

    Args:
        folder: for submitit's files and the logs, seen by every machine.
        given: submitit's parameters of a job as text, such as ``{"partition": "gpu", "time": "600"}``.
        defaults: the same, weaker.
    """

    name, patience = "slurm", 10.0

    def __init__(self, folder: Path, given: dict[str, str], defaults: dict[str, Any]) -> None:
        executor = _submitit().SlurmExecutor
        if shutil.which("sbatch") is None:
            raise BadInput("slurm needs sbatch, which is not here; run it where jobs are submitted.", about="launcher")
        self._executor = executor(folder, max_num_timeout=TIMEOUTS)
        known = sorted(executor._valid_parameters())
        for key in given:
            if key not in known:
                raise UnknownName("setting for Slurm", key, known)
        parameters = {**defaults, **{key: _number(value) for key, value in given.items()}}
        if not isinstance(parameters["time"], int):
            raise BadInput(f"time={parameters['time']} is not a number of minutes.", about="slurm")
        # A preempted job goes back into the queue whatever the cluster's default is.
        self._executor.update_parameters(**parameters, additional_parameters={"requeue": True})

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        self._executor.update_parameters(dependency=f"afterany:{after}" if after else None)
        ids: list[str] = []
        for start in range(0, len(jobs), LARGEST_ARRAY):
            ids += _submit(self._executor, jobs[start : start + LARGEST_ARRAY])
        return ids

    def room(self) -> int | None:
        return None

    def under_way(self, ids: Iterable[str]) -> dict[str, str] | None:
        return queue_states(ids)

    def finished(self, id: str) -> bool:
        return bool(_submitit().SlurmJob(self._executor.folder, id).paths.result_pickle.exists())

    def last_words(self, id: str) -> str:
        return _last_line(_submitit().SlurmJob(self._executor.folder, id).paths.stderr)

    def withdraw(self, ids: Iterable[str]) -> None:
        subprocess.run(["scancel", "--state=PENDING", *ids], check=False, timeout=60)


class Local:
    """Processes of submitit on this machine, as many at once as the run has workers: a cluster to try things on."""

    name, patience = "local-jobs", 0.5

    def __init__(self, folder: Path, workers: int) -> None:
        self._executor = _submitit().LocalExecutor(folder)
        self._executor.update_parameters(timeout_min=60 * 24 * 365, gpus_per_node=_gpus())
        self._workers, self._jobs = workers, dict[str, Any]()

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        ids = []
        with signals_blocked(), machine.shared_by(self._workers):
            for job in jobs:
                submitted = self._executor.submit(job)
                self._jobs[submitted.job_id] = submitted
                ids.append(submitted.job_id)
        return ids

    def room(self) -> int | None:
        return self._workers - sum(not job.done() for job in self._jobs.values())

    def under_way(self, ids: Iterable[str]) -> dict[str, str] | None:
        return {id: "RUNNING" for id in ids if id in self._jobs and not self._jobs[id].done()}

    def finished(self, id: str) -> bool:
        return bool(self._jobs[id].paths.result_pickle.exists())

    def last_words(self, id: str) -> str:
        return _last_line(self._jobs[id].paths.stderr)

    def withdraw(self, ids: Iterable[str]) -> None:
        """None waits: what is submitted here has started."""


def queue_states(ids: Iterable[str]) -> dict[str, str] | None:
    """Slurm's state of each job or array task that its controller still knows; None where it does not answer.

    One question for all of them. Accounting, which a cluster need not have, is not asked.
    """
    wanted = set(ids)
    masters = ",".join(sorted({id.split("_")[0] for id in wanted}))
    if not masters:
        return {}
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--jobs={masters}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return {} if "Invalid job id" in answer.stderr else None
    pairs = (line.split() for line in answer.stdout.splitlines())
    return {id: state for id, state in pairs if id in wanted}


def _submit(executor: Any, jobs: Sequence[Job]) -> list[str]:
    """Hand jobs to submitit, as one array where there are several."""
    try:
        with executor.batch():
            submitted = [executor.submit(job) for job in jobs]
    except Exception as error:  # submitit wraps what sbatch said in errors of several kinds
        said = [line for line in str(error).splitlines() if "sbatch: error" in line] or [str(error)]
        raise BadInput(f"the cluster takes no job: {said[0].strip()}; check its settings.", about="slurm") from error
    return [str(job.job_id) for job in submitted]


def _submitit() -> Any:
    """The library, with a sentence where it is missing."""
    try:
        import submitit
    except ImportError as error:
        raise BadInput("jobs need submitit; pip install 'single-datum-benchmark[slurm]'.") from error
    return submitit


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _last_line(path: Path) -> str:
    """The last line of a log that speaks of an error, else its last; from its last 4 kB, for logs grow."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = [line.strip() for line in file.read().decode(errors="replace").split("\n")]
    except OSError:
        return ""
    telling = [line for line in lines if re.search(r"error|killed", line, re.IGNORECASE)]
    return (telling or [line for line in lines if line] or [""])[-1]


def _gpus() -> int:
    from benchmark.system.devices import cuda_devices

    return cuda_devices()
