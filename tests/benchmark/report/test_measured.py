"""The report of the measured rows on real data: it holds the records of its folders, and shows their tables."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from benchmark.config.published import published_results
from benchmark.evaluation.metrics import predicted
from benchmark.records.store import Store
from benchmark.report.collect import findings
from benchmark.report.embedded import read, restore
from benchmark.report.page import to_html
from example_report import ABOUT, MEASURED
from pages import parse_page

PAGE = MEASURED / "report.html"
STORES = [
    Store(MEASURED / name) for name in ("small", "tuned/small", "claims/small", "baselines/small", "students/small")
]


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    return restore(read(PAGE), PAGE, tmp_path_factory.mktemp("restored"))


def test_its_records_are_those_of_the_folders():
    content = read(PAGE)
    own: dict[str, list[dict[str, object]]] = {}
    for store in STORES:
        for entry in store.requested_cells():
            own.setdefault(entry.id, []).append(asdict(store.read(entry.id)))
    assert content["records"].keys() == own.keys()
    for id, record in content["records"].items():
        assert record in own[id], id  # a cell that two folders hold was run twice
    requested = {entry.id: asdict(entry) for store in STORES for entry in store.requested_cells()}
    held = [entry for manifest in content["manifests"].values() for entry in manifest["cells"]]
    assert {entry["id"]: entry for entry in held} == requested


def test_its_predictions_are_those_of_the_folders(restored):
    content = read(PAGE)
    for store in STORES:
        for entry in store.requested_cells():
            own, found = store.predictions(entry.id), restored.predictions(entry.id)
            assert own.item_ids == found.item_ids
            if content["records"][entry.id] == asdict(store.read(entry.id)):
                assert np.array_equal(predicted(own.logp), predicted(found.logp)), entry.id


def test_its_tables_are_those_that_its_records_give(restored):
    found = findings(restored.root.parent, "small", published_results())
    again = parse_page(to_html(found, [], lambda row, record: ABOUT, ("{}", "0")))
    page = parse_page(PAGE.read_text(encoding="utf-8"))
    for name in ("leaderboard", "published", "kept", "by-segments", "ablations", "claims", "costs"):
        (shown,), (expected,) = ([one for one in of.all("section") if one["id"] == name] for of in (page, again))
        assert shown.text == expected.text, name


def test_it_is_small_enough_to_keep():
    assert PAGE.stat().st_size < 5_000_000
