"""``benchmark config``, ``run --dry-run`` and ``run --config``."""

from __future__ import annotations

import json

import pytest

WORDS = ("--target", "digits", "profile=smoke", "--device", "cpu")


def test_what_is_printed_runs_the_same_cell(benchmark, inline, tmp_path, quick):
    printed = benchmark("config", *WORDS, *quick, "seeds=[4]")
    assert benchmark("run", "--dry-run", "--results", tmp_path / "dry", *WORDS, *quick, "seeds=[4]").out == printed.out
    assert not (tmp_path / "dry").exists()
    file = tmp_path / "mine.yaml"
    file.write_text(printed.out, encoding="utf-8")
    planned = benchmark("plan", *WORDS, *quick, "seeds=[4]", "--results", tmp_path, "--format", "json")
    ended = benchmark("run", "--config", file, "--results", tmp_path, "--device", "cpu")
    assert ended.code == 0
    assert inline.ran == [row["cell"] for row in json.loads(planned.out)]
    again = benchmark("plan", "--config", file, "--results", tmp_path, "--format", "json")
    assert [row["state"] for row in json.loads(again.out)] == ["done"]
    assert benchmark("run", *WORDS, *quick, "seeds=[4]", "--results", tmp_path).code == 0
    assert len(list((tmp_path / "smoke" / "manifests").glob("*.json"))) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("recipe.lr=1",), "leave out settings"),
        (("--target", "digits", "--controls", "noise"), "leave out --target, --controls"),
        (("--profile", "small"), "leave out settings"),
        (("--suite", "mixing", "--label", "mine"), "leave out --suite, --label"),
    ],
)
def test_a_file_has_every_setting(benchmark, tmp_path, words, said):
    ended = benchmark("run", "--config", tmp_path / "mine.yaml", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_file_that_is_not_there_is_named(benchmark, tmp_path):
    ended = benchmark("run", "--config", tmp_path / "mine.yaml")
    assert ended.code == 2
    assert str(tmp_path / "mine.yaml") in ended.err
