"""CITATION.cff has the keys that its format asks for, and says of this software and the paper what the project says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_needed_keys_are_there():
    assert {"cff-version", "message", "title", "authors"} <= CITATION.keys()
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    for work in (CITATION, *CITATION["references"]):
        assert work["title"] and all("name" in one or "family-names" in one for one in work["authors"])
    assert all({"type", "title", "authors"} <= work.keys() for work in CITATION["references"])


def test_it_agrees_with_the_project():
    assert CITATION["authors"] == [{"name": PROJECT["name"]}]
    for theirs, ours in (("version", "version"), ("license", "license"), ("keywords", "keywords")):
        assert CITATION[theirs] == PROJECT[ours]
    assert CITATION["abstract"] == PROJECT["description"]


def test_the_bibtex_of_the_readme_is_the_same_paper():
    (paper,) = CITATION["references"]
    entry = dict(re.findall(r"(\w+)\s+= \{(.*)\},", re.search(r"```bibtex\n(.*?)```", README, re.DOTALL)[1]))
    assert entry["title"] == paper["title"] and int(entry["year"]) == paper["year"]
    names = [f"{one['family-names']}, {one['given-names']}" for one in paper["authors"]]
    assert entry["author"] == " and ".join(names)
    assert entry["note"] == paper["identifiers"][0]["value"]
