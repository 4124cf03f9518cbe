"""CONTRIBUTING's walk from nothing to a leaderboard row, followed to the letter in a folder of its own."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"
WALK = "## A dataset, from nothing to a leaderboard row"


def blocks() -> list[tuple[str, str]]:
    """Language and text of the walk's fenced blocks."""
    walk = PAGE.read_text(encoding="utf-8").split(WALK)[1].split("\n### ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", walk, re.MULTILINE | re.DOTALL)


def test_the_walk_ends_in_a_leaderboard_row(tmp_path: Path, installed: Callable[[Path, Path], None]) -> None:
    site, package = tmp_path / "site", tmp_path / "shapes3"
    environment = os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": os.pathsep.join((str(site), str(package))),
        "BENCHMARK_CACHE": str(tmp_path / "cache"),
    }
    said: dict[str, str] = {}
    for language, text in blocks():
        if language == "python":
            (tmp_path / re.match(r"# (\S+)\n", text)[1]).write_text(text.partition("\n")[2])
            continue
        assert language == "sh"
        for command in text.splitlines():
            if command.startswith("pip install -e "):
                installed(tmp_path / command.split()[-1], site)
                continue
            done = subprocess.run(
                shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            said[command] = done.stdout

    assert "shapes3 (shapes3_target:TARGET (plug-in)): keeps the contract" in said["benchmark check shapes3"]
    assert "absent" in said["benchmark data status shapes3 --root data"]
    assert (tmp_path / "toy" / "shapes3" / "train" / "triangle").is_dir()
    (row,) = csv.DictReader(io.StringIO(said["benchmark table --profile smoke --format csv"]))
    assert (row["target"], row["status"], row["data"]) == ("shapes3", "done", "stand-in")
    assert float(row["teacher_top1"]) > 1.5 * float(row["chance"])
    assert len(next(text for language, text in blocks() if language == "python").splitlines()) <= 32


def test_the_example_that_the_page_shows_is_the_one_in_the_package() -> None:
    page = PAGE.read_text(encoding="utf-8").split("### A layout of its authors: one of the examples")[1]
    adapter, settings = (
        re.search(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)[1] for language in ("python", "yaml")
    )
    package = PAGE.parent / "examples" / "targets" / "example_targets"
    assert adapter in (package / "arabic10.py").read_text(encoding="utf-8")
    shown, real = (yaml.safe_load(text) for text in (settings, (package / "arabic10.yaml").read_text(encoding="utf-8")))
    assert shown["view"] == real["view"]
    assert shown["profiles"]["small"]["teacher"].items() <= real["profiles"]["small"]["teacher"].items()
