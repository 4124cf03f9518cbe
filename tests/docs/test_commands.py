"""Every command that a page shows is run, with the profile `smoke`, or stands in a list with the reason why not."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

import benchmark
from benchmark.cli import app
from documented import ROOT, Shown, commands
from inline import Inline

LISTED = {  # a pattern of the whole command: why it is not run; those of `benchmark` are parsed all the same
    r"pip install .*": "installs packages from the network",
    r"(python -m )?pytest.*": "runs tests, of which this is one",
    r"git clone .*|cd \S+|python3 -m venv .*|\. \S+|export \S+=\S+": "sets up a shell",
    r"for .*|done": "a loop of the shell; the commands in it are run",
    r"scripts/\S+\.sh.*": "needs the network",
    r"python scripts/.*": "takes minutes to hours; the script and its options are looked up",
    r"benchmark (data fetch|perf).*": "downloads, or measures for minutes",
    r"benchmark --(install|show)-completion": "is about the user's shell",
    r"benchmark list sources --target digits teacher.*": "the one without settings is run",
    r"benchmark insight (CELL|'\$cell'|digits-deadleaves-s0|digits-china-s0).*": "the one of digits-coffee-s0 is run",
    r"benchmark export --suite .*": "needs a suite that has run; tests/benchmark/export runs it",
    r"benchmark check( NAME| mytarget.*)?": "the ones of fsdd and my_loss.py are run",
    r"benchmark (run|plan) --config .*": "tests/benchmark/planning/test_resolve.py takes configurations back",
    r"benchmark (config|data items) .*'>' .*": "a shell writes the file; the ones without it are run",
    r"benchmark (forget|clean jobs).*": "takes away what others need; tests/benchmark/cli runs it",
    r"benchmark export .*int8.*": "tests/benchmark/export quantises",
    r"benchmark .*(shapes3|tennis7).*": "tests/docs/test_contributing.py and tests/examples run it",
    r"benchmark new-target mine .*": "writes into a checkout; tests/benchmark/cli/test_new_target.py runs it",
    r"benchmark new-target .*--look.*": "needs real data; tests/benchmark/cli/test_new_target.py runs it",
    r"benchmark check \S* ?--root DIR.*": "needs real data; tests/benchmark/cli/test_check.py runs it",
    r"benchmark run .*(flowers12|arabic10|tinyimagenet30).*": "needs the plug-ins of examples/targets installed",
    r"benchmark report .*--results all .*": "needs a joined folder; test_measured.py looks at the page",
    r"benchmark merge .*": "tests/benchmark/cli/test_merge.py runs it on folders and on files of predictions",
    r"benchmark compare cifar10-Patches_of_one .*": "tests/benchmark/cli/test_merge.py compares such rows",
    r"benchmark compare .*--all-folds": "tests/benchmark/cli/test_compare.py runs it on rows of several folds",
    r"benchmark compare results/before results/after.*": "tests/benchmark/cli/test_compare.py runs it on two folders",
}
RUN = (  # `run` commands that are run; of the others `plan` makes the plan, since they would take minutes to days
    "benchmark run --target digits source.image=coffee --controls noise",
    "benchmark run --target digits profile=smoke recipe.loss=my_loss.py",
)
NOT_OF_PLAN = ("--label", "--max-time", "--launcher", "--slurm", "--log", "--cells-per-job")
EXIT_CODES = {
    "compare": (0, 10, 11),
    "doctor": (0, 1),
    "data": (0, 1),
}  # besides 0: a verdict, or data that are missing
OWN_CLAIM = """
suite:
  axis: source
  targets: [digits]
  variants: {one datum: [], noise: [source.image=noise]}
  claims: [{name: 1, hypothesis: One datum teaches more than noise., better: one datum, than: noise, at_least: 0.05}]
"""
ALL = commands()
PROGRAM = get_command(app.app)
VERBS = PROGRAM.commands


def listed(command: Shown) -> str:
    """Why a command is not run; nothing if it is."""
    return next((reason for pattern, reason in LISTED.items() if re.fullmatch(pattern, command.text)), "")


def verb_of(words: list[str]) -> tuple[object, str, list[str]]:
    """A command's parser, its name, and what follows it."""
    if words[1].startswith("-"):
        return PROGRAM, "benchmark", words[1:]
    found, rest = VERBS[words[1]], words[2:]
    if hasattr(found, "commands") and rest:
        return found.commands[rest[0]], rest[0], rest[1:]
    return found, words[1], rest


def fault_of(words: list[str]) -> str:
    """What is wrong with a command's options and arguments by its own parser; nothing if all is well."""
    parser, name, rest = verb_of(words)
    try:
        parser.make_context(name, list(rest))
    except (Exception, SystemExit) as error:
        return str(error) or type(error).__name__
    return ""


def test_no_entry_of_the_lists_is_idle():
    texts = {command.text for command in ALL}
    for pattern in LISTED:
        assert any(re.fullmatch(pattern, text) for text in texts), pattern
    assert set(RUN) <= texts


def test_every_command_is_run_or_listed():
    others = [one.text for one in ALL if one.words[0] not in ("benchmark", "torchrun") and not listed(one)]
    assert not others, "neither run nor listed with a reason"


def test_there_are_commands_on_most_pages():
    assert len({command.page for command in ALL}) >= 14 and len(ALL) >= 150


