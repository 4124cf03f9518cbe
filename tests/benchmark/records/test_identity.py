"""The same settings name the same cell, other settings another, and a name is safe as a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records.identity import canonical_json, cell_id, row_id
from benchmark.records.store import Store
from example_records import IDENTITY

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(plain)
def test_canonical_json_is_json_of_an_equal_value_and_canonical_already(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), plain, min_size=2))
def test_the_order_of_keys_does_not_name_another_cell(settings):
    turned = dict(reversed(settings.items()))
    assert cell_id({**IDENTITY, "settings": settings}) == cell_id(
        {"settings": turned, **dict(reversed(IDENTITY.items()))}
    )


def test_equal_numbers_of_other_types_name_the_same_cell():
    assert canonical_json({"a": 1.0, "b": (np.float32(0.5), np.int64(2)), "c": -0.0}) == '{"a":1,"b":[0.5,2],"c":0}'
    assert canonical_json(True) != canonical_json(1)


@pytest.mark.parametrize("value", [Path("x"), b"x", {1: 2}, {1, 2}, object(), np.zeros(2)])
def test_what_depends_on_a_machine_or_has_no_one_spelling_is_no_identity(value):
    with pytest.raises(TypeError):
        canonical_json({"value": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_no_identity(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


@pytest.mark.parametrize(
    "change", [{"lr": 0.02}, {"seed": 1}, {"fold": 2}, {"source": {"name": "deadleaves", "sha256": "ac"}}]
)
def test_whatever_changes_numbers_changes_the_cell(change):
    assert cell_id({**IDENTITY, **change}) != cell_id(IDENTITY)


def test_a_raised_numerics_version_changes_every_cell(monkeypatch):
    before = cell_id(IDENTITY)
    monkeypatch.setattr("benchmark.records.identity.NUMERICS_VERSION", 99)
    assert cell_id(IDENTITY) != before


def test_seeds_of_one_row_share_its_id_and_folds_do_not():
    assert row_id({**IDENTITY, "seed": 7}) == row_id(IDENTITY) != row_id({**IDENTITY, "fold": 2})


@given(st.text(), st.text(min_size=1))
def test_a_cells_name_is_safe_as_a_folder_whatever_its_parts_say(target, source):
    name = cell_id({"target": target, "source": source, "seed": 0})
    assert Store(Path("root")).cell(name).parent == Path("root/cells")
    assert len(name) < 100


def test_a_cells_name_can_be_read():
    assert cell_id(IDENTITY).startswith("digits-deadleaves-s0-")
    assert cell_id({**IDENTITY, "fold": 3}).startswith("digits-deadleaves-f3-s0-")
