"""The test items of a target as they are listed for others: those that a cell is scored on, in its order."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.planning.scored_items import scored_items
from modalities.errors import BadInput, UnknownName


def test_they_are_those_that_a_cell_is_scored_on(ran, tmp_path):
    items, predictions = scored_items("digits", "smoke", tmp_path), ran.store.predictions(ran.record.id)
    assert items.ids == predictions.item_ids and items.groups == predictions.groups
    assert np.array_equal(items.labels, predictions.labels)
    assert items.test_set == ran.record.test_set
    assert str(items) == "the 365 test items of digits (shipped data)"


def test_a_stand_in_is_written_and_its_size_is_not_that_of_the_dataset(tmp_path):
    items = scored_items("esc50", "smoke", tmp_path / "nowhere", fold=2)
    assert items.location.kind == "stand-in" and items.test_set["known_items"] is None
    assert str(items).endswith("of esc50 (stand-in data, as in the profile smoke, fold 2)")
    assert items.ids != scored_items("esc50", "smoke", tmp_path / "nowhere").ids


def test_what_is_not_there_is_named_with_what_to_do(tmp_path):
    with pytest.raises(UnknownName, match="did you mean digits"):
        scored_items("digitz", "smoke", tmp_path)
    with pytest.raises(BadInput, match="digits has no fold 2"):
        scored_items("digits", "smoke", tmp_path, fold=2)
    with pytest.raises(BadInput, match=r"test items of cifar10 are not known: absent .*data fetch cifar10") as error:
        scored_items("cifar10", "small", tmp_path)
    assert error.value.about == "root"
