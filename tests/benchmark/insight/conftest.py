"""Shared by the tests of insight: a finished cell in a store of its own, and everything that is found about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from benchmark.insight.collect import Findings, Subject, findings
from benchmark.insight.controls import controls_of
from benchmark.insight.items import predicted_items
from benchmark.running.finished import FinishedCell, load_finished
from benchmark.training.callbacks import IgnoreProgress


@pytest.fixture(scope="session")
def finished(ran, tmp_path_factory) -> FinishedCell:
    results = tmp_path_factory.mktemp("insight")
    shutil.copytree(ran.store.root, results / "smoke")
    path = ran.cell.source_path
    return load_finished(results, ran.record.id, Path("nowhere"), torch.device("cpu"), source=path)


@pytest.fixture
def subject(finished) -> Subject:
    return Subject(finished, controls_of(finished), predicted_items(finished))


@pytest.fixture(scope="session")
def found(finished) -> Findings:
    return findings(finished, IgnoreProgress())
