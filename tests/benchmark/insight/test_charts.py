"""Charts are parts of a page: the same bytes every time, with ids of their own, and nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmark.insight import charts

NAMES = ["a<b>", "c & $d$", "é_$^"]
MANY = [str(i) for i in range(40)]
MAKE = {
    "shares": lambda: charts.shares_by_step({"student": {0: 0.1, 4: 0.9}, "untrained": {0: 0.1, 4: 0.2}}, 4),
    "similarities": lambda: charts.similarities(np.array([[0.1, 0.9], [-0.05, np.nan]]), ["x", "y"], ["p", "q"]),
    "confusions": lambda: charts.confusions(np.array([[5, 1, 0], [0, 0, 0], [2, 0, 7]]), NAMES),
    "many": lambda: charts.confusions(np.eye(40, dtype=int), MANY),
    "maps": lambda: charts.maps(
        {"student": np.arange(12.0).reshape(6, 2), "teacher": np.ones((6, 2))}, np.array([0, 1, 2, 0, 1, 2]), NAMES
    ),
    "reliabilities": lambda: charts.reliabilities({"x": [{"confidence": 0.5, "accuracy": 0.7}]}),
    "class-shares": lambda: charts.class_shares({"first": [0.5, 0.5, 0], "last": [1, 0, 0]}, NAMES),
    "class-shares of many": lambda: charts.class_shares({"all": [1 / 40] * 40}, MANY),
    "entropies": lambda: charts.entropies({"first": [1, 2, 3]}, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKE)
def test_a_chart_is_an_element_that_needs_nothing_else(name):
    svg = MAKE[name]()
    assert svg == MAKE[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg" and root.get("viewBox") and root.get("role") == "img"
    assert "://" not in svg and "currentColor" in svg and charts.INK not in svg
    ids = re.findall(r' id="([^"]*)"', svg)
    used = re.findall(r'href="#([^"]*)"', svg) + re.findall(r"url\(#([^)]*)\)", svg)
    assert len(ids) == len(set(ids)) and set(used) <= set(ids)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in re.findall(r'href="([^"]*)"', svg))


def test_ids_of_charts_do_not_meet():
    ids = [set(re.findall(r' id="([^"]*)"', MAKE[name]())) for name in ("shares", "reliabilities", "entropies")]
    assert all(ids) and not ids[0] & ids[1] and not ids[1] & ids[2]


def test_texts_are_readable_and_escaped():
    text = "".join(ElementTree.fromstring(MAKE["confusions"]()).itertext())
    assert all(name in text for name in NAMES)


def test_settings_of_the_caller_stay_as_they_are():
    import matplotlib

    before = matplotlib.rcParams["svg.hashsalt"], matplotlib.rcParams["font.size"]
    MAKE["shares"]()
    assert (matplotlib.rcParams["svg.hashsalt"], matplotlib.rcParams["font.size"]) == before
