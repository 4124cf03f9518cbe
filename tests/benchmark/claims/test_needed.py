"""What claims still need, by variant and seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.claims.needed import needs
from benchmark.config.suites import load_suite
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request


@pytest.fixture(scope="module")
def claims():
    """The cells of the suite of claims on one target, with two seeds."""
    request = Request(
        suite="claims", profile="smoke", targets=("cifar10",), overrides=("seeds=[0,2]",), root=Path("nowhere")
    )
    return load_suite("claims"), make_plan(request)


def test_every_seed_of_both_variants_is_needed_until_it_is_done(claims):
    suite, cells = claims
    states = dict.fromkeys((cell.id for cell in cells), "to run")
    found = {need.claim.name: need for need in needs(suite, cells, states)}
    assert list(found) == [claim.name for claim in suite.claims]
    assert str(found["1"]) == "claim 1 on cifar10 needs one datum (seeds 0, 2) and noise (seeds 0, 2)"
    for cell in cells:
        if not ("noise" in cell.variants and cell.key.seed == 2):
            states[cell.id] = "done"
    found = {need.claim.name: need for need in needs(suite, cells, states)}
    assert str(found["1"]) == "claim 1 on cifar10 needs noise (seed 2)"
    assert [need.claim.name for need in found.values() if not need.is_met] == ["1", "7"]
    assert str(found["2"]) == "claim 2 on cifar10 needs nothing more"
    assert {need.planned_seeds for need in found.values()} == {2}


def test_missing_data_missing_cells_and_equal_variants_are_told(claims):
    suite, cells = claims
    states = {cell.id: "no data" if "real training items" in cell.variants else "done" for cell in cells}
    found = {need.claim.name: str(need) for need in needs(suite, cells, states) if not need.is_met}
    assert found == {"5": "claim 5 on cifar10 needs real training items (seeds 0, 2, no data)"}
    some = [cell for cell in cells if "sparse" not in cell.variants]
    found = {need.claim.name: str(need) for need in needs(suite, some, states)}
    assert found["2"] == "claim 2 on cifar10 needs sparse (not planned)"
    request = Request(
        suite="claims", profile="smoke", targets=("cifar10",), overrides=("recipe.mixing=none",), root=Path("nowhere")
    )
    alike = make_plan(request)
    same = {need.claim.name: need for need in needs(suite, alike, dict.fromkeys((c.id for c in alike), "done"))}["3b"]
    assert not same.is_met and "CutMix and no CutMix are the same cells" in str(same)
