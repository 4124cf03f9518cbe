"""Shared by the tests of the Python interface: a call of ``benchmark.run`` that takes a fraction of a second."""

from __future__ import annotations

from typing import Any

import pytest

import benchmark
from benchmark.records.store import Store

SETTINGS = {
    "view.size": 8, "teacher.training.steps": 60, "teacher.training.batch": 32, "recipe.steps": 40, "recipe.batch": 16,
}  # fmt: skip


@pytest.fixture(scope="session")
def call(photo, tmp_path_factory):
    """``benchmark.run`` on the digits with small settings, all into one folder of results."""
    results = tmp_path_factory.mktemp("results")

    def made(target: Any = "digits", settings: dict | None = None, **given: Any) -> Any:
        given = {"source": photo, "profile": "smoke", "device": "cpu", "results": results, "progress": False, **given}
        return benchmark.run(target, settings={**SETTINGS, **(settings or {})}, **given)

    made.results, made.photo, made.store = results, photo, Store(results / "smoke")
    return made
