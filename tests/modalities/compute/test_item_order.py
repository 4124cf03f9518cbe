"""The order of a source's items: each once per epoch, at random, the same for every division among ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.compute import item_order
from modalities.compute.draws import Draws, rank_slice
from modalities.compute.item_order import ItemOrder


def order(items: int, batch: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> ItemOrder:
    return ItemOrder(items, Draws(seed, "test/"), "item", batch, rank_slice(batch, rank, world_size))


@settings(max_examples=60, deadline=None)
@given(items=st.integers(2, 60), batch=st.integers(1, 70), block=st.sampled_from([1, 7, 64, 16_384]))
def test_in_every_epoch_each_item_is_used_exactly_once(items, batch, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_order, "BLOCK", block)
        made = order(items, batch)
        steps = -(-5 * items // batch)
        stream = np.concatenate([made.at(step) for step in range(steps)])[: 5 * items]
    assert (np.sort(stream.reshape(5, items), axis=1) == np.arange(items)).all()


def test_a_step_is_the_same_whatever_was_asked_before():
    made, fresh = order(100, 32), order(100, 32)
    expected = [made.at(step) for step in range(2000)]
    for step in (1999, 3, 512, 511, 3):
        assert (fresh.at(step) == expected[step]).all()


def test_epochs_items_and_seeds_are_in_orders_of_their_own():
    epochs = np.stack([order(500, 500).at(step) for step in range(70)])
    assert len(np.unique(epochs, axis=0)) == 70
    assert not (order(500, 500, seed=1).at(0) == epochs[0]).all()
    places = np.argsort(epochs, axis=1)
    assert abs(places.mean(1) - 249.5).max() < 1e-9  # of a permutation
    assert np.abs(places.mean(0) - 249.5).mean() < 3 * 500 / np.sqrt(12 * 70)  # no item has a place of its own


def test_the_shares_of_two_ranks_are_the_batch_of_one():
    for step in (0, 9):
        whole = order(37, 24).at(step)
        for rank in (0, 1):
            assert (order(37, 24, rank=rank, world_size=2).at(step) == whole[rank_slice(24, rank, 2)]).all()


def test_of_one_item_nothing_is_drawn(monkeypatch):
    monkeypatch.setattr(Draws, "uniform", None)
    assert order(1, 6).at(4).tolist() == [0] * 6
