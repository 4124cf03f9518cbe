"""The command line: usage errors, help, lists and tables, and a quick start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata

import pytest

from benchmark.cli import app
from modalities import registry

COMMANDS = [command.name or command.callback.__name__ for command in app.app.registered_commands]


@pytest.mark.parametrize(
    ("words", "sentence"),
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
        (("preview", "image", "--target", "fsdd"), "fsdd is not a target of the modality image"),
        (("table", "--results", "nowhere"), "or choose another folder (--results DIR)."),
    ],
)
def test_wrong_usage_exits_2_with_one_sentence(benchmark, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    ended = benchmark(*words)
    assert ended.code == 2
    assert ended.err.startswith("benchmark: ")
    assert ended.err.count("\n") == 1
    assert sentence in ended.err
    assert ended.out == ""


def test_an_option_or_a_command_that_does_not_exist_exits_2(benchmark):
    assert benchmark("run", "--frobnicate").code == 2
    assert benchmark("rnu").code == 2


# --- lists and tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    ["suites", "sources", "policies", "networks", "profiles", "recipes", "settings", "targets", "columns"],
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


# --- help and start-up -----------------------------------------------------------------------------------------


def test_every_command_has_help_that_says_what_it_does(benchmark):
    overview = benchmark("--help").out
    for command in COMMANDS:
        ended = benchmark(command, "--help")
        assert ended.code == 0
        assert command in overview
        assert "Usage:" in ended.out
        assert len(ended.out.split("Options")[0].split()) > 10, f"{command} does not say what it does"


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


def test_the_entry_point_of_earlier_installations_works_and_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['benchmark', '--help']; from benchmark.cli import main\n"
        "assert 'typer' not in sys.modules\n"
        "main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage:" in ended.stdout


def test_the_version_is_told_without_a_command(benchmark):
    ended = benchmark("--version")
    assert ended.code == 0
    assert ended.out.startswith(f"single-datum-benchmark {metadata.version('single-datum-benchmark')}")
    assert loaded(["--version"]) == set()


@pytest.mark.parametrize(("typed", "offered"), [("benchmark tab", "table"), ("benchmark run --tar", "--target")])
def test_a_shell_completes_commands_and_options(typed, offered):
    words = {"_BENCHMARK_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    code = "import sys; sys.argv = ['benchmark']; from benchmark.cli.app import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **words}
    )
    assert offered in ended.stdout.split()


def test_the_script_that_completes_is_shown(benchmark, monkeypatch):
    # Which shell it is depends on the processes above this one.
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: "bash", raising=False)
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: "bash")
    ended = benchmark("--show-completion", "bash")
    assert ended.code == 0
    assert "_BENCHMARK_COMPLETE" in ended.out
