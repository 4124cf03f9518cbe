"""Where jobs go: the interface of a cluster, and its implementation by processes on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.launch.signals import signals_blocked
from benchmark.system import resources as machine
from benchmark.system.devices import cuda_devices
from modalities.errors import BadInput

if TYPE_CHECKING:
    from benchmark.launch.jobs import Job

# States of a job that has not ended, by Slurm's names (squeue, JOB STATE CODES).
ACTIVE_STATES = {
    "PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
    "RESV_DEL_HOLD", "RESIZING", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED",
}  # fmt: skip
LOG_TAIL_BYTES = 4096


class Cluster(Protocol):
    """Takes jobs and knows their states. Job ids are strings."""

    name: str
    poll_seconds: float  # between two calls of ``states``

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        """Submit jobs and return their ids. They start when job ``after`` has ended, at once if it is empty."""
        ...

    def free_slots(self) -> int | None:
        """Return how many more jobs may be submitted now; None if the cluster queues any number."""
        ...

    def states(self, ids: Iterable[str]) -> dict[str, str] | None:
        """Return the state of each job that has not ended, and of others if known; None if the cluster is silent."""
        ...

    def finished(self, id: str) -> bool:
        """Return whether the job's function returned or raised."""
        ...

    def last_log_line(self, id: str) -> str:
        """Return the last error, else the last line, of the job's standard error."""
        ...

    def cancel_pending(self, ids: Iterable[str]) -> None:
        """Remove jobs that have not started from the queue."""
        ...


class Local:
    """A cluster to try things on: processes of submitit on this machine, ``workers`` at the same time."""

    name, poll_seconds = "local-jobs", 0.5

    def __init__(self, folder: Path, workers: int) -> None:
        self._executor = import_submitit().LocalExecutor(folder)
        self._executor.update_parameters(timeout_min=60 * 24 * 365, gpus_per_node=cuda_devices())
        self._workers, self._jobs = workers, dict[str, Any]()

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        ids = []
        with signals_blocked(), machine.shared_by(self._workers):
            for job in jobs:
                submitted = self._executor.submit(job)
                self._jobs[submitted.job_id] = submitted
                ids.append(submitted.job_id)
        return ids

    def free_slots(self) -> int | None:
        return self._workers - sum(not job.done() for job in self._jobs.values())

    def states(self, ids: Iterable[str]) -> dict[str, str] | None:
        return {id: "RUNNING" for id in ids if id in self._jobs and not self._jobs[id].done()}

    def finished(self, id: str) -> bool:
        return bool(self._jobs[id].paths.result_pickle.exists())

    def last_log_line(self, id: str) -> str:
        return last_log_line(self._jobs[id].paths.stderr)

    def cancel_pending(self, ids: Iterable[str]) -> None:
        """Do nothing: every submitted job has started."""


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
