"""The command line: what each verb prints, its exit codes, and that it starts quickly and stops cleanly."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from benchmark.cli import app as cli
from benchmark.cli import run as run_verb
from benchmark.launch.progress import Outcome
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnorePhases, Interrupted
from modalities import registry

VERBS = [command.name or command.callback.__name__ for command in cli.app.registered_commands]


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def benchmark(capfd, monkeypatch) -> Callable[..., Said]:
    """Call the command line in this process."""

    def call(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capfd.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call


class Inline:
    """Runs cells in this process, so that a test need not wait for workers to start."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def __call__(self, cells, results, *, devices, display, stop) -> Outcome:
        outcome, store = Outcome(), Store(results)
        for cell in cells:
            callback = IgnorePhases()
            callback.should_stop = stop
            display.started(0, cell)
            try:
                outcome.records[cell.id] = run_cell(cell, store, device="cpu", callback=callback)
                self.ran.append(cell.id)
            except Interrupted:
                outcome.interrupted.append(cell)
            display.ended(0, cell, outcome.records.get(cell.id))
        return outcome


@pytest.fixture
def inline(monkeypatch) -> Inline:
    made = Inline()
    monkeypatch.setattr(run_verb, "run_cells", made)
    return made


@pytest.fixture(scope="module")
def small(quick) -> tuple[str, ...]:
    """The digits and CIFAR-10 under ``small``, on which only the digits have data; as little work as can be."""
    networks = ("teacher.network=cnn-8", "student.network=cnn-8", "teacher.times_chance=1", "threads=1")
    return ("--target", "digits,cifar10", "--device", "cpu", *quick, *networks, "profile=small")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def finished(benchmark, inline, small, results) -> Path:
    """Results in which the digits are done; the first test that asks for them waits."""
    if not (results / "small" / "leaderboard.json").exists():
        assert benchmark("run", "--results", results, "--root", results / "empty", *small).code == 0
    return results


# --- run -------------------------------------------------------------------------------------------------------


def test_done_beside_no_data_exits_0_writes_leaderboards_and_says_how_to_get_the_data(
    benchmark, inline, small, tmp_path
):
    said = benchmark("run", "--results", tmp_path, "--root", tmp_path / "empty", *small)
    assert said.code == 0, said.err
    assert len(inline.ran) == 1
    assert "no data: cifar10: absent" in said.err
    assert "benchmark data fetch cifar10" in said.err
    for suffix in ("csv", "tex", "md", "html", "json"):
        path = tmp_path / "small" / f"leaderboard.{suffix}"
        assert path.stat().st_size > 100
        assert str(path.resolve()) in said.out
    rows = {row["target"]: row for row in json.loads((tmp_path / "small" / "leaderboard.json").read_text())["rows"]}
    assert rows["digits"]["status"] == "done"
    assert rows["cifar10"]["status"] == "no data"
    assert "benchmark data fetch cifar10" in rows["cifar10"]["reason"]
    assert rows["cifar10"]["top1"] is None


@pytest.mark.parametrize("target", ["cifar10", "imagenet"])
def test_where_data_belong_is_said_in_full_on_screen_and_below_root_in_the_leaderboard(benchmark, tmp_path, target):
    root = tmp_path / "no data"
    said = benchmark("run", "--target", target, "--results", tmp_path, "--root", root, "profile=small")
    folder = {"cifar10": "cifar10/{train,test}/CLASS/.", "imagenet": "imagenet/train/WNID/, ILSVRC2012_img_val.tar"}
    assert f"into {root}/{folder[target]}" in said.err
    (row,) = json.loads((tmp_path / "small" / "leaderboard.json").read_text())["rows"]
    assert f"into ROOT/{folder[target]}" in row["reason"]
    assert str(tmp_path) not in row["reason"]


def test_a_second_run_computes_nothing_and_changes_no_leaderboard(benchmark, inline, small, finished):
    again = ("run", "--results", finished, "--root", finished / "empty", *small)
    before = {path: path.read_bytes() for path in (finished / "small").glob("leaderboard.*")}
    records = {path: path.stat().st_mtime_ns for path in finished.rglob("digits*/record.json")}
    inline.ran.clear()
    said = benchmark(*again)
    assert said.code == 0
    assert inline.ran == []
    assert "0 to run" in said.err
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in records} == records


def test_only_no_data_exits_3(benchmark, inline, tmp_path):
    said = benchmark("run", "--target", "cifar10", "--results", tmp_path, "--root", tmp_path / "empty", "profile=small")
    assert said.code == 3
    assert "no data: cifar10" in said.err
    assert inline.ran == []


