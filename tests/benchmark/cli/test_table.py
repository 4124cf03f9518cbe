"""``benchmark table``: parts, columns, the pivot, the profile in two spellings, and the check of a committed file."""

from __future__ import annotations

import pytest
from typer.main import get_command

from benchmark.cli.app import app

TAKING = ("KEY=VALUE", "NAME | KEY=VALUE", "profile=NAME", "profile=NAME | REPORT.html")


def test_the_profile_is_given_in_either_way(benchmark, finished):
    ways = [("profile=small",), ("--profile", "small"), ("profile=small", "--profile", "small")]
    words = ("--results", finished)
    assert len({benchmark("table", *way, *words).out for way in ways}) == 1
    assert "digits" in benchmark("table", *ways[0], *words).out


def test_every_command_that_takes_settings_takes_the_profile_as_an_option_too():
    commands = get_command(app).commands
    taking = {name for name, command in commands.items() if any(param.metavar in TAKING for param in command.params)}
    assert taking >= {"run", "plan", "list", "table", "claims", "preview", "perf"}
    without = {name for name in taking if not any("--profile" in param.opts for param in commands[name].params)}
    assert without == {"perf"}, "which measures every profile"


@pytest.mark.parametrize("way", [("profile=smoke",), ("--profile", "smoke")])
def test_the_profile_of_a_plan_is_given_in_either_way(benchmark, tmp_path, way):
    ended = benchmark("plan", "--target", "digits", "--device", "cpu", "--results", tmp_path, *way)
    assert f"results in {tmp_path / 'smoke'}" in ended.out


@pytest.mark.parametrize("words", [("run",), ("plan",), ("table",), ("claims",), ("preview", "image")])
def test_two_profiles_that_contradict_each_other_are_refused(benchmark, words):
    ended = benchmark(*words, "profile=small", "--profile", "demo")
    assert ended.code == 2
    assert "profile=small and --profile demo contradict each other" in ended.err


@pytest.mark.parametrize("verb", ["table", "claims"])
def test_a_setting_where_results_are_only_read_is_refused(benchmark, verb):
    ended = benchmark(verb, "recipe.lr=1")
    assert ended.code == 2
    assert "'recipe.lr=1' cannot be set here" in ended.err


def test_parts_and_columns_are_those_that_are_named(benchmark, finished):
    words = ("table", "profile=small", "--results", finished)
    ended = benchmark(*words, "--target", "digits", "--columns", "target,score,kl", "--columns", "recipe")
    assert ended.code == 0
    assert "| target | student % | kl | recipe |" in ended.out
    assert "cifar10" not in ended.out
    for wrong, sentence in (
        (("--target", "digit"), "there is no target named 'digit'; did you mean digits?"),
        (("--source", "x"), "there is no source named 'x'"),
        (("--columns", "scores"), "did you mean score"),
        (("--pivot", "source"), "there is no pivot named 'source'"),
        (("--pivot", "target", "--columns", "score"), "leave --columns out"),
    ):
        ended = benchmark(*words, *wrong)
        assert ended.code == 2
        assert sentence in ended.err
    assert "| method | digits |" in benchmark(*words, "--pivot", "target", "--target", "digits").out


@pytest.mark.parametrize("suffix", ["tex", "csv", "md", "html", "json"])
def test_a_committed_table_is_checked_by_its_suffix(benchmark, finished, tmp_path, suffix):
    words = ("table", "profile=small", "--results", finished, "--check")
    committed = finished / "small" / f"leaderboard.{suffix}"
    same = benchmark(*words, committed)
    assert same.code == 0
    assert "is what the records" in same.out
    text = committed.read_text(encoding="utf-8")
    other = tmp_path / f"paper.{suffix}"
    other.write_text(text.replace("digits", "digit5"), encoding="utf-8")
    ended = benchmark(*words, other)
    assert ended.code == 1
    assert any(line.startswith("-") and "digit5" in line for line in ended.out.splitlines())
    assert any(line.startswith("+") and "digits" in line for line in ended.out.splitlines())
    assert f"{other} is not what the records" in ended.out
    other.write_bytes(text.replace("\n", "\r\n").encode("utf-8"))
    assert benchmark(*words, other).code == 0


