"""`benchmark claims`: from records and predictions alone to a table in each format."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.claims.collect import judged_claims
from benchmark.cli.app import app
from benchmark.records.store import Predictions, Store
from example_leaderboard import cell
from modalities.errors import BadInput

ITEMS, CLASSES = 2000, 10
SHARES = {"one datum": 0.8, "noise": 0.3, "real": 0.81, "poor": 0.4}
CLAIMS = [
    {"name": "1", "hypothesis": "A datum beats noise.", "better": "one datum", "than": "noise", "at_least": 0.05},
    {"name": "5", "hypothesis": "It comes close.", "better": "one datum", "than": "real", "at_most_worse": 0.05},
    {"name": "9", "hypothesis": "Noise is close.", "better": "noise", "than": "real", "at_most_worse": 0.05},
]


def claims(*changes: dict) -> list[dict]:
    standard = {"at_least": 0.0, "at_most_worse": 0.0, "targets": ["*"]}
    return [standard | claim for claim in (*CLAIMS, *changes)]


def predictions(share: float, seed: int) -> Predictions:
    """Labels, and outputs of a student that is right on about that share of the items."""
    labels = np.arange(ITEMS) % CLASSES
    right = np.random.default_rng(seed).random(ITEMS) < share
    logp = np.full((ITEMS, CLASSES), -9.0, np.float16)
    logp[np.arange(ITEMS), np.where(right, labels, (labels + 1) % CLASSES)] = -0.1
    return Predictions([f"i{i}" for i in range(ITEMS)], labels, logp, [f"i{i}" for i in range(ITEMS)])


def filled(folder, *, seeds=3, data="stand-in", left_out=(), made=None, **manifest) -> Store:
    """A store of a suite whose variants are those of SHARES; seeds of those that are ``left_out`` have not run."""
    store = Store(folder / "demo")
    entries, variants = [], {}
    for number, label in enumerate(SHARES):
        for seed in range(seeds):
            entry, record = cell(settings=number, seed=seed, data=data, top1=SHARES[label])
            entries.append(entry)
            variants.setdefault(label, [entry.row])
            if (label, seed) not in left_out:
                store.write(record, predictions=predictions(SHARES[label], 10 * number + seed))
    wanted = made or claims()
    store.write_manifest("claims", manifest.get("selection", {}), entries, variants=variants, claims=wanted)
    return store


def verdicts(store: Store) -> dict[str, str]:
    return {comparison.claim.name: judged.verdict for comparison, judged in judged_claims(store)}


def test_verdicts_come_from_the_predictions(tmp_path):
    found = judged_claims(filled(tmp_path))
    assert verdicts(filled(tmp_path / "again")) == {"1": "supported", "5": "supported", "9": "contradicted"}
    first = found[0][0]
    expected = np.mean([predictions(0.8, seed).logp.argmax(1) == np.arange(ITEMS) % 10 for seed in range(3)])
    expected -= np.mean([predictions(0.3, 10 + seed).logp.argmax(1) == np.arange(ITEMS) % 10 for seed in range(3)])
    assert first.difference.value == pytest.approx(expected)
    assert (first.target, first.seeds, first.data) == ("digits", "3", "stand-in")


def test_a_cell_that_has_not_run_leaves_its_claims_undecided_and_says_which(tmp_path):
    store = filled(tmp_path, left_out=(("noise", 1),))
    assert verdicts(store) == {"1": "undecided", "5": "supported", "9": "undecided"}
    notes = {comparison.claim.name: comparison.note for comparison, _ in judged_claims(store)}
    assert notes["1"] == notes["9"] == "noise, seed 1: not run yet"


def test_one_seed_says_that_it_is_one(tmp_path):
    assert {c.note for c, _ in judged_claims(filled(tmp_path, seeds=1))} == {"one seed: for other test items only"}


def test_a_claim_about_other_targets_is_not_tested_here(tmp_path):
    other = claims({"name": "7", "hypothesis": "x", "better": "noise", "than": "real", "at_least": 0.1,
                    "targets": ["cifar*"]})  # fmt: skip
    assert "7" not in verdicts(filled(tmp_path, made=other))


def test_a_variant_that_was_not_requested_is_named(tmp_path):
    odd = claims({"name": "7", "hypothesis": "x", "better": "gone", "than": "real", "at_least": 0.1})
    found = {c.claim.name: (judged.verdict, c.note) for c, judged in judged_claims(filled(tmp_path, made=odd))}
    assert found["7"] == ("undecided", "gone was not requested")


def test_damaged_predictions_cost_their_claims_alone(tmp_path):
    store = filled(tmp_path)
    entry, _ = cell(settings=1, data="stand-in")
    (store.cell(entry.id) / "predictions.npz").write_bytes(b"no")
    assert verdicts(store) == {"1": "undecided", "5": "supported", "9": "undecided"}


def test_a_claim_that_was_changed_between_runs_says_so(tmp_path):
    filled(tmp_path)
    changed = [claim | {"at_least": 0.01} if claim["name"] == "1" else claim for claim in claims()]
    store = filled(tmp_path, made=changed, selection={"overrides": ["threads=2"]})
    notes = [(c.claim.name, c.settings, c.note) for c, _ in judged_claims(store)]
    assert sorted(notes) == [
        ("1", "", "the claim was another one in another run"),
        ("1", "threads=2", "the claim was another one in another run"),
        ("5", "", ""), ("5", "threads=2", ""), ("9", "", ""), ("9", "threads=2", ""),
    ]  # fmt: skip


def test_two_rows_of_one_label_are_not_chosen_from(tmp_path):
    store = Store(tmp_path / "demo")
    entries = [cell(settings=number)[0] for number in range(3)]
    variants = {"one datum": [entries[0].row, entries[1].row], "noise": [entries[2].row]}
    store.write_manifest("claims", {}, entries, variants=variants, claims=claims()[:1])
    [(comparison, judged)] = judged_claims(store)
    assert judged.verdict == "undecided" and "one datum stands for several rows" in comparison.note


def test_a_folder_without_claims_says_what_to_run(tmp_path):
    with pytest.raises(BadInput, match="holds no claims; run a suite that makes some"):
        judged_claims(Store(tmp_path))
    with pytest.raises(BadInput, match="no results of a suite mixing with claims; it has: claims"):
        judged_claims(filled(tmp_path), ["mixing"])


# --- the command -----------------------------------------------------------------------------------------------


def printed(folder, *words) -> str:
    done = CliRunner().invoke(app, ["claims", "--results", str(folder), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_format_has_every_claim_and_says_what_stand_ins_are_worth(tmp_path):
    filled(tmp_path)
    for format in ("text", "latex", "markdown", "html"):
        text = printed(tmp_path, "--format", format)
        assert len(re.findall(r"\bsupported", text)) >= 2 and "contradicted" in text and "A datum beats noise." in text
        assert "about generated stand-ins, NOT about the real datasets" in text
    rows = list(csv.DictReader(io.StringIO(printed(tmp_path, "--format", "csv"))))
    assert [row["verdict"] for row in rows] == ["supported", "supported", "contradicted"]
    assert {row["data"] for row in rows} == {"stand-in"}
    content = json.loads(printed(tmp_path, "--format", "json"))["claims"]
    assert [row["claim"] for row in content] == ["1", "5", "9"]
    assert float(rows[0]["difference"]) == pytest.approx(content[0]["difference"])


def test_verdicts_on_real_data_carry_no_caveat(tmp_path):
    filled(tmp_path, data="real")
    assert "stand-in" not in printed(tmp_path)


def test_the_same_records_give_the_same_bytes(tmp_path):
    filled(tmp_path)
    for format in ("text", "csv", "json", "latex", "markdown", "html"):
        assert printed(tmp_path, "--format", format) == printed(tmp_path, "--format", format)
