"""Cells as jobs: submitted, followed and collected; a job that dies costs the cells that it was running."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from benchmark.launch.cluster import launch_cells
from benchmark.launch.job_files import Report, read_report, write_report
from benchmark.launch.jobs import Job
from benchmark.launch.progress import Outcome
from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from displays import RecordingDisplay
from modalities.errors import BadInput


class FakeCluster:
    """A queue whose jobs do what ``act`` does when they are submitted; ``act`` returns their state."""

    name, poll_seconds = "slurm", 0.0

    def __init__(self, act: Callable[[Job, str], str]) -> None:
        self.act, self.jobs, self.job_states, self.after, self.cancelled = act, {}, {}, {}, []

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        ids = [str(len(self.jobs) + index + 1) for index in range(len(jobs))]
        for id, job in zip(ids, jobs, strict=True):
            self.jobs[id], self.after[id] = job, after
            self.job_states[id] = self.act(job, id)
        return ids

    def free_slots(self) -> None:
        return None

    def states(self, ids: Iterable[str]) -> dict[str, str]:
        return {id: self.job_states[id] for id in ids if id in self.job_states}

    def finished(self, id: str) -> bool:
        return self.job_states.get(id) == "finished"

    def last_log_line(self, id: str) -> str:
        return "slurmstepd: error: oom_kill event"

    def cancel_pending(self, ids: Iterable[str]) -> None:
        self.cancelled += ids
        self.job_states.update(dict.fromkeys(ids, "CANCELLED"))


def write_records(job: Job, cells: Iterable[Cell]) -> dict[str, str]:
    """Write ``done`` records as a job does; return what its report says of them."""
    ended = {}
    for cell in cells:
        figures = {"metrics": {"top1": 0.5}, "controls": {"teacher_top1": 0.9, "chance": 0.1}}
        Store(job.results).write(cell.record("done", provenance=provenance("cpu", 1), **figures))
        ended[cell.id] = "done"
    return ended


def report(job: Job, **content: object) -> None:
    """Write the report of a job that was started once."""
    write_report(job.folder, job.group.name, Report.model_validate_json(json.dumps({"starts": 1, **content})))


def running(cell: Cell, phase: str = "distill") -> dict[str, dict[str, object]]:
    """What a report says of a cell that worker 0 is running."""
    return {"0": {"cell": cell.id, "phase": phase, "done": 3, "total": 40, "loss": 1.0, "per_second": 9.0}}


def succeed(job: Job, id: str) -> str:
    """What a job does that works."""
    if job.group.teacher:
        report(job, begun=[job.group.cells[0].id])
    else:
        report(job, begun=[cell.id for cell in job.group.cells], ended=write_records(job, job.group.cells))
    return "finished"


@pytest.fixture(autouse=True)
def fast_polls(monkeypatch):
    monkeypatch.setattr("benchmark.launch.cluster.POLL_SECONDS", 0.01)


@pytest.fixture
def run(tmp_path) -> Callable[..., tuple[Outcome, RecordingDisplay]]:
    def launched(cells, cluster, *, per_job="2", deadline=math.inf) -> tuple[Outcome, RecordingDisplay]:
        display, store = RecordingDisplay(), Store(tmp_path / "smoke")
        outcome = launch_cells(
            cells, store, cluster, device="cpu", jobs="1", per_job=per_job, display=display, deadline=deadline
        )
        return outcome, display

    return launched


def test_every_cell_is_run_once_and_students_wait_for_their_teachers_job(cells, run):
    some, cluster = cells("seeds=[0,1,2]"), FakeCluster(succeed)
    outcome, display = run(some, cluster)
    assert {id: record.status for id, record in outcome.records.items()} == {cell.id: "done" for cell in some}
    assert outcome.interrupted == []
    assert display.results == {cell.id: "done" for cell in some}
    assert cluster.after == {"1": "", "2": "1", "3": "1"}


def test_a_job_that_dies_fails_the_cell_it_was_running_and_its_other_cells_run_in_a_new_job(cells, run, tmp_path):
    some = cells("seeds=[0,1,2,3]")

    def act(job: Job, id: str) -> str:
        group = job.group.cells
        if job.group.teacher or some[1] not in group:
            return succeed(job, id)
        begun = [cell.id for cell in some[:2]]
        report(job, begun=begun, ended=write_records(job, some[:1]), now=running(some[1]))
        return "OUT_OF_MEMORY"

    cluster = FakeCluster(act)
    outcome, display = run(some, cluster, per_job="4")
    assert [outcome.records[cell.id].status for cell in some] == ["done", "failed", "done", "done"]
    reason = Store(tmp_path / "smoke").read(some[1].id).reason
    assert reason == "its job 2 died (OUT_OF_MEMORY): slurmstepd: error: oom_kill event."
    assert [cell.key.seed for cell in cluster.jobs["4"].group.cells] == [2, 3]  # job 3 trains their teacher again
    assert "distill" in display.phases[some[1].id]
    assert len(display.results) == 4


def dying_at(cell: Cell, last_action: Callable[[Job], object]) -> Callable[[Job, str], str]:
    """Jobs that die while they run a cell, after a last action."""

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            return succeed(job, id)
        last_action(job)
        report(job, begun=[cell.id], now=running(cell, "write"))
        return "FAILED"

    return act


def test_a_record_that_a_dying_job_wrote_last_is_kept(cells, run, tmp_path):
    (cell,) = cells("seeds=[5]")
    outcome, _ = run([cell], FakeCluster(dying_at(cell, lambda job: write_records(job, [cell]))))
    assert outcome.records[cell.id].status == "done"
    assert Store(tmp_path / "smoke").read(cell.id).status == "done"


def test_a_cell_that_another_process_took_over_from_a_dead_job_is_left_to_it(cells, run, tmp_path):
    (cell,) = cells("seeds=[5]")
    folder = tmp_path / "smoke" / "cells" / cell.id
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        outcome, _ = run([cell], FakeCluster(dying_at(cell, lambda job: None)))
    assert (outcome.records, outcome.interrupted) == ({}, [cell])
    assert not (folder / "record.json").exists()


def test_a_job_that_dies_before_its_first_cell_fails_them_all_instead_of_repeating_forever(cells, run):
    cluster = FakeCluster(lambda job, id: "FAILED")
    outcome, _ = run(cells("seeds=[0,1,2]"), cluster, per_job="3")
    assert {record.status for record in outcome.records.values()} == {"failed"}
    assert len(outcome.records) == 3
    assert len(cluster.jobs) == 2


def test_a_job_that_is_cancelled_leaves_its_cells_to_a_later_call(cells, run):
    some = cells("seeds=[0,1]")

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            return succeed(job, id)
        report(job, begun=[cell.id for cell in some], ended=write_records(job, some[:1]), left=True)
        return "CANCELLED"

    cluster = FakeCluster(act)
    outcome, _ = run(some, cluster)
    assert set(outcome.records) == {some[0].id}
    assert outcome.interrupted == [some[1]]
    assert len(cluster.jobs) == 2


def test_a_cell_that_ended_in_its_teachers_job_is_not_run_again(cells, run, tmp_path):
    some = cells("seeds=[0,1]")

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            report(job, begun=[some[0].id], ended=write_records(job, some[:1]))
            return "finished"
        assert read_report(job.folder, job.group.needs).ended == {some[0].id: "done"}
        report(job, begun=[some[1].id], ended=write_records(job, some[1:]))
        return "finished"

    outcome, _ = run(some, FakeCluster(act))
    assert set(outcome.records) == {cell.id for cell in some}


def test_ctrl_c_leaves_the_jobs_in_the_queue_and_the_same_call_waits_for_them(cells, run, capsys, monkeypatch):
    some = cells("seeds=[0,1]")
    cluster = FakeCluster(lambda job, id: "RUNNING")
    polls = []

    def interrupt_third_poll(seconds: float) -> None:
        polls.append(seconds)
        if len(polls) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.launch.cluster.time.sleep", interrupt_third_poll)
        outcome, display = run(some, cluster)
    assert outcome.interrupted == some
    assert display.results == {}  # none of them has stopped
    assert cluster.cancelled == []
    assert "run the same command to wait for them again" in capsys.readouterr().err

    for id, job in cluster.jobs.items():
        cluster.job_states[id] = succeed(job, id)
    later = FakeCluster(succeed)
    later.job_states = dict.fromkeys(cluster.jobs, "RUNNING")
    later.finished = lambda id: True
    outcome, _ = run(some, later)
    assert later.jobs == {}
    assert [outcome.records[cell.id].status for cell in some] == ["done", "done"]


def test_jobs_that_left_the_queue_between_two_calls_are_submitted_again(cells, run, tmp_path):
    some, folder = cells("seeds=[0,1]"), tmp_path / "smoke" / "jobs"
    folder.mkdir(parents=True)
    note = {"cluster": "slurm", "id": "77", "cells": [some[0].id], "teacher": "", "needs": ""}
    (folder / "old.job").write_text(json.dumps(note))
    outcome, _ = run(some, FakeCluster(succeed))
    assert len(outcome.records) == 2
    assert list(folder.glob("*.job")) == []


def test_the_time_limit_stops_running_jobs_and_removes_the_others_from_the_queue(cells, run, tmp_path):
    some = cells("seeds=[0,1]")
    cluster = FakeCluster(lambda job, id: "RUNNING" if job.group.teacher else "PENDING")
    outcome, _ = run(some, cluster, deadline=time.monotonic())
    assert outcome.interrupted == some
    assert outcome.records == {}
    assert cluster.cancelled == ["1", "2"]
    assert [job.group.name for job in cluster.jobs.values()] != []
    assert list((tmp_path / "smoke" / "jobs").glob("*.job")) == []


def test_a_record_that_a_slow_file_system_shows_late_is_waited_for(cells, run, tmp_path, monkeypatch):
    (cell,) = cells("seeds=[9]")
    read, reads = Store.read, []

    def late(self: Store, id: str) -> Record | None:
        reads.append(id)
        return read(self, id) if len(reads) > 5 else None

    monkeypatch.setattr(Store, "read", late)
    outcome, _ = run([cell], FakeCluster(succeed))
    assert outcome.records[cell.id].status == "done"
    assert len(reads) > 5


def test_a_damaged_note_of_a_job_is_named(cells, run, tmp_path):
    folder = tmp_path / "smoke" / "jobs"
    folder.mkdir(parents=True)
    (folder / "old.job").write_text("{")
    with pytest.raises(BadInput, match=r"old\.job is not a valid job note \(invalid JSON"):
        run(cells("seeds=[0]"), FakeCluster(succeed))


def test_a_damaged_report_does_not_end_the_launch_and_the_records_count(cells, run):
    (cell,) = cells("seeds=[5]")

    def act(job: Job, id: str) -> str:
        write_records(job, [cell])
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / f"{job.group.name}.json").write_text('{"now": {"0": {"phase": "distill"}}}')
        return "FAILED"

    outcome, _ = run([cell], FakeCluster(act))
    assert outcome.records[cell.id].status == "done"


@pytest.mark.parametrize(
    "change", [{"id": 77}, {"id": "../77"}, {"cells": "x"}, {"cells": [["x"]]}, {"cluster": None}, {"needs": {}}]
)
def test_a_note_of_a_job_with_wrong_fields_is_named(cells, run, tmp_path, change):
    folder = tmp_path / "smoke" / "jobs"
    folder.mkdir(parents=True)
    note = {"cluster": "slurm", "id": "77", "cells": [], "teacher": "", "needs": ""}
    (folder / "old.job").write_text(json.dumps(note | change))
    with pytest.raises(BadInput, match=r"old\.job is not a valid job note \('(id|cells|cells\.0|cluster|needs)': "):
        run(cells("seeds=[0]"), FakeCluster(succeed))
    (folder / "old.job").write_text("{}")
    with pytest.raises(BadInput, match=r"old\.job is not a valid job note \(missing: cluster\); delete it"):
        run(cells("seeds=[0]"), FakeCluster(succeed))


def test_a_cell_whose_folder_cannot_be_written_costs_only_itself(cells, run, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.launch.cluster.MAX_RECORD_DELAY", 0.05)
    bad, good = cells("seeds=[0,1]")
    folder = tmp_path / "smoke" / "cells" / bad.id
    (folder / ".lock").mkdir(parents=True)

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            return succeed(job, id)
        ids = [cell.id for cell in job.group.cells]
        report(job, begun=ids, ended={bad.id: "failed"} | write_records(job, [good]))
        return "finished"

    outcome, display = run([bad, good], FakeCluster(act))
    assert display.results == {good.id: "done", bad.id: "failed"}
    reason = outcome.records[bad.id].reason
    assert reason.startswith("its job 2 ended, but the record that it reported cannot be found. ")
    assert f"{folder} cannot be written" in reason


# --- real jobs, as processes of this machine ---


@pytest.mark.slow
def test_jobs_of_this_machine_are_killed_preempted_and_continued(quick, tmp_path):
    """One process is killed and costs its cell; another is preempted, requeued, and computes nothing twice."""
    command = [
        sys.executable, "-m", "benchmark", "run", "--target", "digits", "profile=smoke",
        *quick, "recipe.steps=600", "seeds=[0,1,2,3]", "--launcher", "local-jobs", "--cells-per-job", "2",
        "--jobs", "2", "--device", "cpu", "--results", str(tmp_path / "jobs"),
    ]  # fmt: skip
    folder = tmp_path / "jobs" / "smoke" / "jobs"
    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(command, stderr=log, stdout=log)
        try:
            killed, preempted = _wait_for_two_jobs(folder, first)
            os.kill(_process_of(killed), signal.SIGKILL)
            os.kill(_process_of(preempted), signal.SIGUSR2)
            assert first.wait(500) == 1, (tmp_path / "log").read_text()
        finally:
            first.kill()
    store = Store(tmp_path / "jobs" / "smoke")
    found = [store.read(entry.id) for entry in store.requested_cells()]
    assert sorted(record.status for record in found) == ["done", "done", "done", "failed"]
    assert "died" in next(record.reason for record in found if record.status == "failed")
    reports = [read_report(folder, path.stem) for path in folder.glob("*.json")]
    assert sorted(report.starts for report in reports)[-1] == 2  # the preempted one

    before = {record.id: (store.cell(record.id) / "record.json").read_bytes() for record in found if not record.reason}
    assert subprocess.run(command, capture_output=True, timeout=500, check=False).returncode == 0
    assert {entry.id for entry in store.requested_cells() if store.read(entry.id).status == "done"} == {
        r.id for r in found
    }
    assert before == {id: (store.cell(id) / "record.json").read_bytes() for id in before}  # none was computed again

    here = [word for word in command if word not in ("--launcher", "local-jobs", "--cells-per-job", "2")]
    here[-1] = str(tmp_path / "here")
    here[here.index("--jobs") + 1 : here.index("--device")] = ["2"]
    assert subprocess.run(here, capture_output=True, timeout=500, check=False).returncode == 0
    other = Store(tmp_path / "here" / "smoke")
    for record in found:
        assert store.predictions(record.id).logp.tobytes() == other.predictions(record.id).logp.tobytes()


def _wait_for_two_jobs(folder: Path, run: subprocess.Popen[bytes]) -> tuple[dict[str, str], dict[str, str]]:
    """The notes of two jobs whose cells are being distilled."""
    until = time.monotonic() + 200
    while time.monotonic() < until and run.poll() is None:
        notes = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.job")}
        busy = [
            note
            for name, note in notes.items()
            if not note["teacher"]
            and any(running.phase == "distill" for running in read_report(folder, name).now.values())
        ]
        if len(busy) == 2:
            return busy[0], busy[1]
        time.sleep(0.1)
    raise AssertionError("two jobs never ran side by side")


def _process_of(note: dict[str, str]) -> int:
    """The task of a local job: its id is that of the process that controls it."""
    return int(Path(f"/proc/{note['id']}/task/{note['id']}/children").read_text().split()[0])
