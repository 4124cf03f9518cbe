"""What the README shows works: its page of Python, its settings and its verbs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.config.compose import compose_target
from benchmark.config.overrides import split_overrides
from benchmark.records.store import Store
from modalities import registry

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Every `benchmark …` command of the README, split as a shell splits it."""
    shells = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split("#")[0] for block in shells for line in block.splitlines()]
    lines += re.findall(r"`(benchmark [^`]+)`", README)
    found = [part for line in lines for part in line.split("&&") if part.strip().startswith("benchmark ")]
    return [shlex.split(part) for part in found]


def test_the_page_of_python_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    (page,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    Image.fromarray(pixels).resize((960, 720)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(page, "README.md", "exec"), names)  # the README is ours
    record = names["record"]
    assert record.status == "done", record.reason
    assert record.source["name"] == "photo.jpg"
    assert record.student.startswith("own Sequential")
    assert Store(tmp_path / "results/local/demo").read(record.id) == record
    assert f"{record.metrics['top1']:.1%} from one image" in capsys.readouterr().out


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_names_a_verb_and_settings_that_exist(words):
    from typer.main import get_command

    from benchmark.cli.app import app

    verbs = get_command(app).commands
    assert words[1] in verbs
    settings = [word for word in words[2:] if re.match(r"[a-z][\w.]*=", word)]
    rest, profile, suite = split_overrides(settings)
    chosen = words[words.index("--target") + 1].split(",") if "--target" in words else ["digits"]
    for target in chosen:
        modality = registry.target(target).info.modality
        own = [text for text in rest if not text.startswith("source.") or text.startswith(f"source.{modality}")]
        compose_target(target, own, profile=profile, suite=suite)