def test_a_failed_cell_exits_1_and_is_named_with_its_reason(benchmark, inline, small, tmp_path):
    text = tmp_path / "letter.jpg"
    text.write_text("Dear Sir or Madam")
    said = benchmark(
        "run", "--results", tmp_path, *small, "--target", "digits", f"source.image={text}", "--exclude", "cifar10"
    )
    assert said.code == 1
    assert "failed: digits-letter.jpg-s0-" in said.err
    assert "is not an image that can be read" in said.err


def test_the_time_limit_stops_in_good_order_and_the_next_call_continues(benchmark, inline, small, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small, "recipe.steps=200")
    said = benchmark(*words, "--max-time", "0.001s")
    assert said.code == 4
    assert "stopped after" in said.err
    assert "the same command continues" in said.err
    assert "to go" in said.err
    assert inline.ran == []
    assert benchmark(*words).code == 0
    assert len(inline.ran) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--suite", "al"), "did you mean all"),
        (("run", "--target", "digit"), "did you mean digits?"),
        (("run", "--modality", "sound"), "there is no modality named 'sound'"),
        (("run", "recipe.step=4"), "did you mean recipe.steps"),
        (("run", "--target", "digits", "recipe.steps=many"), "'recipe.steps=many' is refused"),
        (("run", "profile=tiny"), "there is no profile named 'tiny'"),
        (("run", "--target", "digits", "steps"), "settings look like recipe.temperature=4"),
        (("run", "--max-time", "soon", "--target", "digits"), "write 90s, 30m or 2h"),
        (("run", "--max-time", "0s", "--target", "digits"), "write 90s, 30m or 2h"),
        (("run", "--device", "tpu"), "choose auto, cpu, cuda or cuda:N (--device)."),
        (("run", "--device", "cuda:99"), "the device cuda:99 does not exist"),
        (("run", "--device", "cuda:99", "--launcher", "local-jobs"), "the device cuda:99 does not exist"),
        (("perf", "--device", "cuda:99"), "the device cuda:99 does not exist"),
        (
            ("run", "--target", "digits", "--device", "cuda:99", "--launcher", "slurm", "--jobs", "no"),
            "'no' is not a number of jobs",
        ),
        (("run", "--jobs", "none", "--target", "digits"), "give auto or a number from 1 up"),
        (
            ("plan", "--jobs", "0", "--target", "digits"),
            "'0' is not a number of jobs; give auto or a number from 1 up (--jobs N).",
        ),
        (
            ("plan", "--jobs", "0", "--target", "digits", "--format", "json"),
            "'0' is not a number of jobs; give auto or a number from 1 up (--jobs N).",
        ),
        (("list", "target"), "did you mean targets?"),
        (("table", "--format", "xls"), "--format xls is not known; choose csv, latex"),
        (("preview", "sound"), "there is no modality named 'sound'"),
        (("preview", "image", "--target", "fsdd"), "fsdd is no image target"),
        (("table", "--results", "nowhere"), "or choose another folder (--results DIR)."),
    ],
)
def test_wrong_usage_exits_2_with_one_sentence(benchmark, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    ended = benchmark(*words)
    assert ended.code == 2
    assert ended.err.startswith("benchmark: ")
    assert ended.err.count("\n") == 1
    assert said in ended.err
    assert ended.out == ""


def test_an_option_or_a_verb_that_does_not_exist_exits_2(benchmark):
    assert benchmark("run", "--frobnicate").code == 2
    assert benchmark("rnu").code == 2


# --- stopping --------------------------------------------------------------------------------------------------


def started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("benchmark")), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True,
    )  # fmt: skip


def lines_until(process: subprocess.Popen[str], word: str) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if word in line:
            return


