"""`benchmark claims`: from records and predictions alone to a table in each format."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.claims.collect import Tested, judged_claims
from benchmark.cli.app import app
from benchmark.records.store import Predictions, Store
from benchmark.statistics.items import design_of
from benchmark.statistics.paired import compare
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


def one_more(**changes) -> list[dict]:
    """The claims, and a further one named 7."""
    return claims({"name": "7", "hypothesis": "x", "better": "one datum", "than": "noise", "at_least": 0.1} | changes)


def predictions(share: float, seed: int, ids: str = "i", groups: int = ITEMS) -> Predictions:
    """Labels, and outputs of a student that is right on about that share of the items."""
    labels = np.arange(ITEMS) % CLASSES
    right = np.random.default_rng(seed).random(ITEMS) < share
    logp = np.full((ITEMS, CLASSES), -9.0, np.float16)
    logp[np.arange(ITEMS), np.where(right, labels, (labels + 1) % CLASSES)] = -0.1
    clusters = [f"i{i * groups // ITEMS}" for i in range(ITEMS)]
    return Predictions([f"{ids}{i}" for i in range(ITEMS)], labels, logp, clusters)


def entries_of(label: str, seeds: int = 3, **axes):
    return [cell(settings=list(SHARES).index(label), seed=seed, top1=SHARES[label], **axes) for seed in range(seeds)]


def filled(folder, *, seeds=3, left_out=(), made=None, selection=None, **axes) -> Store:
    """A store of a suite whose variants are those of SHARES; seeds of those that are ``left_out`` have not run."""
    store = Store(folder / axes.get("profile", "demo"))
    cells = {label: entries_of(label, seeds, **{"data": "stand-in"} | axes) for label in SHARES}
    entries = [entry for found in cells.values() for entry, _ in found]
    variants = {label: [found[0][0].row] for label, found in cells.items()}
    store.write_manifest("claims", selection or {}, entries, variants=variants, claims=made or claims())
    for number, (label, found) in enumerate(cells.items()):
        for seed, (_, record) in enumerate(found):
            if (label, seed) not in left_out:
                store.write(record, predictions=predictions(SHARES[label], 10 * number + seed))
    return store


def judged(store: Store) -> list[Tested]:
    return judged_claims(store.root.parent)


def verdicts(store: Store) -> dict[str, str]:
    return {comparison.claim.name: found.verdict for comparison, found in judged(store)}


def notes(store: Store) -> dict[str, str]:
    return {comparison.claim.name: comparison.note for comparison, _ in judged(store)}


def rewrite(store: Store, label: str, share: float | None = None, ids: str = "i", groups: int = ITEMS, **changes):
    """Write the records of a variant anew, changed, and its predictions."""
    for seed, (_, record) in enumerate(entries_of(label, data="stand-in")):
        found = predictions(share or SHARES[label], seed, ids, groups)
        store.write(replace(record, **changes), predictions=found)


def test_verdicts_come_from_the_predictions(tmp_path):
    store = filled(tmp_path)
    assert verdicts(store) == {"1": "supported", "5": "supported", "9": "contradicted"}
    first = judged(store)[0][0]
    right = [
        np.array([predictions(share, base + seed).logp.argmax(1) == np.arange(ITEMS) % 10 for seed in range(3)])
        for share, base in ((0.8, 0), (0.3, 10))
    ]
    assert first.measured.difference == compare(*right, design_of(ITEMS))
    assert first.measured.difference.value == pytest.approx(right[0].mean() - right[1].mean())
    assert first.measured.accuracies == (pytest.approx(0.8), pytest.approx(0.3))
    assert (first.target, first.measured.seeds, first.data) == ("digits", "3", "stand-in")


# --- what a claim is about ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "made"), [(["cifar*"], False), (["audio/*"], False), (["image/dig*"], True), (["x", "digits"], True)]
)
def test_a_claim_is_made_for_its_targets(tmp_path, targets, made):
    assert ("7" in verdicts(filled(tmp_path, made=one_more(targets=targets)))) is made


def test_a_variant_that_the_modality_does_not_have_makes_no_claim_there(tmp_path):
    """A suite may have variants of one modality; a claim about them would else make the others less certain."""
    store = filled(tmp_path)
    entries = [entry for label in ("one datum", "noise") for entry, _ in entries_of(label, data="stand-in")]
    rows = {"one datum": [entries[0].row], "noise": [entries[-1].row], "chords": []}
    store.write_manifest("own", {}, entries, variants=rows, claims=one_more(name="8", than="chords")[::3])
    own = [one for one in judged(store) if one[0].suite == "own"]
    assert [comparison.claim.name for comparison, _ in own] == ["1"]
    assert own[0][1].adjusted_for == own[0][1].p_for


def test_a_variant_that_was_not_requested_is_named(tmp_path):
    store = filled(tmp_path, made=one_more(better="gone"))
    assert (verdicts(store)["7"], notes(store)["7"]) == ("undecided", "gone was not requested")


def test_what_several_runs_requested_counts_once(tmp_path):
    alone = judged(filled(tmp_path))
    assert judged(filled(tmp_path, selection={"targets": ["digits"]})) == alone


def test_many_typed_settings_do_not_push_the_figures_off_the_page(tmp_path):
    typed = ["recipe=onecycle", "recipe.steps=600", "recipe.batch=256", "teacher.training.lr=0.01", "seeds=[0,1,2]"]
    filled(tmp_path, selection={"overrides": typed})
    assert "| digits (recipe=onecycle recipe.steps=600 and 3 more) |" in printed(tmp_path, "--format", "markdown")
    filled(tmp_path / "few", selection={"overrides": ["recipe.budget=0.2"]})
    assert "| digits (recipe.budget=0.2) |" in printed(tmp_path / "few", "--format", "markdown")


def test_a_variant_is_not_compared_with_itself(tmp_path):
    """A setting that was typed may make two variants the same cells, which differ in nothing whatever is true."""
    store = filled(tmp_path)
    entries = [entry for entry, _ in entries_of("one datum", data="stand-in")]
    rows = {"one datum": [entries[0].row], "noise": [entries[0].row], "real": [entries[0].row]}
    store.write_manifest("claims", {}, entries, variants=rows, claims=claims())
    assert set(verdicts(store).values()) == {"undecided"}
    assert set(notes(store).values()) == {"both variants are the same cells here"}


# --- what is missing ---------------------------------------------------------------------------------------------


def test_a_cell_that_has_not_run_leaves_its_claims_undecided_and_says_which(tmp_path):
    store = filled(tmp_path, left_out=(("noise", 1),))
    assert verdicts(store) == {"1": "undecided", "5": "supported", "9": "undecided"}
    assert notes(store)["1"] == notes(store)["9"] == "noise, seed 1: not run yet"
    assert {comparison.measured.seeds for comparison, _ in judged(store)} == {"3 and 2/3", "3", "2/3 and 3"}


def test_leaving_cells_out_makes_no_other_claim_more_certain(tmp_path):
    def adjusted(store):
        return {comparison.claim.name: found.adjusted_for for comparison, found in judged(store)}

    complete, lacking = filled(tmp_path / "a"), filled(tmp_path / "b", left_out=(("noise", 1),))
    assert adjusted(lacking)["5"] >= adjusted(complete)["5"] > 0


def test_a_failure_says_what_it_was(tmp_path):
    store = filled(tmp_path)
    rewrite(store, "real", status="diverged", reason="the loss is not finite.")
    assert notes(store)["5"] == "real, seed 0: diverged: the loss is not finite"
    assert "5, digits: real, seed 0: diverged: the loss is not finite.\n" in printed(tmp_path)


def test_a_run_without_data_gives_way_to_one_with_data(tmp_path):
    store = filled(tmp_path)
    absent = [cell(settings=9, seed=0, data="stand-in", status="no data", source=name) for name in ("deadleaves", "x")]
    for _, record in absent:
        store.write(record)
    entries = [entry for entry, _ in absent]
    rows = {"one datum": [entries[0].row], "noise": [entries[1].row]}
    store.write_manifest("claims", {"targets": ["digits"]}, entries, variants=rows, claims=claims()[:1])
    assert [(c.claim.name, found.verdict) for c, found in judged(store)] == [
        ("1", "supported"), ("5", "supported"), ("9", "contradicted"),
    ]  # fmt: skip
    lone = Store(tmp_path / "lone" / "demo")
    for _, record in absent:
        lone.write(record)
    lone.write_manifest("claims", {}, entries, variants=rows, claims=claims()[:1])
    assert notes(lone)["1"].startswith("one datum, seed 0: no data")


def test_damaged_predictions_cost_their_claims_alone(tmp_path):
    store = filled(tmp_path)
    entry, _ = cell(settings=1, data="stand-in")
    (store.cell(entry.id) / "predictions.npz").write_bytes(b"no")
    assert verdicts(store) == {"1": "undecided", "5": "supported", "9": "undecided"}
    assert str(tmp_path) not in notes(store)["1"]


def test_rows_of_other_items_or_of_another_metric_are_not_compared(tmp_path):
    store = filled(tmp_path)
    rewrite(store, "noise", ids="other")
    assert notes(store)["1"] == "the two are scored on different test items; run their cells again"
    rewrite(store, "noise", metric="mean per-class")
    assert notes(store)["1"] == "one datum is scored by top-1 accuracy, noise by mean per-class"
    assert verdicts(store) == {"1": "undecided", "5": "supported", "9": "undecided"}


# --- what to mind ------------------------------------------------------------------------------------------------


def test_one_seed_says_that_it_is_one_and_is_tested_as_ranks_are(tmp_path):
    store = filled(tmp_path, seeds=1)
    assert set(notes(store).values()) == {"one seed: for other test items only"}
    right = [predictions(share, base).logp.argmax(1) == np.arange(ITEMS) % 10 for share, base in ((0.8, 0), (0.81, 20))]
    found = judged(store)[1][0].measured.difference
    assert found == compare(right[0][None], right[1][None], design_of(ITEMS))


def test_a_collapsed_student_is_marked_and_still_judged(tmp_path):
    store = filled(tmp_path)
    rewrite(store, "noise", metrics={"top1": 0.3, "items": ITEMS, "classes": 10, "classes_predicted": 2})
    assert notes(store)["1"] == "the student of noise predicts too few classes"
    assert verdicts(store)["1"] == "supported"


def test_a_target_whose_metric_is_balanced_is_compared_by_it(tmp_path):
    store = filled(tmp_path)
    for label in ("one datum", "noise"):
        rewrite(store, label, metric="mean per-class")
    right = [
        np.array([predictions(SHARES[label], seed).logp.argmax(1) == np.arange(ITEMS) % 10 for seed in range(3)])
        for label in ("one datum", "noise")
    ]
    found = judged(store)[0][0].measured
    assert found.difference == compare(*right, design_of(ITEMS, None, np.arange(ITEMS) % 10))
    assert found.accuracies == (pytest.approx(0.79), pytest.approx(0.29))  # what the records call mean per class


def test_a_single_leak_unit_decides_nothing_and_has_a_row_in_every_format(tmp_path):
    store = filled(tmp_path)
    for label in SHARES:
        rewrite(store, label, groups=1)
    assert set(verdicts(store).values()) == {"undecided"}
    assert json.loads(printed(tmp_path, "--format", "json"))["claims"][0]["standard_error"] is None


def test_a_claim_that_was_changed_between_runs_says_so(tmp_path):
    filled(tmp_path)
    changed = [claim | {"at_least": 0.01} if claim["name"] == "1" else claim for claim in claims()]
    store = filled(tmp_path, made=changed, selection={"targets": ["digits"]})
    found = [(c.claim.at_least, c.note) for c, _ in judged(store) if c.claim.name == "1"]
    assert sorted(at_least for at_least, _ in found) == [0.01, 0.05]
    assert all("the claim was another one in another run" in note for _, note in found)
    assert {c.note for c, _ in judged(store) if c.claim.name != "1"} == {""}


def test_a_claim_that_was_written_after_results_says_so(tmp_path):
    """The same call replaces its manifest: what was predicted before would else be gone."""
    filled(tmp_path, left_out=[(label, seed) for label in SHARES for seed in range(3)])
    easier = [claim | {"at_least": 0.01} if claim["name"] == "1" else claim for claim in claims()]
    assert "written down" not in str(notes(filled(tmp_path, made=easier))), "nothing was known yet"
    again = notes(filled(tmp_path, made=one_more()))
    late = {name for name, note in again.items() if note == "written down after cells of this suite had results"}
    assert late == {"1", "7"}
    assert notes(filled(tmp_path, made=one_more())) == again, "it stays so"


def test_rows_of_changed_files_are_compared_with_those_of_the_same_files(tmp_path):
    """A source of one name whose content has changed: its old rows stay, and each has its own verdict."""
    store = Store(tmp_path / "demo")
    files = {"one datum": ("new", "old"), "real": ("new", "old"), "noise": ("noise",)}
    entries, settings, variants = [], {}, {}
    for number, (label, sources) in enumerate(files.items()):
        for source in sources:
            entry, _ = cell(settings=f"{number} {source}")
            entries.append(entry)
            variants.setdefault(label, []).append(entry.row)
            settings[entry.row] = {
                "source": {"name": "photo", "sha256": source}, "data_fingerprint": "d", "teacher": {"weights": ""},
                "label": label,
            }  # fmt: skip
    store.write_manifest("claims", {}, entries, settings, variants=variants, claims=claims()[:2])
    found = [(c.claim.name, c.settings) for c, _ in judged(store)]
    assert sorted(found) == [(name, f"source {source}") for name in "15" for source in ("new", "old")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"at_least": "0.05"}, "'at_least': input should be a valid number"),
        ({"at_least": 0.05, "at_most_worse": 0.05}, "not one of at_least and at_most_worse between 0 and 1"),
        ({"at_least": 0}, "not one of"),
        ({"at_least": 1.5}, "not one of"),
        ({"targets": "digits"}, "'targets': input should be"),
        ({"name": None}, "'name': input should be a valid string"),
    ],
)
def test_a_manifest_with_a_damaged_claim_costs_one_sentence_that_names_it(tmp_path, change, problem):
    store = filled(tmp_path, made=[claims()[0] | change])
    (path,) = store.manifest_files()
    with pytest.raises(BadInput) as caught:
        judged(store)
    assert (
        str(path) in str(caught.value) and problem in str(caught.value) and "run its suite again" in str(caught.value)
    )


def test_a_claim_without_a_name_is_damaged_too(tmp_path):
    with pytest.raises(BadInput, match="missing: better, name"):
        judged(filled(tmp_path, made=[{"hypothesis": "x", "than": "noise", "at_least": 0.1}]))


# --- the command -------------------------------------------------------------------------------------------------


def printed(folder, *words) -> str:
    done = CliRunner().invoke(app, ["claims", "--results", str(folder), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows_of(folder, *words) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(printed(folder, "--format", "csv", *words))))


def test_every_format_has_every_claim_and_says_what_stand_ins_are_worth(tmp_path):
    filled(tmp_path)
    for format in ("text", "latex", "markdown", "html"):
        text = printed(tmp_path, "--format", format)
        assert len(re.findall(r"\bsupported", text)) >= 2 and "contradicted" in text and "A datum beats noise." in text
        assert "about generated stand-ins, NOT about the real datasets" in text
    assert "\\toprule" in printed(tmp_path, "--format", "latex")
    rows = rows_of(tmp_path)
    assert [row["verdict"] for row in rows] == ["supported", "supported", "contradicted"]
    assert {row["data"] for row in rows} == {"stand-in"}
    content = json.loads(printed(tmp_path, "--format", "json"))["claims"]
    assert [row["claim"] for row in content] == ["1", "5", "9"]
    assert float(rows[0]["difference"]) == pytest.approx(content[0]["difference"])
    for row in rows:
        assert float(row["low"]) < float(row["difference"]) < float(row["high"])
        assert 0 < float(row["detectable"]) < 0.05
    assert float(rows[2]["p_against_adjusted"]) <= 0.05 < float(rows[2]["p_for_adjusted"])


def test_texts_of_a_suite_cannot_forge_a_document(tmp_path):
    filled(tmp_path, made=one_more(hypothesis="=1+1 <script>\x1b[31m & \\input{x} \nnext"))
    for format, forged in (("html", "<script>"), ("text", "\x1b"), ("latex", "\\input{x}"), ("json", "<script>")):
        assert forged not in printed(tmp_path, "--format", format)
    assert rows_of(tmp_path)[-1]["hypothesis"].startswith("'=1+1")


def test_verdicts_on_real_data_carry_no_caveat(tmp_path):
    filled(tmp_path, data="real")
    assert "stand-in" not in printed(tmp_path)


def test_profiles_and_kinds_of_data_are_blocks_and_families_of_their_own(tmp_path):
    filled(tmp_path)
    alone = rows_of(tmp_path)
    filled(tmp_path, data="real", profile="small")
    filled(tmp_path, profile="smoke")
    rows = rows_of(tmp_path)
    assert [(row["profile"], row["data"]) for row in rows[::3]] == [
        ("demo", "stand-in"), ("small", "real"), ("smoke", "stand-in"),
    ]  # fmt: skip
    assert rows[:3] == alone, "others change no p-value"
    text = printed(tmp_path)
    titles = re.findall("^suite claims, profile .*", text, re.MULTILINE)
    assert titles == [
        f"suite claims, profile {kind} data" for kind in ("demo, stand-in", "small, real", "smoke, stand-in")
    ]
    assert "its verdicts mean nothing" in text
    assert {row["profile"] for row in rows_of(tmp_path, "--profile", "small")} == {"small"}


def test_suites_are_chosen_by_name(tmp_path):
    store = filled(tmp_path)
    entries = [entry for label in ("one datum", "noise") for entry, _ in entries_of(label, data="stand-in")]
    rows = {"one datum": [entries[0].row], "noise": [entries[-1].row]}
    store.write_manifest("own", {}, entries, variants=rows, claims=claims()[:1])
    assert [row["suite"] for row in rows_of(tmp_path)] == ["claims"] * 3 + ["own"]
    assert [row["suite"] for row in rows_of(tmp_path, "--suite", "own")] == ["own"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--suite", "claim"], "there is no suite with claims named 'claim'; did you mean claims?"),
        (["--profile", "paper"], "holds no claims; run a suite that makes some"),
        (["--format", "yaml"], "--format yaml is not known"),
    ],
)
def test_wrong_usage_is_one_sentence(tmp_path, words, sentence):
    filled(tmp_path)
    with pytest.raises(BadInput, match=re.escape(sentence)):
        CliRunner().invoke(app, ["claims", "--results", str(tmp_path), *words], catch_exceptions=False)


def test_an_empty_folder_says_what_to_run(tmp_path):
    with pytest.raises(BadInput, match="holds no claims; run a suite that makes some"):
        judged_claims(tmp_path)


def test_the_same_records_give_the_same_bytes(tmp_path):
    filled(tmp_path)
    for format in ("text", "csv", "json", "latex", "markdown", "html"):
        assert printed(tmp_path, "--format", format) == printed(tmp_path, "--format", format)
