"""Figures of exported models, worked out by hand; logits that are not torch's are refused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchmark.data.batches import Batches
from benchmark.export import measure
from benchmark.export.measure import TOLERANCE, check_same, compared, latencies, logits_of_items
from benchmark.statistics.paired import paired_shares_interval
from modalities.base import Item
from modalities.errors import BadInput


class Numbers(NamedTuple):
    """Five items of two clips of three numbers each; item i holds i + 1."""

    labels: np.ndarray = np.zeros(5, np.int64)

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Item:
        return Item(torch.full((2, 3), index + 1, dtype=torch.uint8), 0, str(index))


def test_all_items_go_through_every_network_with_their_clips():
    items = Batches(Numbers(), lambda step: np.arange(2 * step, min(5, 2 * step + 2)), 3)
    found = logits_of_items({"same": lambda x: x, "twice": lambda x: 2 * x}, items, lambda raw: raw / 2)
    assert found["same"].shape == (5, 2, 3) and found["same"].dtype == np.float32
    assert found["same"][:, 0, 0].tolist() == [0.5, 1, 1.5, 2, 2.5]
    assert np.array_equal(found["twice"], 2 * found["same"])


@pytest.mark.parametrize("largest", [0.01, 20.0])
def test_logits_may_differ_by_rounding_and_no_more(largest):
    torchs = np.zeros((3, 1, 4), np.float32)
    torchs[0, 0, 0] = -largest
    limit = TOLERANCE * max(1.0, largest)
    for factor, refused in ((0.9, False), (1.1, True), (-1.1, True), (np.nan, True), (np.inf, True)):
        other = torchs.copy()
        other[2, 0, 1] = factor * limit
        if refused:
            with pytest.raises(BadInput, match=r"computes other logits than torch does.*nothing was written"):
                check_same(other, torchs)
        else:
            check_same(other, torchs)


def test_a_model_is_compared_with_torch_item_by_item():
    labels = np.array([0, 0, 0, 1, 1], np.int64)
    reference = np.array([[2, 0], [2, 0], [0, 2], [0, 2], [2, 0]], np.float32)[:, None]  # right: 1, 2, 4
    found = np.array([[3, 0], [0, 2], [0, 2], [0, 2], [2, 0]], np.float32)[:, None]  # right: 1, 4
    figures = compared(found, reference, labels)
    assert figures["top1"] == 0.4 and figures["gain"] == pytest.approx(-0.2)
    assert figures["mean_per_class"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert figures["agreement"] == 0.8 and figures["largest_difference"] == 2
    assert (figures["gain_low"], figures["gain_high"]) == paired_shares_interval(2, 0, 1, 2)


def test_a_latency_is_the_median_of_rounds_in_which_the_networks_take_turns(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(measure.time, "process_time", lambda: clock[0])

    def network(name, seconds):
        def forward(given):
            order.append(name)
            clock[0] += 1000 if order.count(name) in (1, 2) else seconds  # loading, and an interruption
            return given

        return forward

    found = measure.latencies({"one": network("one", 0.5), "other": network("other", 0.25)}, torch.ones(1))
    assert found == {"one": 0.5, "other": 0.25}
    assert order == ["one", "other"] * (1 + measure.ROUNDS)


def test_latencies_are_those_of_each_network_on_one_thread():
    threads, inputs = [], torch.ones(2, 3)

    def forward(given):
        assert given is inputs
        threads.append(torch.get_num_threads())
        return given

    before = torch.get_num_threads()
    found = latencies({"one": forward, "other": forward}, inputs)
    assert found.keys() == {"one", "other"} and all(value >= 0 for value in found.values())
    assert set(threads) == {1} and torch.get_num_threads() == before