@pytest.mark.parametrize("moment", [pytest.param("start ", marks=pytest.mark.slow), "distill"])
def test_ctrl_c_leaves_no_process_and_says_how_to_go_on(small, tmp_path, moment):
    words = ["run", "--results", "out", "--exclude", "cifar10", *small, "recipe.steps=1000000"]
    process = started(words, tmp_path)
    try:
        seen = list(lines_until(process, moment))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody gets it
        _, err = process.communicate(timeout=100)
        said = "".join(seen) + err
        assert process.returncode == 4, said
        assert "stopping: running cells write a checkpoint first" in said
        assert "the same command continues" in said
        assert "Traceback" not in said
        if moment == "distill":
            assert list(tmp_path.glob("out/small/cells/*/attempt/student-*.ckpt"))
        assert not list(tmp_path.glob("out/small/cells/*/record.json"))
        for _ in range(100):  # the resource tracker of the workers leaves a moment later
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("a process is left behind")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_a_second_ctrl_c_stops_at_once_and_says_that_nothing_is_lost(benchmark, small, tmp_path, monkeypatch, request):
    def impatient(*given: object, **more: object) -> Outcome:
        for _ in "ab":
            os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one is heard at once")

    monkeypatch.setattr(run_verb, "run_cells", impatient)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start its children deaf
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    said = benchmark("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert said.code == 4
    assert "stopped at once; the same command continues from the last checkpoints." in said.err
    assert "Traceback" not in said.err
    with pytest.raises(KeyboardInterrupt):  # afterwards, a Ctrl-C means what it meant before
        os.kill(os.getpid(), signal.SIGINT)


def test_a_damaged_record_costs_its_own_cell_even_if_that_is_stopped(benchmark, inline, small, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert benchmark(*words).code == 0
    (record,) = tmp_path.rglob("record.json")
    whole = json.loads(record.read_text())
    record.write_text("{")
    assert benchmark(*words, "--max-time", "0.001s").code == 4
    assert benchmark(*words).code == 0
    assert json.loads(record.read_text())["metrics"] == whole["metrics"]


def block(folder: Path) -> None:
    """What a folder of another user is to a run: its lock cannot be taken."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").mkdir()


def test_a_cell_that_is_done_in_a_folder_that_cannot_be_written_is_done(benchmark, inline, small, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert benchmark(*words).code == 0
    (record,) = tmp_path.rglob("record.json")
    block(record.parent)
    inline.ran.clear()
    said = benchmark(*words, "seeds=[0,1]")
    assert said.code == 0, said.err
    assert len(inline.ran) == 1


def test_absent_data_that_cannot_be_noted_are_told_and_cost_no_other_cell(benchmark, inline, small, tmp_path):
    words = ("--results", tmp_path, "--root", tmp_path / "empty", *small)
    cells = json.loads(benchmark("plan", *words, "--format", "json").out)
    (absent,) = (row["cell"] for row in cells if row["state"] == "no data")
    block(tmp_path / "small" / "cells" / absent)
    said = benchmark("run", *words)
    assert said.code == 1
    assert f"failed: {absent}: absent" in said.err
    assert f"This could not be recorded: {tmp_path}/small/cells/{absent} cannot be written" in said.err
    assert len(inline.ran) == 1


def test_absent_data_that_somebody_else_has_noted_need_no_second_note(benchmark, inline, tmp_path):
    words = ("run", "--target", "cifar10", "--results", tmp_path, "--root", tmp_path / "empty", "profile=small")
    assert benchmark(*words).code == 3
    (record,) = tmp_path.rglob("record.json")
    block(record.parent)
    assert benchmark(*words).code == 3


def test_a_failure_of_which_no_record_could_be_kept_is_told_by_sentence_and_exit_code(
    benchmark, small, tmp_path, monkeypatch
):
    def refused(cells, results, *, devices, display, stop) -> Outcome:
        (cell,) = cells
        return Outcome({cell.id: cell.record("failed", f"{results} cannot be written.", provenance={})})

    monkeypatch.setattr(run_verb, "run_cells", refused)
    said = benchmark("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert said.code == 1
    assert f": {tmp_path}/small cannot be written." in said.err
    assert "failed: digits-" in said.err


def test_a_full_disk_under_the_output_and_a_reader_that_left_change_no_exit_code(
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


# --- other verbs -----------------------------------------------------------------------------------------------


def test_the_plan_as_json_lists_every_cell_and_its_state(benchmark, small, finished):
    words = ("--results", finished, "--root", finished / "empty", *small)
    said = benchmark("plan", *words, "--format", "json", "seeds=[0,1]")
    rows = json.loads(said.out)
    states = {(row["target"], row["seed"]): row["state"] for row in rows}
    assert said.code == 0
    assert states == {
        ("cifar10", 0): "no data",
        ("cifar10", 1): "no data",
        ("digits", 0): "done",
        ("digits", 1): "to run",
    }
    cifar = next(row for row in rows if row["target"] == "cifar10")
    assert cifar["download_bytes"] == registry.target("cifar10").info.download_bytes


def test_the_plan_reads_folders_that_cannot_be_written_and_names_what_cannot_be_read(
    benchmark, inline, small, tmp_path
):
    words = ("--results", tmp_path, "--exclude", "cifar10", *small, "seeds=[0,1]")
    assert benchmark("run", *words, "seeds=[0]").code == 0
    first, second = json.loads(benchmark("plan", *words, "--format", "json").out)
    block(tmp_path / "small" / "cells" / first["cell"])
    (tmp_path / "small" / "cells" / second["cell"]).write_text("a file")
    said = benchmark("plan", *words, "--format", "json")
    assert said.code == 0
    states = [(row["state"], row["reason"]) for row in json.loads(said.out)]
    assert states[0] == ("done", "")
    assert states[1][0] == "to run"
    assert "record.json cannot be read" in states[1][1]


def test_the_plan_for_people_ends_with_totals_and_runs_nothing(benchmark, small, tmp_path):
    said = benchmark("plan", "--results", tmp_path / "new", "--root", tmp_path, *small)
    assert said.code == 0
    assert "2 cells, 1 to run" in said.out
    assert not (tmp_path / "new").exists()


def test_the_plan_for_people_names_folds_where_one_is_not_the_first(benchmark, tmp_path):
    words = ("plan", "--results", tmp_path / "new", "--root", tmp_path, "--device", "cpu", "--target", "esc50")
    heads, *lines = benchmark(*words, "folds=[1,2,3,4,5]", "profile=smoke").out.splitlines()[:6]
    assert heads.split()[:3] == ["target", "fold", "source"]
    assert [line.split()[:2] for line in lines] == [["esc50", fold] for fold in "12345"]
    alone = benchmark(*words, "profile=smoke").out
    assert "fold" not in alone
    assert "\n1 cell, " in alone


@pytest.mark.parametrize(
    "what", ["suites", "sources", "policies", "networks", "profiles", "recipes", "settings", "targets"]
)
def test_lists_are_tables_and_json_of_the_same_names(benchmark, what):
    rows = json.loads(benchmark("list", what, "--format", "json").out)
    text = benchmark("list", what)
    assert text.code == 0
    key = "key" if what == "settings" else "name"
    assert rows
    for row in rows:
        assert row[key] in text.out
    if what == "targets":
        assert {row["name"] for row in rows} == set(registry.target_names())
    if "modality" in rows[0]:
        alone = json.loads(benchmark("list", what, "--modality", "audio", "--format", "json").out)
        assert alone == [row for row in rows if row["modality"] == "audio"]


@pytest.mark.parametrize("format", ["csv", "latex", "markdown", "html", "json"])
def test_a_table_is_the_same_bytes_twice_and_those_of_the_file(benchmark, finished, format):
    first, second = (benchmark("table", "--profile", "small", "--results", finished, "--format", format) for _ in "ab")
    assert first.code == 0
    assert first.out == second.out
    suffix = {"latex": "tex", "markdown": "md"}.get(format, format)
    assert first.out == (finished / "small" / f"leaderboard.{suffix}").read_text()
    if format == "json":
        json.loads(first.out)


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_a_preview_is_a_picture_of_the_source_and_of_many_segments(benchmark, modality, photo, tmp_path):
    path = tmp_path / "folder.of" / "seen.png"
    path.parent.mkdir()
    source = "noise" if modality == "audio" else photo
    said = benchmark("preview", modality, f"source.{modality}={source}", "profile=smoke", "--out", path)
    assert said.code == 0, said.err
    assert said.out == f"wrote {path}\n"
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 200
        assert np.asarray(picture.convert("L")).std() > 5


@pytest.mark.parametrize("name", ["seen.jpg", "seen", "seen.png.pdf"])
def test_a_preview_is_written_under_the_name_of_a_png_only(benchmark, photo, tmp_path, name):
    said = benchmark("preview", "image", f"source.image={photo}", "--out", tmp_path / name)
    assert said.code == 2
    assert said.err == f"benchmark: --out {tmp_path / name} does not end in .png, and a preview is a PNG; " + (
        "choose such a name.\n"
    )
    assert not (tmp_path / name).exists()


def test_a_preview_that_cannot_be_written_is_one_sentence(benchmark, photo, tmp_path):
    (tmp_path / "file").write_text("")
    said = benchmark("preview", "image", f"source.image={photo}", "--out", tmp_path / "file" / "x.png")
    assert said.code == 2
    assert "cannot be written" in said.err
    assert said.err.count("\n") == 1


def test_every_verb_has_help_that_says_what_it_does(benchmark):
    overview = benchmark("--help").out
    for verb in VERBS:
        said = benchmark(verb, "--help")
        assert said.code == 0
        assert verb in overview
        assert "Usage:" in said.out
        assert len(said.out.split("Options")[0].split()) > 10, f"{verb} does not say what it does"


# --- start-up --------------------------------------------------------------------------------------------------

HEAVY = ("torch", "torchvision", "pandas", "hydra", "librosa", "sklearn", "skimage", "matplotlib", "av", "scipy")


def loaded(words: list[str]) -> set[str]:
    """Heavy libraries that a fresh process has imported once a command has ended."""
    code = (
        "import sys, json\n"
        f"sys.argv = ['benchmark', *{words!r}]\n"
        "from benchmark.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(ended.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["preview", "--help"]])
def test_help_loads_nothing_heavy(words):
    assert loaded(words) == set()


def test_listing_targets_loads_nothing_heavy():
    assert loaded(["list", "targets"]) == set()


@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_planning_loads_no_torch(tmp_path, profile):
    targets = "digits,cifar10,flowers102,fsdd,ucf101"
    words = ["plan", "--target", targets, "--device", "cpu", "--results", str(tmp_path), f"profile={profile}"]
    assert loaded(words) & {"torch", "pandas", "sklearn", "librosa", "matplotlib"} == set()
