"""Slurm, through submitit and the commands ``squeue`` and ``scancel``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.launch.schedulers import import_submitit, last_log_line
from modalities.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from benchmark.launch.jobs import Job

MAX_ARRAY_SIZE = 1000  # jobs; Slurm's default MaxArraySize is 1001
DEFAULT_MINUTES = 240  # time limit of a job; after a requeue it continues
MAX_TIMEOUTS = 100  # requeues because of the time limit
COMMAND_SECONDS = 60


class Slurm:
    """The cluster whose ``sbatch`` is on the path.

    Args:
        folder: for submitit's files and logs, visible on every machine.
        given: submitit's parameters of a job as text, such as ``{"partition": "gpu", "time": "600"}``.
        defaults: values of parameters that are not given.
    """

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
        parameters = {**defaults, **{key: _int_or_text(value) for key, value in given.items()}}
        if not isinstance(parameters["time"], int):
            raise BadInput(f"time={parameters['time']} is not a number of minutes; write it as time=90.", about="slurm")
        # A preempted job is requeued, whatever the cluster's default.
        self._executor.update_parameters(**parameters, additional_parameters={"requeue": True})

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        self._executor.update_parameters(dependency=f"afterany:{after}" if after else None)
        ids: list[str] = []
        for start in range(0, len(jobs), MAX_ARRAY_SIZE):
            ids += self._submit_array(jobs[start : start + MAX_ARRAY_SIZE])
        return ids

    def _submit_array(self, jobs: Sequence[Job]) -> list[str]:
        try:
            with self._executor.batch():
                submitted = [self._executor.submit(job) for job in jobs]
        except Exception as error:  # submitit wraps the message of sbatch in errors of several types
            messages = [line for line in str(error).splitlines() if "sbatch: error" in line] or [str(error)]
            raise BadInput(
                f"Slurm refused the job: {messages[0].strip()}; check its settings.", about="slurm"
            ) from error
        return [str(job.job_id) for job in submitted]

    def free_slots(self) -> int | None:
        return None

    def states(self, ids: Iterable[str]) -> dict[str, str] | None:
        return queue_states(ids)

    def finished(self, id: str) -> bool:
        return bool(self._paths(id).result_pickle.exists())

    def last_log_line(self, id: str) -> str:
        return last_log_line(self._paths(id).stderr)

    def _paths(self, id: str) -> Any:
        return import_submitit().SlurmJob(self._executor.folder, id).paths

    def cancel_pending(self, ids: Iterable[str]) -> None:
        subprocess.run(["scancel", "--state=PENDING", *ids], check=False, timeout=COMMAND_SECONDS)


def queue_states(ids: Iterable[str]) -> dict[str, str] | None:
    """Ask ``squeue`` once for the state of each job or array task that it still knows; None if it does not answer.

    Does not need Slurm's accounting, which a cluster may lack.
    """
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
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)


def _int_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() else text
