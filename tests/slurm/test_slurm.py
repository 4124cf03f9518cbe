"""Fifty cells through a real Slurm: one job is killed and one preempted; at the end all are done, none twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmark.launch.job_files import read_report
from benchmark.records.store import Store

SEEDS = 25  # of two targets
COMMAND = [
    sys.executable, "-m", "benchmark", "run", "--target", "digits,fsdd", "profile=smoke",
    f"seeds=[{','.join(map(str, range(SEEDS)))}]", "--launcher", "slurm", "--cells-per-job", "9", "--device", "cpu",
    "--slurm", "time=60",
]  # fmt: skip


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def finished(results: Path) -> dict[str, bytes]:
    """The records of all cells that are done, by id."""
    found = {path.parent.name: path.read_bytes() for path in results.glob("cells/*/record.json")}
    return {id: content for id, content in found.items() if json.loads(content)["status"] == "done"}


def distilling_jobs(results: Path, run: subprocess.Popen[bytes], count: int) -> list[str]:
    """Wait for jobs that have finished a cell and are distilling the next one; return their ids."""
    until = time.monotonic() + 300
    while time.monotonic() < until and run.poll() is None:
        found = []
        for path in sorted((results / "jobs").glob("*.job")):
            report = read_report(path.parent, path.stem)
            if report.ended and any(running.phase == "distill" for running in report.now.values()):
                found.append(json.loads(path.read_text())["id"])
        if len(found) >= count:
            return found[:count]
        time.sleep(0.05)
    raise AssertionError(f"there were never {count} jobs that were distilling")


@pytest.mark.slow
def test_fifty_cells_survive_a_killed_and_a_preempted_job_and_none_is_computed_twice(slurm, tmp_path):
    results = tmp_path / "smoke"
    command = [*COMMAND, "--results", str(tmp_path)]
    began = time.monotonic()
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        killed, preempted = distilling_jobs(results, run, 2)
        output_of("scancel", "--signal=TERM", preempted)
        os.kill(_process_of(killed), signal.SIGKILL)
        before = finished(results)
        _start_requeued_now(preempted)
        code = run.wait(400)
    finally:
        run.kill()
    log_text = (tmp_path / "log").read_text()
    first = time.monotonic() - began
    store = Store(results)
    records = {entry.id: store.read(entry.id) for entry in store.requested_cells()}
    assert len(records) == 2 * SEEDS
    lost = [record for record in records.values() if record.status == "failed"]
    assert code == 1, log_text  # a killed job is a failure, like a killed worker of a local run
    assert [record.reason.startswith(f"its job {killed} died (") for record in lost] == [True], log_text
    assert sum(record.status == "done" for record in records.values()) == 2 * SEEDS - 1
    assert f"job {killed} died; " in log_text  # the cells that it had not begun ran in another job
    reports = [read_report(path.parent, path.stem) for path in (results / "jobs").glob("*.json")]
    assert sorted(report.starts for report in reports)[-2:] == [1, 2]  # the preempted job came back

    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr
    assert "50 cells, 49 done, 1 to run" in again.stderr
    after = finished(results)
    assert len(after) == 2 * SEEDS
    assert before == {id: after[id] for id in before}  # what was done when a job came back was not done again
    assert _computed(results) == dict.fromkeys(records, 1)
    print(f"\n{2 * SEEDS} cells on {os.cpu_count()} cores: {first:.0f} s, and {time.monotonic() - began:.0f} s in all")


def _process_of(job: str) -> int:
    """The Python process that a job runs in; its workers end with it."""
    tasks = Path("/proc").glob("[0-9]*/environ")
    array, index = job.split("_")
    variables = {f"SLURM_ARRAY_JOB_ID={array}", f"SLURM_ARRAY_TASK_ID={index}", "SLURM_PROCID=0", "SLURM_STEP_ID=0"}
    for path in tasks:
        with contextlib.suppress(OSError):
            words = path.with_name("cmdline").read_bytes().split(b"\0")
            if variables <= set(path.read_text(errors="replace").split("\0")) and b"submitit.core._submit" in words:
                return int(path.parent.name)
    raise AssertionError(f"job {job} has no process")


def _start_requeued_now(job: str) -> None:
    """Skip the two minutes for which Slurm holds back a requeued job."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if output_of("squeue", "--noheader", "--format=%T", f"--jobs={job}").strip() == "PENDING":
            output_of("scontrol", "update", f"JobId={job}", "StartTime=now")
            return
        time.sleep(0.2)
    raise AssertionError(f"job {job} was not requeued")


def _computed(results: Path) -> dict[str, int]:
    """How many jobs began each cell and finished it."""
    reports = [read_report(path.parent, path.stem) for path in (results / "jobs").glob("*.json")]
    return dict(Counter(id for report in reports for id in report.begun if id in report.ended))
