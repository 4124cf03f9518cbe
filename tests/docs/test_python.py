"""The page about Python runs as it stands, from its first block to its last, and shows every public name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import benchmark

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def test_every_block_runs_and_shows_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), start=1):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)  # the page is ours
    said = capsys.readouterr().out
    assert "\nrefused\nthe teacher reaches" in said
    assert [record.target for record in names["again"]] == [names["table"]["target"].iloc[0]] * len(names["again"])
    assert "A: row " in said and "B - A: " in said
    assert names["logits"].shape == (len(names["segments"]), 10)
    assert len({record.row for record in names["records"]}) == 1
    assert re.search(r"digits-\S+-s2-\S+ done\n", said)


def test_every_public_name_and_argument_is_on_the_page():
    types = {"Loaded", "Record", "Records", "RunRecord"}  # of what is returned
    for name in set(benchmark.__all__) - types:
        assert f"benchmark.{name}" in PAGE or f"`{name}`" in PAGE, name
    for argument in inspect.signature(benchmark.run).parameters:
        assert argument == "target" or f"`{argument}`" in PAGE or f"`{argument}=" in PAGE, argument
