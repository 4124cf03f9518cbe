"""``benchmark run``: what it prints, its exit codes, and how it deals with faults."""

from __future__ import annotations

import errno
import io
import json
import os
import sys

import pytest

from benchmark.cli import run as running
from benchmark.launch.progress import Outcome
from benchmark.records.store import Store


def test_done_and_no_data_exit_0_write_leaderboards_and_say_how_to_get_the_data(benchmark, inline, small, tmp_path):
    ended = benchmark("run", "--results", tmp_path, "--root", tmp_path / "empty", *small)
    assert ended.code == 0, ended.err
    assert len(inline.ran) == 1
    assert "no data: cifar10: absent" in ended.err
    assert "benchmark data fetch cifar10" in ended.err
    for suffix in ("csv", "tex", "md", "html", "json"):
        path = tmp_path / "small" / f"leaderboard.{suffix}"
        assert path.stat().st_size > 100
        assert str(path.resolve()) in ended.out
    rows = {row["target"]: row for row in json.loads((tmp_path / "small" / "leaderboard.json").read_text())["rows"]}
    assert rows["digits"]["status"] == "done"
    assert rows["cifar10"]["status"] == "no data"
    assert "benchmark data fetch cifar10" in rows["cifar10"]["reason"]
    assert rows["cifar10"]["top1"] is None


@pytest.mark.parametrize("target", ["cifar10", "imagenet"])
def test_the_place_of_data_is_in_full_on_screen_and_below_root_in_the_leaderboard(benchmark, tmp_path, target):
    root = tmp_path / "no data"
    ended = benchmark("run", "--target", target, "--results", tmp_path, "--root", root, "profile=small")
    folder = {"cifar10": "cifar10/{train,test}/CLASS/.", "imagenet": "imagenet/train/WNID/, and ILSVRC2012_img_val.tar"}
    assert f"into {root}/{folder[target]}" in ended.err
    (row,) = json.loads((tmp_path / "small" / "leaderboard.json").read_text())["rows"]
    assert f"into ROOT/{folder[target]}" in row["reason"]
    assert str(tmp_path) not in row["reason"]


def test_a_run_ends_with_how_to_look_at_a_cell_and_where_the_ids_are(benchmark, inline, small, finished):
    ended = benchmark("run", "--results", finished, "--root", finished / "empty", *small)
    said = dict(line.split(": ", 1) for line in ended.out.splitlines() if line.startswith(("look at", "ids of")))
    why = said["look at a cell"].partition(" (")[0].split()
    assert why[:2] == ["benchmark", "why"]
    assert benchmark(*why[1:]).out.startswith(f"{why[2]}: done")
    shown = benchmark(*said["ids of all cells"].split()[1:]).out
    assert f"| digits | photo.png | {why[2].replace('_', chr(92) + '_')} |" in shown


def test_a_run_without_a_result_names_no_cell(benchmark, inline, tmp_path):
    ended = benchmark(
        "run", "--target", "cifar10", "--results", tmp_path, "--root", tmp_path / "empty", "profile=small"
    )
    assert "look at a cell" not in ended.out


def test_a_second_run_computes_nothing_and_changes_no_leaderboard(benchmark, inline, small, finished):
    again = ("run", "--results", finished, "--root", finished / "empty", *small)
    before = {path: path.read_bytes() for path in (finished / "small").glob("leaderboard.*")}
    records = {path: path.stat().st_mtime_ns for path in finished.rglob("digits*/record.json")}
    inline.ran.clear()
    ended = benchmark(*again)
    assert ended.code == 0
    assert inline.ran == []
    assert "0 to run" in ended.err
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in records} == records


def test_a_run_on_stand_ins_says_that_the_data_that_were_given_are_not_read(benchmark, inline, small, tmp_path):
    ended = benchmark("run", "--results", tmp_path, "--root", tmp_path, *small, "profile=smoke")
    assert f"the profile smoke runs cifar10 on generated stand-ins, so the data in {tmp_path} are not read" in ended.err


def test_only_no_data_exits_3(benchmark, inline, tmp_path):
    ended = benchmark(
        "run", "--target", "cifar10", "--results", tmp_path, "--root", tmp_path / "empty", "profile=small"
    )
    assert ended.code == 3
    assert "no data: cifar10" in ended.err
    assert inline.ran == []


def test_a_failed_cell_exits_1_and_is_named_with_its_reason(benchmark, inline, small, tmp_path):
    text = tmp_path / "letter.jpg"
    text.write_text("Dear Sir or Madam")
    ended = benchmark(
        "run", "--results", tmp_path, *small, "--target", "digits", f"source.image={text}", "--exclude", "cifar10"
    )
    assert ended.code == 1
    assert "failed: digits-letter.jpg-s0-" in ended.err
    assert "is not an image that can be read" in ended.err


