"""Cells as jobs: grouped so that none waits for a teacher, watched, gathered; a job that dies costs what it was at."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from benchmark.launch import cluster as launch
from benchmark.launch import schedulers as clusters
from benchmark.launch.cluster import launch_cells
from benchmark.launch.groups import LaunchOptions, group_cells, make_cluster
from benchmark.launch.jobs import Group, Job, Report, read_report
from benchmark.launch.progress import Outcome, Step
from benchmark.launch.schedulers import Slurm, queue_states
from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities.errors import BadInput


class Seen:
    """A display that notes what it is told, and refuses to be told it twice."""

    def __init__(self) -> None:
        self.started_cells: list[str] = []
        self.results: dict[str, str | None] = {}
        self.phases: list[str] = []

    def started(self, worker: int, cell: Cell) -> None:
        assert cell.id not in self.started_cells
        self.started_cells.append(cell.id)

    def moved(self, worker: int, step: Step) -> None:
        self.phases.append(step.phase)

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        assert cell.id in self.started_cells
        assert cell.id not in self.results
        self.results[cell.id] = record and record.status


class Pretended:
    """A queue whose jobs do what ``act`` says when they are submitted, and are over at once unless it says so."""

    name, patience = "slurm", 0.0

    def __init__(self, act: Callable[[Job, str], str]) -> None:
        self.act, self.jobs, self.states, self.after, self.withdrawn = act, {}, {}, {}, []

    def submit(self, jobs: Sequence[Job], after: str) -> list[str]:
        ids = [str(len(self.jobs) + index + 1) for index in range(len(jobs))]
        for id, job in zip(ids, jobs, strict=True):
            self.jobs[id], self.after[id] = job, after
            self.states[id] = self.act(job, id)
        return ids

    def room(self) -> None:
        return None

    def under_way(self, ids: Iterable[str]) -> dict[str, str]:
        return {id: self.states[id] for id in ids if id in self.states}

    def finished(self, id: str) -> bool:
        return self.states.get(id) == "finished"

    def last_words(self, id: str) -> str:
        return "slurmstepd: error: oom_kill event"

    def withdraw(self, ids: Iterable[str]) -> None:
        self.withdrawn += ids
        self.states.update(dict.fromkeys(ids, "CANCELLED"))


def publish(job: Job, cells: Iterable[Cell]) -> dict[str, str]:
    """Write ``done`` records as a job does, and what its report says of them."""
    ended = {}
    for cell in cells:
        figures = {"metrics": {"top1": 0.5}, "controls": {"teacher_top1": 0.9, "chance": 0.1}}
        Store(job.results).write(cell.record("done", provenance=provenance("cpu", 1), **figures))
        ended[cell.id] = "done"
    return ended


def report(job: Job, report: Report) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / f"{job.group.name}.json").write_text(json.dumps(report.__dict__))


def well(job: Job, id: str) -> str:
    """A job that does what it should."""
    if job.group.teacher:
        report(job, Report(begun=[job.group.cells[0].id], starts=1))
    else:
        ids = [cell.id for cell in job.group.cells]
        report(job, Report(begun=ids, ended=publish(job, job.group.cells), starts=1))
    return "finished"


@pytest.fixture(autouse=True)
def quick_turns(monkeypatch):
    monkeypatch.setattr(launch, "TICK", 0.01)


@pytest.fixture
def run(tmp_path) -> Callable[..., tuple[Outcome, Seen]]:
    def launched(cells, cluster, *, per_job="2", deadline=math.inf) -> tuple[Outcome, Seen]:
        seen, store = Seen(), Store(tmp_path / "smoke")
        outcome = launch_cells(
            cells, store, cluster, device="cpu", jobs="1", per_job=per_job, display=seen, deadline=deadline
        )
        return outcome, seen

    return launched


# --- which cells share a job ---


def grouped(cells: list[Cell], kept: bool = False, being_made: dict[str, str] | None = None, per_job: str = "2"):
    return group_cells(cells, kept=lambda key: kept, being_made=being_made or {}, per_job=per_job, stamp="x")


def test_a_teacher_of_several_cells_is_made_by_a_job_of_its_own_which_the_others_need(cells):
    three = cells("seeds=[0,1,2]")
    maker, *students = grouped(three)
    assert (maker.teacher, maker.cells, maker.needs) == (three[0].teacher_key, (three[0],), "")
    assert [group.cells for group in students] == [tuple(three[:2]), tuple(three[2:])]
    assert {group.needs for group in students} == {maker.name}
    assert len({maker.name, *(group.name for group in students)}) == 3


def test_each_teacher_has_its_own_job_and_students_of_different_teachers_never_share_one(cells):
    some = [*cells("seeds=[0,1]"), *cells("seeds=[0,1]", "teacher.training.steps=61")]
    groups = grouped(some, per_job="10")
    assert [bool(group.teacher) for group in groups] == [True, True, False, False]
    for maker, students in zip(groups[:2], groups[2:], strict=True):
        assert students.needs == maker.name
        assert {cell.teacher_key for cell in students.cells} == {maker.teacher}


def test_a_kept_teacher_or_one_for_a_single_cell_needs_no_job(cells):
    assert [group.teacher for group in grouped(cells("seeds=[0,1]"), kept=True)] == [""]
    (only,) = grouped(cells("seeds=[5]"))
    assert (only.teacher, only.needs) == ("", "")


def test_a_teacher_that_an_earlier_call_is_making_is_not_made_again(cells):
    two = cells("seeds=[0,1]")
    (students,) = grouped(two, being_made={two[0].teacher_key: "earlier"})
    assert students.needs == "earlier"


def test_auto_fills_half_an_hour_and_gives_cells_of_unknown_length_a_job_each(cells):
    (cell,) = cells()

    def lasting(seconds: float) -> list[Cell]:
        config = replace(cell.config, expected_seconds=seconds)
        return [replace(cell, id=f"c{number}", config=config, teacher_key=f"t{number}") for number in range(7)]

    assert [len(group.cells) for group in grouped(lasting(600), per_job="auto")] == [3, 3, 1]
    assert [len(group.cells) for group in grouped(lasting(0), per_job="auto")] == [1] * 7


# --- a launch, from the first job to the last record ---


def test_every_cell_is_run_once_and_students_wait_for_their_teachers_job(cells, run):
    some, cluster = cells("seeds=[0,1,2]"), Pretended(well)
    outcome, seen = run(some, cluster)
    assert {id: record.status for id, record in outcome.records.items()} == {cell.id: "done" for cell in some}
    assert outcome.interrupted == []
    assert seen.results == {cell.id: "done" for cell in some}
    assert cluster.after == {"1": "", "2": "1", "3": "1"}


def test_a_job_that_dies_fails_the_cell_it_was_at_and_its_other_cells_go_on_in_a_new_job(cells, run, tmp_path):
    some = cells("seeds=[0,1,2,3]")

    def act(job: Job, id: str) -> str:
        group = job.group.cells
        if job.group.teacher or some[1] not in group:
            return well(job, id)
        now = {"0": {"cell": some[1].id, "phase": "distill", "done": 3, "total": 40, "loss": 1.0, "per_second": 9.0}}
        report(job, Report([cell.id for cell in some[:2]], publish(job, some[:1]), now, 1))
        return "OUT_OF_MEMORY"

    cluster = Pretended(act)
    outcome, seen = run(some, cluster, per_job="4")
    assert [outcome.records[cell.id].status for cell in some] == ["done", "failed", "done", "done"]
    reason = Store(tmp_path / "smoke").read(some[1].id).reason
    assert reason == "its job 2 died (OUT_OF_MEMORY): slurmstepd: error: oom_kill event."
    assert [cell.key.seed for cell in cluster.jobs["4"].group.cells] == [2, 3]  # 3 makes the teacher, which is not kept
    assert "distill" in seen.phases
    assert len(seen.results) == 4


def dying_at(cell: Cell, deed: Callable[[Job], None]) -> Callable[[Job, str], str]:
    """Jobs that die with a cell in hand, after a last deed."""

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            return well(job, id)
        deed(job)
        now = {"0": {"cell": cell.id, "phase": "write", "done": 0, "total": 0, "loss": 1.0, "per_second": 0.0}}
        report(job, Report([cell.id], {}, now, 1))
        return "FAILED"

    return act


def test_a_record_that_was_a_dying_jobs_last_deed_is_kept(cells, run, tmp_path):
    (cell,) = cells("seeds=[5]")
    outcome, _ = run([cell], Pretended(dying_at(cell, lambda job: publish(job, [cell]) and None)))
    assert outcome.records[cell.id].status == "done"
    assert Store(tmp_path / "smoke").read(cell.id).status == "done"


def test_a_cell_that_another_process_took_over_from_a_dead_job_is_left_to_it(cells, run, tmp_path):
    (cell,) = cells("seeds=[5]")
    folder = tmp_path / "smoke" / "cells" / cell.id
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        outcome, _ = run([cell], Pretended(dying_at(cell, lambda job: None)))
    assert (outcome.records, outcome.interrupted) == ({}, [cell])
    assert not (folder / "record.json").exists()


def test_a_job_that_dies_before_its_first_cell_fails_them_all_rather_than_for_ever(cells, run):
    cluster = Pretended(lambda job, id: "FAILED")
    outcome, _ = run(cells("seeds=[0,1,2]"), cluster, per_job="3")
    assert {record.status for record in outcome.records.values()} == {"failed"}
    assert len(outcome.records) == 3
    assert len(cluster.jobs) == 2


def test_a_job_that_is_cancelled_leaves_its_cells_to_a_later_call(cells, run):
    some = cells("seeds=[0,1]")

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            return well(job, id)
        report(job, Report([cell.id for cell in some], publish(job, some[:1]), {}, 1, left=True))
        return "CANCELLED"

    cluster = Pretended(act)
    outcome, _ = run(some, cluster)
    assert set(outcome.records) == {some[0].id}
    assert outcome.interrupted == [some[1]]
    assert len(cluster.jobs) == 2


def test_a_cell_that_its_teachers_job_brought_to_a_record_is_not_run_again(cells, run, tmp_path):
    some = cells("seeds=[0,1]")

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            report(job, Report([some[0].id], publish(job, some[:1]), {}, 1))
            return "finished"
        assert read_report(job.folder, job.group.needs).ended == {some[0].id: "done"}
        report(job, Report([some[1].id], publish(job, some[1:]), {}, 1))
        return "finished"

    outcome, _ = run(some, Pretended(act))
    assert set(outcome.records) == {cell.id for cell in some}


def test_ctrl_c_leaves_the_jobs_in_the_queue_and_the_same_call_waits_for_them(cells, run, tmp_path, capsys):
    some = cells("seeds=[0,1]")
    cluster = Pretended(lambda job, id: "RUNNING")
    wait, turns = time.sleep, []

    def impatient(seconds: float) -> None:
        turns.append(seconds)
        if len(turns) == 3:
            raise KeyboardInterrupt

    launch.time.sleep = impatient
    try:
        outcome, seen = run(some, cluster)
    finally:
        launch.time.sleep = wait
    assert outcome.interrupted == some
    assert seen.results == {}  # none of them has stopped
    assert cluster.withdrawn == []
    assert "the same command waits for them again" in capsys.readouterr().err

    for id, job in cluster.jobs.items():
        cluster.states[id] = well(job, id)
    later = Pretended(well)
    later.states = dict.fromkeys(cluster.jobs, "RUNNING")
    later.finished = lambda id: True
    outcome, _ = run(some, later)
    assert later.jobs == {}
    assert [outcome.records[cell.id].status for cell in some] == ["done", "done"]


def test_jobs_that_left_the_queue_between_two_calls_are_submitted_anew(cells, run, tmp_path):
    some, folder = cells("seeds=[0,1]"), tmp_path / "smoke" / "jobs"
    folder.mkdir(parents=True)
    note = {"cluster": "slurm", "id": "77", "cells": [some[0].id], "teacher": "", "needs": ""}
    (folder / "old.job").write_text(json.dumps(note))
    outcome, _ = run(some, Pretended(well))
    assert len(outcome.records) == 2
    assert list(folder.glob("*.job")) == []


def test_the_time_limit_asks_running_jobs_to_stop_and_takes_the_others_from_the_queue(cells, run, tmp_path):
    some = cells("seeds=[0,1]")
    cluster = Pretended(lambda job, id: "RUNNING" if job.group.teacher else "PENDING")
    outcome, _ = run(some, cluster, deadline=time.monotonic())
    assert outcome.interrupted == some
    assert outcome.records == {}
    assert cluster.withdrawn == ["1", "2"]
    assert [job.group.name for job in cluster.jobs.values()] != []
    assert list((tmp_path / "smoke" / "jobs").glob("*.job")) == []


def test_a_record_that_is_late_on_a_slow_file_system_is_waited_for(cells, run, tmp_path, monkeypatch):
    (cell,) = cells("seeds=[9]")
    read, asked = Store.read, []

    def late(self: Store, id: str) -> Record | None:
        asked.append(id)
        return read(self, id) if len(asked) > 5 else None

    monkeypatch.setattr(Store, "read", late)
    outcome, _ = run([cell], Pretended(well))
    assert outcome.records[cell.id].status == "done"
    assert len(asked) > 5


def test_a_damaged_note_of_a_job_is_named(cells, run, tmp_path):
    folder = tmp_path / "smoke" / "jobs"
    folder.mkdir(parents=True)
    (folder / "old.job").write_text("{")
    with pytest.raises(BadInput, match=r"old\.job cannot be read"):
        run(cells("seeds=[0]"), Pretended(well))


STEP = {"cell": "x", "phase": "distill", "done": 3, "total": 40, "loss": 1.0, "per_second": 9.0}
REPORT = {"begun": ["x"], "ended": {"y": "done"}, "now": {"0": STEP}, "starts": 1, "left": False}
MALFORMED = {
    "no object": "[]",
    "an unknown key": json.dumps({**REPORT, "more": 1}),
    "cells begun that are a text": json.dumps({**REPORT, "begun": "x"}),
    "a status that is none": json.dumps({**REPORT, "ended": {"y": ["done"]}}),
    "statuses in a list": json.dumps({**REPORT, "ended": ["y"]}),
    "steps in a list": json.dumps({**REPORT, "now": [STEP]}),
    "a step that is a text": json.dumps({**REPORT, "now": {"0": "distill"}}),
    "a step without its cell": json.dumps({**REPORT, "now": {"0": {k: v for k, v in STEP.items() if k != "cell"}}}),
    "a step with more": json.dumps({**REPORT, "now": {"0": {**STEP, "more": 1}}}),
    "a cell that is a list": json.dumps({**REPORT, "now": {"0": {**STEP, "cell": ["x"]}}}),
    "a phase that is a number": json.dumps({**REPORT, "now": {"0": {**STEP, "phase": 3}}}),
    "steps that are a text": json.dumps({**REPORT, "now": {"0": {**STEP, "done": "3"}}}),
    "a loss that is null": json.dumps({**REPORT, "now": {"0": {**STEP, "loss": None}}}),
    "starts that are a text": json.dumps({**REPORT, "starts": "1"}),
    "left that is a number": json.dumps({**REPORT, "left": 1}),
    "deeper than anybody reads": "[" * 100_000,
}


def test_a_report_is_read_as_it_was_written(tmp_path):
    (tmp_path / "g.json").write_text(json.dumps(REPORT))
    assert read_report(tmp_path, "g") == Report(**REPORT)


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_report_counts_as_none(tmp_path, text):
    (tmp_path / "g.json").write_text(text)
    assert read_report(tmp_path, "g") == Report()


def test_a_malformed_report_does_not_end_the_launch_and_the_records_count(cells, run):
    (cell,) = cells("seeds=[5]")

    def act(job: Job, id: str) -> str:
        publish(job, [cell])
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / f"{job.group.name}.json").write_text(MALFORMED["a step without its cell"])
        return "FAILED"

    outcome, _ = run([cell], Pretended(act))
    assert outcome.records[cell.id].status == "done"


@pytest.mark.parametrize(
    "change", [{"id": 77}, {"id": "../77"}, {"cells": "x"}, {"cells": [["x"]]}, {"cluster": None}, {"needs": {}}]
)
def test_a_note_of_a_job_with_wrong_fields_is_named(cells, run, tmp_path, change):
    folder = tmp_path / "smoke" / "jobs"
    folder.mkdir(parents=True)
    note = {"cluster": "slurm", "id": "77", "cells": [], "teacher": "", "needs": ""}
    (folder / "old.job").write_text(json.dumps(note | change))
    with pytest.raises(BadInput, match=r"old\.job cannot be read \(no note of a job\)"):
        run(cells("seeds=[0]"), Pretended(well))
    (folder / "old.job").write_text("{}")
    with pytest.raises(BadInput, match=r"old\.job cannot be read \(no note of a job\)"):
        run(cells("seeds=[0]"), Pretended(well))


def test_a_cell_whose_folder_takes_no_record_costs_itself_only(cells, run, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "SLOW_FILES", 0.05)
    bad, good = cells("seeds=[0,1]")
    folder = tmp_path / "smoke" / "cells" / bad.id
    (folder / ".lock").mkdir(parents=True)

    def act(job: Job, id: str) -> str:
        if job.group.teacher:
            return well(job, id)
        ids = [cell.id for cell in job.group.cells]
        report(job, Report(ids, {bad.id: "failed"} | publish(job, [good]), {}, 1))
        return "finished"

    outcome, seen = run([bad, good], Pretended(act))
    assert seen.results == {good.id: "done", bad.id: "failed"}
    reason = outcome.records[bad.id].reason
    assert reason.startswith("its job 2 is over, and the record that it speaks of is not to be found. ")
    assert f"{folder} cannot be written" in reason


# --- what a user says ---


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("cloud",), "there is no launcher 'cloud'; choose local, local-jobs, slurm"),
        (("local", ("time=5",)), "time=5 is a setting for Slurm; choose the launcher slurm"),
        (("slurm", ("time",)), "'time' is not a setting for Slurm"),
        (("slurm", (), "0"), "'0' is not a number of cells per job"),
        (("slurm", (), "many"), "'many' is not a number of cells per job"),
    ],
)
def test_what_cannot_be_launched_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(BadInput, match=sentence):
        LaunchOptions(*given)


def test_jobs_with_gpus_run_on_them_although_this_machine_has_none():
    assert LaunchOptions("slurm", ("gpus_per_node=1",)).device("auto") == "cuda"
    assert LaunchOptions("slurm", ("gres=gpu:1",)).device("auto") == "cuda"
    assert LaunchOptions("slurm", ("partition=main",)).device("auto") == "auto"
    assert LaunchOptions("slurm", ("gpus_per_node=1",)).device("cpu") == "cpu"


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Put a program on the path that does what a line of shell says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def add(name: str, line: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)

    return add


def test_slurm_settings_reach_sbatch_and_defaults_fill_the_rest(cells, programs, tmp_path):
    programs("srun", "exit 0")
    programs("sbatch", f'cp "$1" {tmp_path}/script; echo Submitted batch job 12')
    wanted = LaunchOptions("slurm", ("partition=gpu", "mem=32GB", "time=600", "qos=low"))
    some = cells("seeds=[0,1]")
    cluster, jobs = make_cluster(wanted, tmp_path / "jobs", some, device="cuda", jobs="auto")
    assert jobs == "auto"
    made = [Job(Group(f"g{i}", (cell,)), tmp_path, tmp_path, "cuda", jobs) for i, cell in enumerate(some)]
    assert cluster.submit(made, after="7") == ["12_0", "12_1"]
    script = (tmp_path / "script").read_text().splitlines()
    for line in ("partition=gpu", "mem=32GB", "time=600", "qos=low", "gpus-per-node=1", "cpus-per-task=4", "requeue",
                 "dependency=afterany:7", "array=0-1%2"):  # fmt: skip
        assert f"#SBATCH --{line}" in script
    cluster.submit(made[:1], after="")
    assert "dependency" not in (tmp_path / "script").read_text()


def test_on_cpus_a_job_runs_as_many_cells_at_once_as_its_cores_take(cells, programs, tmp_path):
    programs("srun", "exit 0")
    programs("sbatch", "exit 0")
    for given, asked, expected in ((("cpus_per_task=8",), "auto", "8"), ((), "auto", "1"), ((), "3", "3")):
        _, jobs = make_cluster(LaunchOptions("slurm", given), tmp_path / "jobs", cells(), device="cpu", jobs=asked)
        assert jobs == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"partitoin": "gpu"}, "partition"),
        ({"time": "10:00:00"}, "time=10:00:00 is not a number of minutes"),
    ],
)
def test_a_slurm_setting_that_does_not_exist_is_refused_in_a_sentence(given, sentence, programs, tmp_path):
    programs("srun", "exit 0")
    programs("sbatch", "exit 0")
    with pytest.raises(BadInput, match=sentence):
        Slurm(tmp_path, given, {"time": 60})


def test_what_sbatch_refuses_is_passed_on(cells, programs, tmp_path):
    programs("srun", "exit 0")
    programs("sbatch", "echo 'sbatch: error: invalid partition specified: gpuu' >&2; exit 1")
    cluster = Slurm(tmp_path, {"partition": "gpuu"}, {"time": 60})
    with pytest.raises(BadInput, match="invalid partition specified: gpuu"):
        cluster.submit([Job(Group("g", tuple(cells())), tmp_path, tmp_path, "cpu", "1")], "")


def test_slurm_is_missed_where_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="needs sbatch"):
        Slurm(tmp_path, {}, {"time": 60})


def test_submitit_is_missed_where_it_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(BadInput, match=r"pip install 'single-datum-benchmark\[slurm\]'"):
        clusters._submitit()


def test_the_queue_is_asked_once_for_all_jobs_and_silence_is_not_an_answer(programs):
    programs("squeue", 'echo "12_0 RUNNING\n12_1 PENDING\n13 FAILED\n14_0 RUNNING"; echo "$@" >&2')
    assert queue_states(["12_0", "12_1", "13"]) == {"12_0": "RUNNING", "12_1": "PENDING", "13": "FAILED"}
    programs("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert queue_states(["12"]) == {}
    programs("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    assert queue_states(["12"]) is None
    assert queue_states([]) == {}


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ("srun: error: vm: task 0: Killed\nwarnings.warn('semaphores')\n", "srun: error: vm: task 0: Killed"),
        (f"ValueError: early\n{'x' * 5000}\nlast", "last"),
    ],
    ids=["empty", "the last line", "the last error", "of a long log only the end"],
)
def test_the_last_words_of_a_job_are_its_last_error_else_its_last_line(log, words, tmp_path):
    path = tmp_path / "log"
    path.write_text(log)
    assert clusters._last_line(path) == words
    assert clusters._last_line(tmp_path / "none") == ""


# --- real jobs, as processes of this machine ---


@pytest.mark.slow
def test_jobs_of_this_machine_are_killed_preempted_and_continued(quick, tmp_path):
    """One process is killed and costs its cell; another is preempted, is put back, and computes nothing twice."""
    command = [
        sys.executable, "-m", "benchmark", "run", "--target", "digits", "profile=smoke",
        *quick, "recipe.steps=600", "seeds=[0,1,2,3]", "--launcher", "local-jobs", "--cells-per-job", "2",
        "--jobs", "2", "--device", "cpu", "--results", str(tmp_path / "jobs"),
    ]  # fmt: skip
    folder = tmp_path / "jobs" / "smoke" / "jobs"
    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(command, stderr=log, stdout=log)
        try:
            killed, preempted = _two_at_work(folder, first)
            os.kill(_process_of(killed), signal.SIGKILL)
            os.kill(_process_of(preempted), signal.SIGUSR2)
            assert first.wait(500) == 1, (tmp_path / "log").read_text()
        finally:
            first.kill()
    store = Store(tmp_path / "jobs" / "smoke")
    found = [store.read(asked.id) for asked in store.requested_cells()]
    assert sorted(record.status for record in found) == ["done", "done", "done", "failed"]
    assert "died" in next(record.reason for record in found if record.status == "failed")
    reports = [read_report(folder, path.stem) for path in folder.glob("*.json")]
    assert sorted(report.starts for report in reports)[-1] == 2  # the preempted one

    before = {record.id: (store.cell(record.id) / "record.json").read_bytes() for record in found if not record.reason}
    assert subprocess.run(command, capture_output=True, timeout=500, check=False).returncode == 0
    assert {asked.id for asked in store.requested_cells() if store.read(asked.id).status == "done"} == {
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


def _two_at_work(folder: Path, run: subprocess.Popen[bytes]) -> tuple[dict[str, str], dict[str, str]]:
    """The notes of two jobs whose cells are being distilled."""
    until = time.monotonic() + 200
    while time.monotonic() < until and run.poll() is None:
        notes = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.job")}
        busy = [
            note
            for name, note in notes.items()
            if not note["teacher"]
            and any(step["phase"] == "distill" for step in read_report(folder, name).now.values())
        ]
        if len(busy) == 2:
            return busy[0], busy[1]
        time.sleep(0.1)
    raise AssertionError("two jobs never ran side by side")


def _process_of(note: dict[str, str]) -> int:
    """The task of a local job: its id is that of the process that controls it."""
    return int(Path(f"/proc/{note['id']}/task/{note['id']}/children").read_text().split()[0])