def test_a_part_is_checked_as_that_part(benchmark, finished, tmp_path):
    words = ("table", "profile=small", "--results", finished, "--pivot", "target", "--target", "digits")
    path = tmp_path / "paper.md"
    path.write_text(benchmark(*words).out, encoding="utf-8")
    assert benchmark(*words, "--check", path).code == 0
    assert benchmark(*words[:-4], "--check", path).code == 1


@pytest.mark.parametrize(("name", "sentence"), [("a.pdf", "not a table by its name"), ("a.tex", "cannot be read")])
def test_a_file_that_cannot_be_checked_is_refused(benchmark, finished, tmp_path, name, sentence):
    ended = benchmark("table", "profile=small", "--results", finished, "--check", tmp_path / name)
    assert ended.code == 2
    assert sentence in ended.err


@pytest.mark.parametrize("verb", ["table", "claims"])
@pytest.mark.parametrize("option", [("--width", "column"), ("--caption", "x"), ("--latex-label", "x"), ("--no-float",)])
def test_what_only_latex_has_is_refused_elsewhere(benchmark, finished, verb, option):
    ended = benchmark(verb, "profile=small", "--results", finished, "--format", "csv", *option)
    assert ended.code == 2
    assert f"{option[0]}: only LaTeX has this; add --format latex, or leave it out." in " ".join(ended.err.split())


def test_latex_is_as_wide_as_it_is_asked_for_and_is_checked_so(benchmark, finished, tmp_path):
    words = ("table", "profile=small", "--results", finished)
    options = ("--width", "column", "--caption", "Ours, \\emph{all}", "--latex-label", "tab:x")
    made = benchmark(*words, "--format", "latex", *options).out
    assert "\\begin{table}\n" in made
    assert "\\caption{Ours, \\emph{all}" in made
    assert "\\label{tab:x}" in made
    assert "\\begin{table" not in benchmark(*words, "--format", "latex", "--no-float").out
    path = tmp_path / "table.tex"
    path.write_text(made, encoding="utf-8")
    assert benchmark(*words, "--check", path, *options).code == 0
    assert benchmark(*words, "--check", path).code == 1
    ended = benchmark(*words, "--format", "latex", "--width", "colum")
    assert ended.code == 2
    assert "there is no width named 'colum'; did you mean column?" in " ".join(ended.err.split())


@pytest.fixture
def page(benchmark, finished, tmp_path):
    path = tmp_path / "page.html"
    assert benchmark("report", "profile=small", "--results", finished, "--out", path).code == 0
    return path


@pytest.mark.parametrize("format", ["csv", "latex", "markdown", "html", "json", "text"])
def test_a_report_makes_every_table_again(benchmark, finished, page, format):
    words = ("--format", format)
    assert (
        benchmark("table", page, *words).out == benchmark("table", "profile=small", "--results", finished, *words).out
    )


def test_a_committed_table_is_checked_with_a_report(benchmark, finished, page, tmp_path):
    table = tmp_path / "paper.csv"
    table.write_text(benchmark("table", "profile=small", "--results", finished, "--format", "csv").out)
    ended = benchmark("table", page, "--check", table)
    assert ended.code == 0 and f"the records in {page}" in " ".join(ended.out.split())
    table.write_text(table.read_text().replace("digits", "letters"))
    assert benchmark("table", page, "--check", table).code == 1


@pytest.mark.parametrize("verb", ["table", "claims"])
def test_a_report_that_was_changed_or_is_of_another_profile_is_refused(benchmark, page, verb):
    ended = benchmark(verb, page, "--profile", "demo")
    assert ended.code == 2 and "is a report of the profile small; leave the profile demo out" in ended.err
    assert "are two reports" in benchmark(verb, page, page).err
    page.write_text(page.read_text().replace('"digits"', '"letters"'))
    ended = benchmark(verb, page)
    assert ended.code == 2 and "another checksum than when it was written" in ended.err


def test_what_a_report_lacks_is_said_of_the_report(benchmark, page):
    ended = benchmark("claims", page)
    assert ended.code == 2 and f"{page} holds no claims" in " ".join(ended.err.split())


def test_rows_whose_predictions_a_report_leaves_out_are_counted(benchmark, finished, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.report.embedded.MOST_BYTES", 0)
    page = tmp_path / "page.html"
    benchmark("report", "profile=small", "--results", finished, "--out", page)
    ended = benchmark("table", page, "--format", "csv")
    assert ended.code == 0 and "holds no predictions of" in ended.err