def test_the_time_limit_stops_cleanly_and_the_next_call_continues(benchmark, inline, small, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small, "recipe.steps=200")
    ended = benchmark(*words, "--max-time", "0.001s")
    assert ended.code == 4
    assert "stopped after" in ended.err
    assert "the same command continues" in ended.err
    assert "to go" in ended.err
    assert inline.ran == []
    assert benchmark(*words).code == 0
    assert len(inline.ran) == 1


# --- faults ----------------------------------------------------------------------------------------------------


def test_a_damaged_record_costs_its_own_cell_even_if_that_is_stopped(benchmark, inline, small, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert benchmark(*words).code == 0
    (record,) = tmp_path.rglob("record.json")
    whole = json.loads(record.read_text())
    record.write_text("{")
    assert benchmark(*words, "--max-time", "0.001s").code == 4
    assert benchmark(*words).code == 0
    assert json.loads(record.read_text())["metrics"] == whole["metrics"]


def test_a_cell_that_is_done_in_a_folder_that_cannot_be_written_is_done(benchmark, block, inline, small, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert benchmark(*words).code == 0
    (record,) = tmp_path.rglob("record.json")
    block(record.parent)
    inline.ran.clear()
    ended = benchmark(*words, "seeds=[0,1]")
    assert ended.code == 0, ended.err
    assert len(inline.ran) == 1


def test_absent_data_that_cannot_be_recorded_are_reported_and_cost_no_other_cell(
    benchmark, block, inline, small, tmp_path
):
    words = ("--results", tmp_path, "--root", tmp_path / "empty", *small)
    cells = json.loads(benchmark("plan", *words, "--format", "json").out)
    (absent,) = (row["cell"] for row in cells if row["state"] == "no data")
    block(tmp_path / "small" / "cells" / absent)
    ended = benchmark("run", *words)
    assert ended.code == 1
    assert f"failed: {absent}: absent" in ended.err
    assert f"This could not be recorded: {tmp_path}/small/cells/{absent} cannot be written" in ended.err
    assert len(inline.ran) == 1


def test_absent_data_that_another_user_has_recorded_need_no_second_record(benchmark, block, inline, tmp_path):
    words = ("run", "--target", "cifar10", "--results", tmp_path, "--root", tmp_path / "empty", "profile=small")
    assert benchmark(*words).code == 3
    (record,) = tmp_path.rglob("record.json")
    block(record.parent)
    assert benchmark(*words).code == 3


def test_a_failure_without_a_record_on_disk_is_reported_and_changes_the_exit_code(
    benchmark, small, tmp_path, monkeypatch
):
    def refused(cells, results, *, devices, display, stop) -> Outcome:
        (cell,) = cells
        return Outcome({cell.id: cell.record("failed", f"{results} cannot be written.", provenance={})})

    monkeypatch.setattr("benchmark.cli.run.run_cells", refused)
    ended = benchmark("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert ended.code == 1
    assert f": {tmp_path}/small cannot be written." in ended.err
    assert "failed: digits-" in ended.err


def test_a_full_disk_and_a_closed_pipe_under_the_output_change_no_exit_code(
    benchmark, inline, small, tmp_path, monkeypatch
):
    class Lost(io.StringIO):
        def __init__(self, error: int) -> None:
            super().__init__()
            self.error = error

        def write(self, text: str) -> int:
            raise OSError(self.error, os.strerror(self.error))

    for error in (errno.ENOSPC, errno.EPIPE):
        for path in tmp_path.glob("small/leaderboard.*"):
            path.unlink()
        with monkeypatch.context() as lost:
            lost.setattr(sys, "stdout", Lost(error))
            lost.setattr(sys, "stderr", Lost(error))
            code = benchmark("run", "--results", tmp_path, "--root", tmp_path / "empty", *small).code
        assert code == 0
        assert len(list(tmp_path.glob("small/leaderboard.*"))) == 5


def test_a_run_with_nothing_to_do_reads_a_record_for_the_plan_and_for_the_one_table(
    benchmark, inline, small, finished, monkeypatch
):
    read, tables = [], []
    real_read, real_table = Store.read, running.leaderboard
    monkeypatch.setattr(Store, "read", lambda self, id: read.append(id) or real_read(self, id))
    monkeypatch.setattr(running, "leaderboard", lambda *given: tables.append(given) or real_table(*given))
    assert benchmark("run", "--results", finished, "--root", finished / "empty", *small).code == 0
    assert len([id for id in read if id.startswith("digits")]) == 2
    assert len(tables) == 1
