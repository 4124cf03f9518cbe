"""Cells leave the manifests and nothing else."""

from __future__ import annotations

import pytest

from benchmark.records.forget import forget, requested_as
from benchmark.records.store import Store
from example_leaderboard import cell
from modalities.errors import BadInput, UnknownName


def content(store):
    return {path: path.read_bytes() for path in sorted(store.root.rglob("*")) if path.is_file()}


@pytest.fixture
def store(tmp_path):
    """Two rows of two seeds in one manifest, one of which is in a second manifest too; all have records."""
    store = Store(tmp_path / "demo")
    cells = [cell(source=source, seed=seed) for source in ("china", "city") for seed in (0, 1)]
    entries = [entry for entry, _ in cells]
    settings = {entry.row: {"source": {"name": entry.source}} for entry in entries}
    labels = {"old": [entries[0].row], "new": [entries[2].row]}
    store.write_manifest("all", {}, entries, settings, variants=labels)
    store.write_manifest("image", {}, entries[:2], settings)
    for _, record in cells:
        store.write(record)
    return store


def test_a_row_leaves_every_manifest_with_its_settings_and_labels_and_no_record_changes(store):
    (row,) = {entry.row for entry in store.requested_cells() if entry.source == "china"}
    records = {path: text for path, text in content(store).items() if store.cells in path.parents}
    forget(store, {entry.id for entry in requested_as(store, row)})
    left = store.requested()
    assert {entry.source for entry in left.cells} == {"city"}
    assert row not in left.settings and row not in left.labels
    assert list(left.labels.values()) == [["new"]]
    assert len(store.manifest_files()) == 1, "the one that is left without cells is gone"
    assert records == {path: text for path, text in content(store).items() if store.cells in path.parents}


def test_one_cell_leaves_and_the_other_seeds_of_its_row_stay(store):
    (one,) = requested_as(store, "china-s1")
    forget(store, {one.id})
    assert {(entry.source, entry.seed) for entry in store.requested_cells()} == {("china", 0), ("city", 0), ("city", 1)}
    assert one.row in store.requested().settings


def test_a_manifest_with_claims_stays_since_it_says_when_they_were_written(tmp_path):
    store, (entry, _) = Store(tmp_path / "demo"), cell()
    claim = {"name": "1", "hypothesis": "h", "better": "a", "than": "b", "at_least": 0.1}
    store.write_manifest("mine", {}, [entry], claims=[claim])
    forget(store, {entry.id})
    (manifest,) = store.manifest_files().values()
    assert (manifest.cells, manifest.claims) == ([], [claim])


def test_a_name_that_is_unknown_or_not_one_cell_is_refused(store):
    with pytest.raises(UnknownName, match="did you mean"):
        requested_as(store, "digits-chinas0")
    with pytest.raises(BadInput, match="is a part of 2 cells"):
        requested_as(store, "china")