@pytest.mark.parametrize("command", [one for one in ALL if listed(one)], ids=lambda one: one.text)
def test_a_command_that_is_not_run_exists(command):
    words = list(command.words)
    if words[0] == "benchmark" and not words[1].startswith("--"):
        parser, _, rest = verb_of(words)
        names = {name for parameter in parser.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= names
        assert command.in_sentence or not fault_of(words)
    script = next((ROOT / word for word in words if word.startswith("scripts/")), None)
    if script:
        text = script.read_text(encoding="utf-8")
        for word in words:
            assert not word.startswith("--") or word.split("=")[0] in text, word


@pytest.fixture
def world(tmp_path, monkeypatch) -> dict[str, str]:
    """A folder with the files that pages speak of, and finished cells; what stands for the names in commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmark.cli.run.run_cells", Inline())
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    Image.fromarray(pixels).resize((960, 720)).save(tmp_path / "city.jpg")
    shutil.copy("city.jpg", "photo.jpg")
    for name in ("source", "callback"):
        page = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
        (block,) = re.findall(rf'```python\n("""{name}:.*?)```', page, re.DOTALL)
        Path(f"my_{name}.py").write_text(block, encoding="utf-8")
    suite = re.search(r"```yaml\n(suite:.*?)```", (ROOT / "docs/suites.md").read_text(encoding="utf-8"), re.DOTALL)
    Path("mine.yaml").write_text(suite[1], encoding="utf-8")
    Path("own.yaml").write_text(OWN_CLAIM, encoding="utf-8")
    for source in ("city.jpg", "china"):
        of_cifar10 = benchmark.run("cifar10", source=source, profile="smoke", progress=False)
    benchmark.run("fsdd", profile="smoke", progress=False)
    for source in ("coffee", "noise", "deadleaves"):
        record = benchmark.run("digits", source=source, profile="smoke", progress=False)
    call(monkeypatch, ["benchmark", "run", "--suite", "own.yaml", "profile=smoke"])  # all are done; it names claims
    Path("paper").mkdir()
    for place in ("results/pair", "claims", "own"):  # the last stands for `--results compression`
        shutil.copytree("results/local", place)
    cell = dict.fromkeys(("CELL", "87a10c18e375"), record.id)
    return cell | {
        "A": "cifar10-china-s0", "B": "cifar10-city.jpg-s0", "ROW": record.row, "90a64858": of_cifar10.row,
        "cifar10-photo.jpg-s0": "cifar10-city.jpg-s0", "cifar10-photo.jpg-s0-0b1c2d3e4f5a": of_cifar10.id,
        "cuda": "cpu", "COMMAND": "table",
    }  # fmt: skip


def call(monkeypatch, words: list[str]) -> int:
    """Run a command in this process; return its exit code. Every question is answered with yes."""
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\ny\n"))
    with pytest.raises(SystemExit) as ended:
        app.main()
    return int(ended.value.code or 0)


def in_smoke(command: Shown, world: dict[str, str]) -> list[str]:
    """A command with names of this world, of the profile `smoke`; `run` becomes `plan` but for a few."""
    words = [world.get(word, word) for word in command.words]
    if words[0] == "torchrun":
        words = words[words.index("-m") + 1 :]
    if command.in_sentence and (words[1] == "run" or fault_of(words)):
        known = {"--help", *options_of(words)}
        assert not [word for word in words[2:] if word.startswith("--") and word not in known]
        return [*words[:2], "--help"]
    words = [re.sub(r"^profile=\w+$", "profile=smoke", word) for word in words]
    if "--profile" in words:
        words[words.index("--profile") + 1] = "smoke"
    elif "profile=smoke" not in words and has_profile(words):
        words += ["--profile", "smoke"]
    if words[1] == "claims":
        words = [word if word not in ("compression", "mine") else "own" for word in words]
    if words[1] == "plan":
        words = [word if word != "NAME" else "mixing" for word in words]
    if words[1] == "run" and command.text not in RUN:
        assert not fault_of(words), command
        words[1] = "plan"
        for option in NOT_OF_PLAN:
            while option in words:
                del words[words.index(option) : words.index(option) + 2]
    return words


def has_profile(words: list[str]) -> bool:
    lists_names = words[1] == "list" and "--target" not in words
    reads_page = any(word == "report.html" and before != "--out" for before, word in pairwise(words))
    return "--profile" in options_of(words) and not lists_names and not reads_page


def options_of(words: list[str]) -> set[str]:
    return {name for parameter in verb_of(words)[0].params for name in parameter.opts}


def test_every_other_command_runs(world, monkeypatch, capfd):
    last = ("forget", "clean")
    first = ("new", "run", "report")
    waiting = [command for command in ALL if not listed(command)]
    waiting.sort(key=lambda one: (one.words[1] in last, one.words[1] not in first))
    faults = []
    done: set[tuple[str, ...]] = set()
    for command in waiting:
        words = in_smoke(command, world)
        if tuple(words) in done:
            continue
        done.add(tuple(words))
        if "--check" in words:
            path = words[words.index("--check") + 1]
            made = [word for word in words if word not in ("--check", path)]
            call(monkeypatch, [*made, "--format", "latex"])
            Path(path).write_text(capfd.readouterr().out, encoding="utf-8")
        code = call(monkeypatch, words)
        said = capfd.readouterr()
        if code not in EXIT_CODES.get(words[1], (0,)):
            faults.append(f"{command.page}: {command.text}\n  as {shlex.join(words)}: {code}\n  {said.err[-500:]}")
    assert not faults, "\n".join(faults)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/report.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "docs/report.md", "exec"), names)  # the page is ours; it unpacks report.html
    assert "digits" in set(names["leaderboard"](names["store"])["target"])
