"""How much of its machine a process may use: free memory as the kernel reports it, and cores, shared with others."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable

import pytest

from benchmark.launch import local as workers
from benchmark.launch.schedulers import Local
from benchmark.system import resources as machine
from benchmark.system.resources import free_memory, share_of_cores, share_of_memory, shared_by, sharing_processes

GIB = 1024**3
MEMINFO = """MemTotal:       134217728 kB
MemFree:         1048576 kB
MemAvailable:   104857600 kB
Buffers:          524288 kB
"""
V1, V2 = "9:name=systemd:/init\n4:cpu,memory:{}\n1:cpuset:/elsewhere\n0::/\n", "0::{}\n"


@pytest.fixture(autouse=True)
def system(tmp_path, monkeypatch) -> Callable[..., None]:
    """A machine with 100 GiB available, in no control group; called, it adds files below ``/proc`` or ``/sys``."""
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")

    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    write("proc/meminfo", MEMINFO)
    return write


@pytest.fixture
def v2(system) -> Callable[..., None]:
    def group(path: str, limit: int | str, use: int, active: int = 0, inactive: int = 0) -> None:
        system(f"groups/{path}/memory.max", f"{limit}\n")
        system(f"groups/{path}/memory.current", f"{use}\n")
        system(f"groups/{path}/memory.stat", f"anon 5\ninactive_file {inactive}\nactive_file {active}\nslab 7\n")

    return group


@pytest.fixture
def v1(system) -> Callable[..., None]:
    def group(path: str, limit: int, use: int, active: int = 0, inactive: int = 0) -> None:
        folder = f"groups/memory/{path}"
        system(f"{folder}/memory.limit_in_bytes", f"{limit}\n")
        system(f"{folder}/memory.usage_in_bytes", f"{use}\n")
        own = "active_file 1\ninactive_file 2\n"  # without the groups below it
        system(f"{folder}/memory.stat", f"{own}total_inactive_file {inactive}\ntotal_active_file {active}\n")

    return group


# --- memory ----------------------------------------------------------------------------------------------------


def test_what_the_system_calls_available_is_free():
    assert free_memory() == 100 * GIB


@pytest.mark.parametrize("meminfo", [None, "MemTotal: 134217728 kB\nMemFree: 1048576 kB\n"])
def test_a_system_that_does_not_tell_is_assumed_to_have_the_documented_amount(meminfo, system, tmp_path):
    (tmp_path / "proc" / "meminfo").unlink()
    if meminfo:
        system("proc/meminfo", meminfo)
    assert free_memory() == machine.ASSUMED_FREE == 8 * GIB


def test_a_limit_of_version_2_counts_at_any_height_and_cached_files_are_free(system, v2):
    system("proc/self/cgroup", V2.format("/slurm/job_7/step_0"))
    v2("slurm", "max", 90 * GIB)
    v2("slurm/job_7", 64 * GIB, 20 * GIB, active=3 * GIB, inactive=5 * GIB)
    v2("slurm/job_7/step_0", "max", 20 * GIB)
    v2("slurm/job_8", GIB, GIB)
    assert free_memory() == 52 * GIB
    v2("slurm/job_7/step_0", 30 * GIB, 10 * GIB, active=GIB)
    assert free_memory() == 21 * GIB


def test_a_limit_of_version_1_counts_at_any_height_and_cached_files_are_free(system, v1):
    system("proc/self/cgroup", V1.format("/slurm/job_7/step_0"))
    unlimited = 9223372036854771712
    v1("", unlimited, 90 * GIB)
    v1("slurm/job_7/step_0", unlimited, 20 * GIB)
    assert free_memory() == 100 * GIB
    v1("slurm/job_7", 64 * GIB, 20 * GIB, active=3 * GIB, inactive=5 * GIB)
    assert free_memory() == 52 * GIB


def test_in_a_container_that_sees_only_its_own_group_its_limit_counts(system, v1, v2):
    system("proc/self/cgroup", V1.format("/docker/0123abcd"))
    v1("", 16 * GIB, 6 * GIB)
    assert free_memory() == 10 * GIB
    system("proc/self/cgroup", V2.format("/../0123abcd"))
    v2("", 16 * GIB, 7 * GIB)
    assert free_memory() == 9 * GIB


def test_a_group_over_its_limit_leaves_nothing_and_one_without_files_does_not_count(system, v2):
    system("proc/self/cgroup", V2.format("/job"))
    v2("job", GIB, GIB + 4096)
    assert free_memory() == 0
    system("groups/job/memory.stat", "")
    assert free_memory() == 100 * GIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports available memory")
def test_this_machine_has_some_memory_free_and_not_more_than_there_is(monkeypatch):
    monkeypatch.undo()
    assert 0 < free_memory() < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


# --- shares ----------------------------------------------------------------------------------------------------


def test_a_single_process_may_use_everything(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 12)
    assert (sharing_processes(), share_of_cores(), share_of_memory()) == (1, 12, 100 * GIB)


def test_nested_shares_are_smaller_and_end_with_their_context(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 12)
    with shared_by(5):
        assert (share_of_cores(), share_of_memory()) == (2, 20 * GIB)
        with shared_by(4):
            assert (share_of_cores(), share_of_memory()) == (1, 5 * GIB)
        assert sharing_processes() == 5
    assert sharing_processes() == 1
    assert machine.VARIABLE not in os.environ


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process to cores")
def test_cores_are_those_that_this_process_is_bound_to():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert machine.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert machine.cores() == len(before)


def test_the_processes_of_a_torchrun_on_one_machine_share_it(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert sharing_processes() == 4


def test_worker_processes_know_how_many_they_are(tmp_path, monkeypatch):
    counts = []

    class Process:
        """Replaces a process; records what it would find when it starts."""

        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            counts.append(sharing_processes())

    context = multiprocessing.get_context("spawn")
    monkeypatch.setattr(context, "Process", Process)
    monkeypatch.setattr(workers.multiprocessing, "get_context", lambda name: context)
    workers._Pool(tmp_path, ["cpu"] * 3, None)
    assert counts == [3, 3, 3]
    assert sharing_processes() == 1


def test_jobs_that_run_on_this_machine_know_how_many_they_are(tmp_path):
    local = Local(tmp_path, 3)
    (job,) = local.submit([sharing_processes], "")
    assert local._jobs[job].result() == 3
    assert sharing_processes() == 1


def test_time_in_which_other_work_had_the_core_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "PROC", tmp_path)
    monkeypatch.setattr(machine.time, "monotonic", lambda: 50.0)
    assert machine.undisturbed_clock() == 50.0, "the system does not tell"
    (tmp_path / "thread-self").mkdir()
    for text, seconds in (("9000000000 1500000000 12\n", 48.5), ("", 50.0), ("a b c", 50.0)):
        (tmp_path / "thread-self" / "schedstat").write_text(text)
        assert machine.undisturbed_clock() == seconds


def test_devices_are_named_without_torch(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "PROC", tmp_path)
    monkeypatch.setattr(machine, "processor", lambda: "A CPU of 2 GHz")
    assert machine.device_name("cpu") == "A CPU of 2 GHz"
    assert machine.device_name("cuda") == "cuda"
    for number, model in enumerate(("NVIDIA B", "NVIDIA A", "NVIDIA B")):
        folder = tmp_path / "driver" / "nvidia" / "gpus" / f"0000:0{number}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 42\n")
    assert machine.device_name("cuda") == "NVIDIA A and NVIDIA B"
