"""Real data are known item by item: an edit in place is noticed, and so is a plug-in that lists other items."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.data import fingerprint
from benchmark.data.fingerprint import fingerprint_of, ids_hash
from benchmark.data.locate import DataLocation, examine, locate
from modalities.base import DataStatus
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput

VIEW = object()


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))


class Adapter:
    """A dataset of the files of one folder; its status, labels and leak units can be changed."""

    info = SimpleNamespace(name="tiny", ships_with=None)

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.labels, self.groups, self.items = folder, "ready", [0, 1, 0, 1], "abab", 4

    def status(self, root: Path) -> DataStatus:
        missing = () if self.state == "ready" else ("test list names 2 of 90 items",)
        return DataStatus(self.state, "names and sizes", missing, "fetch them")

    def split(self, name: str) -> Listing:
        return Listing(
            [
                Row(self.folder / f"{name}{i}.png", self.labels[i], f"{name}{i}", f"{name}{self.groups[i]}")
                for i in range(self.items)
            ],
            lambda where: pytest.fail("an item was decoded"),
        )

    def train(self, root: Path, view: Any, fold: int = 1) -> Listing:
        return self.split(f"train of fold {fold} ")

    def test(self, root: Path, view: Any, fold: int = 1) -> Listing:
        return self.split(f"test of fold {fold} ")


@pytest.fixture
def adapter(tmp_path) -> Adapter:
    for fold in (1, 2):
        for i in range(4):
            for split in ("train", "test"):
                (tmp_path / f"{split} of fold {fold} {i}.png").write_bytes(f"{split} {fold} {i}".encode())
    return Adapter(tmp_path)


def found(adapter: Adapter, fold: int = 1) -> DataLocation:
    return examine(locate(adapter, "real", adapter.folder), adapter, VIEW, fold)


def rewrite(path: Path, content: bytes) -> None:
    """Change a file in place: same name, same size; its time is another, as an editor would leave it."""
    assert path.stat().st_size == len(content)
    path.write_bytes(content)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_the_same_data_have_the_same_fingerprint_wherever_they_are(adapter, tmp_path):
    first = found(adapter)
    assert first.ready
    assert first.fingerprint == found(adapter).fingerprint
    shutil.copytree(adapter.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("cache", "copy"))
    assert found(Adapter(tmp_path / "copy")).fingerprint == first.fingerprint
    assert found(adapter, fold=2).fingerprint != first.fingerprint


def swap_labels(adapter):
    adapter.labels = [1, 0, 1, 0]


def change_groups(adapter):
    adapter.groups = "aabb"


def halve(adapter):
    adapter.items = 2


def edit_a_small_file(adapter):
    rewrite(adapter.folder / "test of fold 1 2.png", b"test 1 X")


def edit_a_training_file(adapter):
    rewrite(adapter.folder / "train of fold 1 0.png", b"train 1 X")


@pytest.mark.parametrize("edit", [swap_labels, change_groups, halve, edit_a_small_file, edit_a_training_file])
def test_an_edit_in_place_makes_other_data(adapter, edit):
    before = found(adapter).fingerprint
    edit(adapter)
    assert found(adapter).fingerprint != before


def test_a_large_file_counts_by_its_size_and_is_not_read(adapter, monkeypatch):
    monkeypatch.setattr(fingerprint, "SMALL_FILE", 4)
    before = found(adapter).fingerprint
    edit_a_small_file(adapter)
    assert found(adapter).fingerprint == before
    (adapter.folder / "test of fold 1 2.png").write_bytes(b"longer than before")
    assert found(adapter).fingerprint != before


def test_of_very_many_files_none_is_looked_at(adapter, monkeypatch):
    monkeypatch.setattr(fingerprint, "MANY_FILES", 3)
    before = found(adapter).fingerprint
    shutil.rmtree(adapter.folder)
    assert found(adapter).fingerprint == before
    swap_labels(adapter)
    assert found(adapter).fingerprint != before


def test_files_are_read_once_until_one_changes(adapter, monkeypatch):
    monkeypatch.setattr("modalities.storage.array_cache.MIN_BYTES", 0)
    before = found(adapter).fingerprint
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was read again"))
    assert found(adapter).fingerprint == before
    edit_a_small_file(adapter)
    with pytest.raises(pytest.fail.Exception, match="was read again"):
        fingerprint_of("", [adapter.test(adapter.folder, VIEW)])


def test_the_hash_of_ids_knows_their_order_and_their_limits():
    assert ids_hash(["a", "b"]) != ids_hash(["b", "a"])
    assert ids_hash(["a", "b"]) != ids_hash(["ab"])
    assert ids_hash(["\udcff", "ü"]) == ids_hash(["\udcff", "ü"])


def test_data_that_cannot_be_listed_are_their_own_targets_problem(adapter):
    def fail(root, view, fold=1):
        raise BadInput("lists/test.txt line 3 names no class; fetch it again.")

    adapter.test = fail
    place = found(adapter)
    assert (place.ready, place.fingerprint) == (False, "absent")
    assert "cannot be examined (lists/test.txt line 3 names no class" in place.instructions


def test_incomplete_data_are_used_only_if_the_user_says_so(adapter):
    adapter.state = "partial"
    refused = locate(adapter, "real", adapter.folder)
    assert not refused.ready
    assert "test list names 2 of 90 items" in refused.instructions
    assert "data.subset=true" in refused.instructions
    subset = examine(locate(adapter, "real", adapter.folder, subset=True), adapter, VIEW, 1)
    assert subset.ready
    adapter.state = "absent"
    nothing = locate(adapter, "real", adapter.folder, subset=True)
    assert not nothing.ready
    assert "data.subset" not in nothing.instructions


def test_labels_are_told_apart_by_value_and_by_split(adapter):
    train, test = adapter.train(adapter.folder, VIEW), adapter.test(adapter.folder, VIEW)
    assert fingerprint_of("", [train, test]) != fingerprint_of("", [test, train])
    test.labels = np.array([0, 1, 1, 0])
    assert fingerprint_of("", [train, test]) != fingerprint_of("", [train, adapter.test(adapter.folder, VIEW)])
