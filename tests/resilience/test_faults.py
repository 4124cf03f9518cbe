"""Faults of disks, decoders, plug-ins and schedulers cost their own cell, and the exit code tells."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from torch import nn

import killing
from benchmark.data.locate import STAND_IN_SEED, DataLocation
from benchmark.planning.cell import Cell
from benchmark.records.store import Store
from benchmark.running.failures import note_failure
from benchmark.running.networks import save_weights
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress
from doubles import OnPhase
from killing import cells_of, settings_of
from modalities import registry
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import do_not_wait

BRIEF = ("teacher.training.steps=20", "recipe.steps=20", "recipe.batch=8")
SUPPORT = Path(killing.__file__).parent  # where the faulty targets are
MAIN = [sys.executable, "-c", "from benchmark.cli.app import main; main()"]


@pytest.fixture
def cell(tmp_path) -> Cell:
    (found,) = cells_of("image", tmp_path, *BRIEF)
    return found


# --- disks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of three megabytes (a tmpfs, which takes a superuser to mount)."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path, leave: int) -> Path:
    """A file that leaves only ``leave`` bytes of a disk free."""
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * max(0, shutil.disk_usage(folder).free - leave))
    return ballast


def test_a_full_disk_is_a_row_and_a_smaller_cell_on_it_is_done(cell, tmp_path, disk, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CHECKPOINT_SECONDS", "0")
    (large,) = cells_of("image", tmp_path, *BRIEF, "recipe.steps=40")
    large = replace(large, id="digits-large-s0-0")
    student = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 1000), nn.Linear(1000, 10))  # 9 MB a checkpoint
    store = Store(disk)
    record = run_cell(large, store, device="cpu", callback=IgnoreProgress(), student=student)
    assert (record.status, record.traceback) == ("failed", "")
    assert "cannot be written (No space left on device)" in record.reason
    assert store.read(large.id).status == "failed"
    assert run_cell(cell, store, device="cpu", callback=IgnoreProgress()).status == "done"


def test_a_disk_that_fills_up_before_the_last_write_leaves_a_row_where_a_row_fits(cell, disk):
    ballast: list[Path] = []
    callback = OnPhase("write", lambda: ballast.append(fill(disk, leave=14_000)))
    record = run_cell(cell, Store(disk), device="cpu", callback=callback)
    assert record.status == "failed"
    assert "cannot be written (No space left on device)" in record.reason
    assert record.metrics == {}
    ballast[0].unlink()
    assert run_cell(cell, Store(disk), device="cpu", callback=IgnoreProgress()).status == "done"


def test_a_disk_on_which_nothing_fits_ends_the_run_with_one_sentence(cell, disk):
    ballast: list[Path] = []
    with pytest.raises(BadInput, match=r"cannot be written \(No space left on device\); free it"):
        run_cell(
            cell, Store(disk), device="cpu", callback=OnPhase("write", lambda: ballast.append(fill(disk, leave=0)))
        )
    ballast[0].unlink()
    assert Store(disk).read(cell.id) is None
    assert run_cell(cell, Store(disk), device="cpu", callback=IgnoreProgress()).status == "done"


def test_a_disk_that_takes_not_even_a_row_of_a_dead_workers_cell_ends_the_run_with_one_sentence(cell, disk):
    store = Store(disk)
    store.check_writable()
    fill(disk, leave=0)
    with pytest.raises(BadInput, match=r"cannot be written \(No space left on device\); free it"):
        note_failure(cell, store, "its worker died.", device="cpu", expected_stamp="", waiting=do_not_wait)


def test_a_read_only_folder_is_refused_before_the_first_step(disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(BadInput, match="Read-only file system"):
        Store(disk).check_writable()


def test_a_disk_that_turns_read_only_costs_what_is_not_yet_written_and_no_more(cell, tmp_path, monkeypatch):
    """No disk turns read-only while a file on it is open for writing, unless it breaks: so opening is made to fail."""
    opened = Path.open

    def refuses(path: Path, mode: str = "r", *rest, **more):
        if "x" in mode or "w" in mode:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opened(path, mode, *rest, **more)

    with monkeypatch.context() as broken:
        callback = OnPhase("distill", lambda: broken.setattr(Path, "open", refuses))
        with pytest.raises(BadInput, match=r"cannot be written \(Read-only file system\)"):
            run_cell(cell, Store(tmp_path), device="cpu", callback=callback)
    phases: list[str] = []
    callback = IgnoreProgress()
    callback.phase = phases.append
    assert run_cell(cell, Store(tmp_path), device="cpu", callback=callback).status == "done"
    assert "teacher: train" not in phases, "the teacher was saved"


def test_a_write_that_is_cut_short_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic_write(path, "old")

    def fails(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(BadInput, match="Input/output error"):
        atomic_write(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_a_data_root_that_vanishes_after_the_plan_is_a_row(tmp_path):
    root = tmp_path / "data"
    adapter = registry.target("cifar10")
    adapter.write_sample(root, STAND_IN_SEED)
    (digits,) = cells_of("image", tmp_path)
    place = DataLocation("real", root, "0 files", ready=True)
    key = replace(digits.key, target="cifar10")
    here = replace(digits, key=key, data=place, id="cifar10-picture-s0-0", teacher_key="cifar10-t")
    callback = OnPhase("teacher: data", lambda: shutil.rmtree(root))
    store = Store(tmp_path / "results")
    run_cell(here, store, device="cpu", callback=callback)
    record = store.read(here.id)
    assert (record.status, record.traceback) == ("failed", "")
    assert "there are no images of cifar10 below" in record.reason
    assert str(tmp_path) not in record.reason, "no folder of this machine in a record"


def test_a_teacher_that_diverges_is_a_row(tmp_path):
    settings = ("teacher.training.lr=1e30", "teacher.training.optimiser=sgd", "teacher.training.schedule=constant")
    (diverging,) = cells_of("image", tmp_path, *settings)
    record = run_cell(diverging, Store(tmp_path), device="cpu", callback=IgnoreProgress())
    assert record.status == "diverged"
    assert "distill" not in record.seconds


def test_weights_are_whole_or_absent(tmp_path, monkeypatch):
    """A kill while weights are written leaves no half file under their name."""
    path = tmp_path / "student.safetensors"
    save_weights(nn.Linear(300, 300), path)
    before = path.read_bytes()

    def dies(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", dies)
    with pytest.raises(KeyboardInterrupt):
        save_weights(nn.Linear(300, 300), path)
    assert path.read_bytes() == before


# --- through the real command line -----------------------------------------------------------------------------


@pytest.fixture
def plugged(tmp_path) -> dict[str, str]:
    """Variables under which the faulty targets are installed plug-ins."""
    names = ("crashes", "segfaults", "vanishes", "starves")
    folder = tmp_path / "site" / "faulty-1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    points = "".join(f"{name} = faulty_targets:{name.upper()}\n" for name in names)
    broken = "digits_broken = a_module_that_is_not_there:TARGET\n"
    (folder / "entry_points.txt").write_text(f"[benchmark.targets]\n{points}{broken}")
    path = os.pathsep.join([str(tmp_path / "site"), str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


@pytest.mark.slow
def test_every_fault_is_a_row_of_its_own_and_the_other_cells_finish(tmp_path, plugged):
    words = ["run", "--target", "crashes,segfaults,vanishes,starves,digits", "--jobs", "2"]
    words += ["--results", str(tmp_path / "r"), *settings_of("image", tmp_path)]
    done = subprocess.run([*MAIN, *words], env=plugged, capture_output=True, text=True, timeout=500)
    assert done.returncode == 1, done.stderr
    rows = json.loads((tmp_path / "r" / "smoke" / "leaderboard.json").read_text())["rows"]
    found = {row["target"]: (row["status"], row["reason"]) for row in rows}
    assert found["digits"] == ("done", "")
    assert {name: status for name, (status, _) in found.items() if name != "digits"} == {
        "crashes": "failed", "segfaults": "failed", "vanishes": "failed", "starves": "out of memory",
    }  # fmt: skip
    assert "ValueError: unexpected marker 0x7f" in found["crashes"][1]
    assert "died (signal 11)" in found["segfaults"][1]
    assert "No such file or directory" in found["vanishes"][1]
    for name in ("crashes", "segfaults", "vanishes", "starves"):
        assert f": {name}-" in done.stderr, "each is named at the end"
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_plug_in_that_breaks_at_import_leaves_the_others_and_shows_in_the_exit_code(tmp_path, plugged):
    base = ["run", "--jobs", "1", *settings_of("image", tmp_path)]
    done = subprocess.run(
        [*MAIN, *base, "--target", "digits*", "--results", str(tmp_path / "r")],
        env=plugged,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 1, done.stderr
    assert "failed: digits_broken: the plug-in target 'digits_broken'" in done.stderr
    rows = json.loads((tmp_path / "r" / "smoke" / "leaderboard.json").read_text())["rows"]
    assert [(row["target"], row["status"]) for row in rows] == [("digits", "done")]


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["a reader that left", "a full disk"])
def test_a_run_whose_log_cannot_be_written_ends_with_every_record_and_exit_code_0(tmp_path, request, lost):
    words = ["run", "--target", "digits", "--jobs", "1", "--results", str(tmp_path / "r"), "seeds=[0,1]"]
    command = [*MAIN, *words, *settings_of("image", tmp_path)]
    with contextlib.ExitStack() as stack:
        error: int | BinaryIO = subprocess.PIPE
        if lost == "a full disk":
            disk = request.getfixturevalue("disk")
            error = stack.enter_context((disk / "log").open("wb"))
            fill(disk, leave=0)
        process = stack.enter_context(subprocess.Popen(command, stderr=error, stdout=subprocess.DEVNULL))
        stack.callback(process.kill)
        if process.stderr:
            while b"start " not in process.stderr.readline():
                pass
            process.stderr.close()
        assert process.wait(timeout=300) == 0
    assert len(list(tmp_path.glob("r/smoke/cells/*/record.json"))) == 2
    rows = json.loads((tmp_path / "r" / "smoke" / "leaderboard.json").read_text())["rows"]
    assert [(row["status"], row["seeds"]) for row in rows] == [("done", "2")]


@pytest.mark.slow
@pytest.mark.parametrize("receiver", ["the run", "the group"])
def test_a_schedulers_sigterm_leaves_a_checkpoint_and_exit_code_4(tmp_path, receiver, capsys):
    words = [
        "run",
        "--target",
        "digits",
        "--jobs",
        "1",
        "--results",
        str(tmp_path / "r"),
        *settings_of("image", tmp_path),
    ]
    words += ["recipe.steps=1000000", "recipe.batch=512"]
    process = subprocess.Popen(
        [*MAIN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "distill" in line:
                break
        asked = time.monotonic()
        (os.kill if receiver == "the run" else os.killpg)(process.pid, signal.SIGTERM)
        _, rest = process.communicate(timeout=100)
        seconds = time.monotonic() - asked
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 4, "".join(lines) + rest
    (checkpoint,) = tmp_path.glob("r/smoke/cells/*/attempt/student-*.ckpt")
    with capsys.disabled():
        print(f"\nSIGTERM to {receiver}: left after {seconds:.1f} s with {checkpoint.name}")
    assert "the same command continues" in rest
    assert not list(tmp_path.glob("r/smoke/cells/*/record.json"))
