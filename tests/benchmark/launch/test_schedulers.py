"""Slurm through fake programs on the path: settings, refusals, the queue and the words of an error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from benchmark.launch.groups import LaunchOptions, make_cluster
from benchmark.launch.jobs import Group, Job
from benchmark.launch.schedulers import Slurm, import_submitit, last_log_line, queue_states
from modalities.errors import BadInput


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Put a program on the path that runs a line of shell."""
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
    options = LaunchOptions("slurm", ("partition=gpu", "mem=32GB", "time=600", "qos=low"), device="cuda")
    some = cells("seeds=[0,1]")
    cluster, jobs = make_cluster(options, tmp_path / "jobs", some)
    assert jobs == "auto"
    made = [Job(Group(f"g{i}", (cell,)), tmp_path, tmp_path, "cuda", jobs) for i, cell in enumerate(some)]
    assert cluster.submit(made, after="7") == ["12_0", "12_1"]
    script = (tmp_path / "script").read_text().splitlines()
    for line in ("partition=gpu", "mem=32GB", "time=600", "qos=low", "gpus-per-node=1", "cpus-per-task=4", "requeue",
                 "dependency=afterany:7", "array=0-1%2"):  # fmt: skip
        assert f"#SBATCH --{line}" in script
    cluster.submit(made[:1], after="")
    assert "dependency" not in (tmp_path / "script").read_text()


def test_on_cpus_a_job_runs_as_many_cells_at_once_as_fit_its_cores(cells, programs, tmp_path):
    programs("srun", "exit 0")
    programs("sbatch", "exit 0")
    for given, option, expected in ((("cpus_per_task=8",), "auto", "8"), ((), "auto", "1"), ((), "3", "3")):
        options = LaunchOptions("slurm", given, device="cpu", jobs=option)
        _, jobs = make_cluster(options, tmp_path / "jobs", cells())
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


def test_the_message_of_sbatch_is_passed_on(cells, programs, tmp_path):
    programs("srun", "exit 0")
    programs("sbatch", "echo 'sbatch: error: invalid partition specified: gpuu' >&2; exit 1")
    cluster = Slurm(tmp_path, {"partition": "gpuu"}, {"time": 60})
    with pytest.raises(BadInput, match="invalid partition specified: gpuu"):
        cluster.submit([Job(Group("g", tuple(cells())), tmp_path, tmp_path, "cpu", "1")], "")


def test_without_slurm_the_launcher_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="sbatch is not on this machine"):
        Slurm(tmp_path, {}, {"time": 60})


def test_without_submitit_the_launcher_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(BadInput, match=r"pip install 'single-datum-benchmark\[slurm\]'"):
        import_submitit()


def test_one_squeue_answers_for_all_jobs_and_none_means_unknown(programs):
    programs("squeue", 'echo "12_0 RUNNING\n12_1 PENDING\n13 FAILED\n14_0 RUNNING"; echo "$@" >&2')
    assert queue_states(["12_0", "12_1", "13"]) == {"12_0": "RUNNING", "12_1": "PENDING", "13": "FAILED"}
    programs("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert queue_states(["12"]) == {}
    programs("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    assert queue_states(["12"]) is None
    assert queue_states([]) == {}


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ("srun: error: vm: task 0: Killed\nwarnings.warn('semaphores')\n", "srun: error: vm: task 0: Killed"),
        (f"ValueError: early\n{'x' * 5000}\nlast", "last"),
    ],
    ids=["empty", "the last line", "the last error", "of a long log only the end"],
)
def test_the_last_log_line_is_the_last_error_else_the_last_line(log, line, tmp_path):
    path = tmp_path / "log"
    path.write_text(log)
    assert last_log_line(path) == line
    assert last_log_line(tmp_path / "none") == ""
