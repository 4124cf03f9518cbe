"""Claims about prototypes: what the teacher recognised of each student and of its control, for each seed."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmark.claims.collect import judged_claims
from benchmark.config.schema import Claim
from benchmark.config.suites import load_suite
from benchmark.planning.cell import write_manifest
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.prototypes import Recognised, read_recognised, write_recognised
from benchmark.records.store import PROTOTYPES, Store
from benchmark.statistics.items import design_of
from benchmark.statistics.paired import compare
from example_leaderboard import cell
from modalities.errors import BadInput

CLAIM = {
    "name": "7", "hypothesis": "The teacher recognises more.", "better": "one datum", "than": "noise",
    "at_least": 0.1, "at_most_worse": 0.0, "targets": ["*"], "figure": "prototypes",
}  # fmt: skip
LABELS = [number // 8 for number in range(80)]


def right(share: float, seed: int) -> list[bool]:
    return (np.random.default_rng(seed).random(80) < share).tolist()


def seen(seed: int, other: str, share: float = 0.9, control: float = 0.4) -> Recognised:
    return Recognised(
        LABELS, {"student": right(share, seed), "noise student": right(control, 10 + seed)}, {"noise student": other}
    )


@pytest.fixture
def store(tmp_path) -> Store:
    """A suite of one claim about prototypes, whose cells are done; nothing is known of prototypes yet."""
    store = Store(tmp_path / "small")
    made = {label: [cell(settings=n, seed=seed) for seed in range(3)] for n, label in enumerate(("one datum", "noise"))}
    variants = {label: [cells[0][0].row] for label, cells in made.items()}
    store.write_manifest(
        "claims", {}, [entry for cells in made.values() for entry, _ in cells], variants=variants, claims=[CLAIM]
    )
    for cells in made.values():
        for _, record in cells:
            store.write(record)
    return store


def ids(store: Store) -> tuple[list[str], list[str]]:
    rows: dict[str, list[tuple[int, str]]] = {}
    for found in store.requested_cells():
        rows.setdefault(found.row, []).append((found.seed, found.id))
    (manifest,) = store.manifest_files().values()
    own, other = ([id for _, id in sorted(rows[manifest.variants[label][0]])] for label in ("one datum", "noise"))
    return own, other


def judged(store: Store):
    ((comparison, judgement),) = judged_claims(store.root.parent)
    return comparison, judgement


def test_the_shares_of_all_seeds_are_compared_from_the_same_beginnings(store):
    own, others = ids(store)
    for seed, (id, other) in enumerate(zip(own, others, strict=True)):
        write_recognised(store, id, seen(seed, other))
    comparison, judgement = judged(store)
    one, other = (np.array([right(share, base + seed) for seed in range(3)]) for share, base in ((0.9, 0), (0.4, 10)))
    assert comparison.measured.difference == compare(one, other, design_of(80))
    assert comparison.measured.accuracies == (one.mean(), other.mean())
    assert judgement.verdict == "supported"
    assert "shares of prototypes" in comparison.note and "one seed" not in comparison.note


def test_no_effect_is_contradicted(store):
    own, others = ids(store)
    for seed, (id, other) in enumerate(zip(own, others, strict=True)):
        write_recognised(store, id, seen(seed, other, share=0.4))
    assert judged(store)[1].verdict == "contradicted"


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (
            lambda seed, other: None if seed == 2 else seen(seed, other),
            "one datum, seed 2: no prototypes were made yet",
        ),
        (lambda seed, other: seen(seed, "another-cell"), "seed 0; make them again"),
        (lambda seed, other: replace(seen(seed, other), labels=[seed] * 80), "prototypes of different classes"),
    ],
    ids=["one is missing", "another control", "other classes"],
)
def test_what_is_not_known_is_undecided_and_says_why(store, kept, said):
    for seed, (id, other) in enumerate(zip(*ids(store), strict=True)):
        if found := kept(seed, other):
            write_recognised(store, id, found)
    comparison, judgement = judged(store)
    assert judgement.verdict == "undecided" and comparison.measured.difference is None
    assert said in comparison.note and comparison.measured.accuracies == (None, None)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"labels": [1], "right": {"student": [true, false]}, "cells": {}}',
     '{"labels": [1], "right": {"noise student": [true]}, "cells": {}}'],
)  # fmt: skip
def test_a_damaged_file_is_named(store, text):
    id = ids(store)[0][0]
    (store.cell(id) / PROTOTYPES).write_text(text)
    with pytest.raises(BadInput, match=r"prototypes\.json is not about prototypes") as refused:
        read_recognised(store, id)
    assert "\n" not in str(refused.value)
    comparison, judgement = judged(store)
    assert judgement.verdict == "undecided" and "prototypes.json" in comparison.note


def test_a_cell_that_is_run_again_forgets_its_prototypes(store):
    own, others = ids(store)
    write_recognised(store, own[0], seen(0, others[0]))
    assert read_recognised(store, own[0]) == seen(0, others[0])
    record = store.read(own[0])
    assert record is not None
    store.write(record)
    assert read_recognised(store, own[0]) is None


def test_a_figure_that_does_not_exist_is_refused_wherever_it_stands(store, tmp_path):
    cells = store.requested_cells()
    store.write_manifest("other", {}, cells, claims=[CLAIM | {"figure": "beauty"}])
    with pytest.raises(BadInput, match="there is no figure named 'beauty'"):
        judged_claims(store.root.parent)
    file = tmp_path / "mine.yaml"
    file.write_text(
        "suite: {variants: {a: [], b: []}, "
        "claims: [{name: x, hypothesis: y, better: a, than: b, at_least: 0.1, figure: prototype}]}"
    )
    with pytest.raises(BadInput, match=r"claim x: there is no figure named 'prototype'.*prototypes"):
        load_suite(str(file))


def test_manifests_name_the_figure_only_if_it_is_not_the_accuracy(tmp_path):
    """Those of earlier versions do not, and a claim that has not changed must not count as a late one."""
    cells = make_plan(Request(suite="claims", profile="smoke", targets=("cifar10",), overrides=("seeds=[0]",)))
    store, suite = Store(tmp_path / "smoke"), load_suite("claims")
    write_manifest(store, suite, {}, cells)
    (manifest,) = store.manifest_files().values()
    assert {claim["name"]: claim.get("figure") for claim in manifest.claims} == {
        **dict.fromkeys(("1", "2", "3a", "3b", "4a", "4b", "5", "6")), "7": "prototypes",
    }  # fmt: skip
    assert "figure" in asdict(Claim("1", "x", "a", "b"))
