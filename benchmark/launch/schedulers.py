"""Where jobs go, through submitit: Slurm (with the commands ``squeue`` and ``scancel``), or this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.launch.signals import signals_blocked
from benchmark.system import resources as machine
from benchmark.system.devices import cuda_devices
from modalities.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from benchmark.launch.jobs import Job

# States of a job that has not ended, by Slurm's names (squeue, JOB STATE CODES).
ACTIVE_STATES = {
    "PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
    "RESV_DEL_HOLD", "RESIZING", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED",
}  # fmt: skip
LOG_TAIL_BYTES = 4096
MAX_ARRAY_SIZE = 1000  # jobs; Slurm's default MaxArraySize is 1001
DEFAULT_MINUTES = 240  # time limit of a job; after a requeue it continues
MAX_TIMEOUTS = 100  # requeues because of the time limit
COMMAND_SECONDS = 60


class Cluster:
    """Takes jobs and knows their states. Job ids are strings."""

    name: str
    poll_seconds: float  # between two calls of ``states``
    _executor: Any  # submitit's; all files and logs are in its folder

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        """Submit jobs and return their ids. They start when job ``after`` has ended, at once if it is empty."""
        raise NotImplementedError

    def free_slots(self) -> int | None:
        """Return how many more jobs may be submitted now; None if the cluster queues any number."""
        return None

    def states(self, ids: Iterable[str]) -> dict[str, str] | None:
        """Return the state of each job that has not ended, and of others if known; None if the cluster is silent."""
        raise NotImplementedError

    def cancel_pending(self, ids: Iterable[str]) -> None:
        """Remove jobs that have not started from the queue."""

    def finished(self, id: str) -> bool:
        """Return whether the job's function returned or raised."""
        return bool(self._paths(id).result_pickle.exists())

    def last_log_line(self, id: str) -> str:
        """Return the last error, else the last line, of the job's standard error."""
        return last_log_line(self._paths(id).stderr)

    def _paths(self, id: str) -> Any:
        from submitit.core.utils import JobPaths

        return JobPaths(self._executor.folder, id)


class Local(Cluster):
    """A cluster to try things on: processes of submitit on this machine, ``workers`` at the same time."""

    name, poll_seconds = "local-jobs", 0.5

    def __init__(self, folder: Path, workers: int) -> None:
        self._executor = import_submitit().LocalExecutor(folder)
        self._executor.update_parameters(timeout_min=60 * 24 * 365, gpus_per_node=cuda_devices())
        self._workers, self._jobs = workers, dict[str, Any]()

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        with signals_blocked(), machine.shared_by(self._workers):
            submitted = {job.job_id: job for job in map(self._executor.submit, jobs)}
        self._jobs |= submitted
        return list(submitted)

    def free_slots(self) -> int | None:
        return self._workers - sum(not job.done() for job in self._jobs.values())

    def states(self, ids: Iterable[str]) -> dict[str, str] | None:
        return {id: "RUNNING" for id in ids if id in self._jobs and not self._jobs[id].done()}


class Slurm(Cluster):
    """The cluster whose ``sbatch`` is on the path; every machine sees ``folder``, with submitit's files and logs."""

    name, poll_seconds = "slurm", 10.0

    def __init__(self, folder: Path, given: dict[str, str], defaults: dict[str, Any]) -> None:
        executor = import_submitit().SlurmExecutor
        if shutil.which("sbatch") is None:
            raise BadInput(
                "Slurm's sbatch is not on this machine; run this on a login node of the cluster.", about="launcher"
            )
        self._executor = executor(folder, max_num_timeout=MAX_TIMEOUTS)
        known = sorted(executor._valid_parameters())
        for key in given:
            if key not in known:
                raise UnknownName("setting for Slurm", key, known)
        parameters = defaults | {key: int(value) if value.isdecimal() else value for key, value in given.items()}
        if not isinstance(parameters["time"], int):
            raise BadInput(f"time={parameters['time']} is not a number of minutes; write it as time=90.", about="slurm")
        # A preempted job is requeued, whatever the cluster's default.
        self._executor.update_parameters(**parameters, additional_parameters={"requeue": True})

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        self._executor.update_parameters(dependency=f"afterany:{after}" if after else None)
        ids: list[str] = []
        for start in range(0, len(jobs), MAX_ARRAY_SIZE):
            try:
                with self._executor.batch():
                    submitted = [self._executor.submit(job) for job in jobs[start : start + MAX_ARRAY_SIZE]]
            except Exception as error:  # submitit wraps the message of sbatch in errors of several types
                messages = [line for line in str(error).splitlines() if "sbatch: error" in line] or [str(error)]
                raise BadInput(
                    f"Slurm refused the job: {messages[0].strip()}; check its settings.", about="slurm"
                ) from error
            ids += [str(job.job_id) for job in submitted]
        return ids

    def states(self, ids: Iterable[str]) -> dict[str, str] | None:
        return queue_states(ids)

    def cancel_pending(self, ids: Iterable[str]) -> None:
        subprocess.run(["scancel", "--state=PENDING", *ids], check=False, timeout=COMMAND_SECONDS)


def import_submitit() -> Any:
    """Import submitit. Raises BadInput if it is not installed."""
    try:
        import submitit
    except ImportError as error:
        raise BadInput("jobs need submitit; pip install 'single-datum-benchmark[slurm]'.") from error
    return submitit


def last_log_line(path: Path) -> str:
    """Return the last line of a log that mentions an error, else its last line; reads only the end of the file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            lines = [line.strip() for line in file.read().decode(errors="replace").split("\n")]
    except OSError:
        return ""
    errors = [line for line in lines if re.search(r"error|killed", line, re.IGNORECASE)]
    return (errors or [line for line in lines if line] or [""])[-1]


def queue_states(ids: Iterable[str]) -> dict[str, str] | None:
    """Ask ``squeue``, which needs no accounting, for the states of the jobs it knows; None if it does not answer."""
    expected = set(ids)
    masters = ",".join(sorted({id.split("_")[0] for id in expected}))
    if not masters:
        return {}
    try:
        answer = _squeue("--array", "--states=all", "--format=%i %T", f"--jobs={masters}")
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return {} if "Invalid job id" in answer.stderr else None
    pairs = (line.split() for line in answer.stdout.splitlines())
    return {id: state for id, state in pairs if id in expected}


def is_ending_this_job() -> bool:
    """Return whether Slurm is cancelling or requeuing the job of this process; a requeue of ours would revive it."""
    if os.environ.get("SUBMITIT_EXECUTOR") != "slurm":
        return False
    return _squeue("--format=%T", f"--jobs={os.environ['SLURM_JOB_ID']}").stdout.strip() != "RUNNING"


def _squeue(*options: str) -> subprocess.CompletedProcess[str]:
    command = ["squeue", "--noheader", *options]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=COMMAND_SECONDS
    )
