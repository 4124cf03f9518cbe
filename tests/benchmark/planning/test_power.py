"""What a plan can show: from what is known of a dataset, and from results as soon as there are some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.planning.plan import make_plan
from benchmark.planning.power import smallest_differences
from benchmark.planning.select import Request
from benchmark.records.provenance import provenance
from benchmark.records.store import Store
from benchmark.statistics.planning import minimum_detectable_effect


def cells(tmp_path, profile, targets, *overrides):
    request = Request(
        suite="all", profile=profile, root=tmp_path / "none", device="cpu", targets=targets, overrides=[*overrides]
    )
    return make_plan(request)


def test_the_known_test_items_and_the_seeds_of_the_row_decide(tmp_path):
    planned = cells(tmp_path, "small", ["cifar10", "digits"], "seeds=[0,1,2]")
    found = smallest_differences(planned, set(), Store(tmp_path / "small"))
    assert {cell.key.target: found[cell.id] for cell in planned} == {
        "cifar10": minimum_detectable_effect(10_000, 3),
        "digits": minimum_detectable_effect(365, 3),
    }


def test_folds_have_their_own_numbers_of_items(tmp_path):
    planned = cells(tmp_path, "small", ["ucf101"], "folds=[1,2]")
    found = [smallest_differences(planned, set(), Store(tmp_path / "small"))[cell.id] for cell in planned]
    assert found == [minimum_detectable_effect(items) for items in planned[0].adapter.info.fold_test_items[:2]]


def test_stand_ins_are_of_unknown_size_until_one_has_a_result(tmp_path):
    planned, store = cells(tmp_path, "smoke", ["esc50"], "seeds=[0,1]"), Store(tmp_path / "smoke")
    assert smallest_differences(planned, set(), store) == {}
    done = planned[0].record(
        "done", provenance=provenance("cpu", 1), metrics={"top1": 0.8, "top1_effective_items": 33.5}
    )
    store.write(done)
    found = smallest_differences(planned, {done.id}, store)
    assert found == dict.fromkeys((cell.id for cell in planned), minimum_detectable_effect(33.5, 2))


@pytest.mark.parametrize("metric", ["top-1", "mean per-class"])
def test_effective_items_are_those_of_the_targets_metric(tmp_path, metric):
    (planned,), store = cells(tmp_path, "smoke", ["esc50"]), Store(tmp_path / "smoke")
    figures = {"top1_effective_items": 50.0, "mean_per_class_effective_items": 20.0}
    store.write(replace(planned.record("done", provenance=provenance("cpu", 1), metrics=figures), metric=metric))
    found = smallest_differences([planned], {planned.id}, store)
    assert found[planned.id] == minimum_detectable_effect(50.0 if metric == "top-1" else 20.0)
