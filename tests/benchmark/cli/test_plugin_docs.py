"""The examples of docs/plugins.md keep the contract, and the one in Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from benchmark.config.compose import compose_target
from modalities.contract.plugins import check_plugin
from modalities.plugins.find import KINDS, find, kind_of_file

PAGE = (Path(__file__).parents[3] / "docs/plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BY_KIND = {match[1]: block for block in BLOCKS if (match := re.match(r'"""(\w+):', block))}


def test_there_is_an_example_of_each_kind():
    assert BY_KIND.keys() == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_keeps_the_contract(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "example.py"
    path.write_text(BY_KIND[kind], encoding="utf-8")
    assert kind_of_file(path) == kind and len(BY_KIND[kind].splitlines()) < 40
    assert {item.verdict for item in check_plugin(find(kind, str(path)))} == {"pass"}


def test_the_example_in_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in BLOCKS if block not in BY_KIND.values()]
    exec(compile(block, "docs/plugins.md", "exec"), {"__name__": "example"})
    assert capsys.readouterr().out.startswith("done ")


def test_the_recipe_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "soft.yaml"
    path.write_text(text, encoding="utf-8")
    recipe = compose_target("digits", [f"recipe={path}"], profile="smoke", suite="all").recipe
    assert {key: getattr(recipe, key) for key in yaml.safe_load(text) if key != "base"} == {
        "temperature": 4, "mixing": "mixup",
    }  # fmt: skip
    assert recipe.name == "soft"
