"""Predictions of others: scored as our own cells are, kept as records that say so, never overwritten, never ranked."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pytest

from benchmark.cli.why import facts, provenance_of
from benchmark.leaderboard import formats
from benchmark.leaderboard.compare import compare_rows, sides_of
from benchmark.leaderboard.documents import is_missing
from benchmark.leaderboard.hand_in import figures_again, score_file
from benchmark.leaderboard.merge import add_handed_in, merge
from benchmark.leaderboard.table import leaderboard
from benchmark.planning.reproduce import reproduction
from benchmark.records.find import find_cell
from benchmark.records.record import ManifestEntry, Record
from benchmark.records.store import Store
from handed_in import state, write_csv
from modalities.errors import BadInput

SMOKE = "smoke"
OF_STUDENT = ("top1", "top1_low", "top1_high", "mean_per_class", "mean_per_class_low", "mean_per_class_high", "items",
              "clusters", "classes", "classes_predicted", "top1_effective_items", "top5")  # fmt: skip


def logits_of(store, record):
    found = store.predictions(record.id)
    return found.item_ids, found.logp.astype(np.float64), found.labels


def written(folder, ids, logits, name="theirs", **said):
    path = folder / f"{name}.csv"
    header = ["item", *(f"logit_{number}" for number in range(logits.shape[1]))]
    write_csv(path, header, [[id, *map(repr, row)] for id, row in zip(ids, logits.tolist(), strict=True)])
    return state(path, **({"target": "digits", "label": "Theirs"} | said))


@pytest.fixture
def own(ran, tmp_path):
    """A store with one cell of our own, its item ids, and its predictions as logits."""
    store = Store(tmp_path / "results" / SMOKE)
    shutil.copytree(ran.store.root, store.root)
    store.write_manifest("all", {}, [entry_of(ran)], {ran.record.row: ran.record.settings})
    ids, logits, labels = logits_of(store, ran.record)
    return store, ids, logits, labels


def entry_of(ran):
    return ManifestEntry(id=ran.cell.id, row=ran.cell.row, teacher_key=ran.cell.teacher_key, **vars(ran.cell.key))


def hand_in(store, path):
    return add_handed_in(score_file(path, SMOKE, path.parent), store)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_our_own_predictions_score_as_our_own_record_says_and_no_item_changes(own, ran, tmp_path):
    store, ids, logits, _ = own
    backwards = written(tmp_path, ids[::-1], logits[::-1])
    handed = score_file(backwards, SMOKE, tmp_path)
    assert {name: handed.record.metrics[name] for name in OF_STUDENT} == {
        name: ran.record.metrics[name] for name in OF_STUDENT
    }
    assert handed.record.metrics["ece"] == pytest.approx(ran.record.metrics["ece"], abs=1e-3)
    assert handed.record.test_set == ran.record.test_set
    assert handed.record.controls == {name: ran.record.controls[name] for name in ("chance", "majority")}
    assert add_handed_in(handed, store).copied == 1
    pair = compare_rows(*sides_of(store.root.parent, [ran.record.id, handed.record.id]))
    assert (pair.changed_items, pair.difference.value, pair.verdict) == (0, 0.0, "undecided")
    assert set(pair.settings) == {"source", "handed_in"} and "libraries.torch" not in pair.environment


def test_every_figure_of_its_record_is_computed_again_from_its_predictions(own, tmp_path):
    store, ids, logits, labels = own
    write_csv(tmp_path / "classes.csv", ["item", "class_index"], zip(ids, logits.argmax(axis=1), strict=True))
    state(tmp_path / "classes.csv", target="digits", label="Classes alone")
    for path in (written(tmp_path, ids, logits), tmp_path / "classes.csv"):
        hand_in(store, path)
    records = [store.read(cell.id) for cell in store.requested_cells()]
    handed = [record for record in records if record.is_handed_in]
    assert len(handed) == 2
    for record in handed:
        assert Record.from_json(record.to_json()) == record
        predictions = store.predictions(record.id)
        assert figures_again(record, predictions) == record.metrics
        assert record.metrics["top1"] == float((logits.argmax(axis=1) == labels).mean())
        sha256 = hashlib.sha256(predictions.logp.tobytes()).hexdigest()
        assert record.provenance["handed_in"]["predictions_sha256"] == sha256
    (classes,) = (record for record in handed if record.source["name"] == "Classes alone")
    assert classes.metrics["ece"] is None and classes.metrics["top5"] is None


def test_the_same_predictions_are_the_same_row_whatever_file_they_come_in(own, tmp_path):
    store, ids, logits, _ = own
    hand_in(store, written(tmp_path, ids, logits))
    before = files(store.root)
    for path in (written(tmp_path, ids, logits), written(tmp_path, ids[::-1], logits[::-1], "again")):
        result = hand_in(store, path)
        assert (result.copied, result.same, result.conflicts) == (0, 1, [])
    assert files(store.root) == before


@pytest.mark.parametrize("change", ["predictions", "statement"])
def test_another_file_under_one_label_is_a_conflict_and_overwrites_nothing(own, tmp_path, change):
    store, ids, logits, _ = own
    hand_in(store, written(tmp_path, ids, logits, reference="A, 2026"))
    before = files(store.root)
    theirs = -logits if change == "predictions" else logits
    path = written(tmp_path, ids, theirs, reference="B, 2026" if change == "statement" else "A, 2026")
    (conflict,) = hand_in(store, path).conflicts
    wanted = "has other predictions" if change == "predictions" else "states another reference"
    assert wanted in conflict and "'Theirs'" in conflict and "another label" in conflict and str(path) in conflict
    assert files(store.root) == before
    assert hand_in(store, written(tmp_path, ids, theirs, label="Others")).copied == 1


def test_folders_with_other_predictions_under_one_label_are_a_conflict_too(own, tmp_path):
    _, ids, logits, _ = own
    for name, values in {"a": logits, "b": -logits, "c": logits}.items():
        hand_in(Store(tmp_path / name / SMOKE), written(tmp_path, ids, values))
    found, _ = merge([tmp_path / name for name in "abc"], tmp_path / "all")
    assert [(one.copied, one.same, len(one.conflicts)) for one in found.values()] == [(1, 0, 0), (0, 0, 1), (0, 1, 0)]


def test_a_record_with_figures_that_its_predictions_do_not_give_is_not_taken_from_a_folder(own, tmp_path):
    _, ids, logits, _ = own
    store = Store(tmp_path / "a" / SMOKE)
    handed = score_file(written(tmp_path, ids, logits), SMOKE, tmp_path)
    better = replace(handed.record, metrics=handed.record.metrics | {"ece": 0.0})
    add_handed_in(replace(handed, record=better), store)
    found, _ = merge([tmp_path / "a"], tmp_path / "all")
    (conflict,) = found[str(tmp_path / "a")].conflicts
    assert "that its figures do not come from" in conflict


def test_seeds_of_one_label_are_one_row(own, tmp_path):
    store, ids, logits, _ = own
    for seed in (0, 1):
        hand_in(store, written(tmp_path, ids, np.roll(logits, seed, axis=0), seed=seed))
    (row,) = rows_of(store, handed_in=True)
    assert row["seeds"] == "2" and row["score_two_way_low"] < row["score"] < row["score_two_way_high"]


def rows_of(store, *, handed_in):
    rows = leaderboard(store).to_dict("records")
    return [row for row in rows if bool(row["handed_in"]) == handed_in]


@pytest.mark.parametrize("label", ["Theirs", "noise", "photo.png", "real-training-items", "<b>", "=1+1"])
def test_our_own_rows_stay_as_they_are_and_theirs_are_marked_and_have_no_rank(own, tmp_path, label):
    store, ids, logits, _ = own
    before = rows_of(store, handed_in=False)
    hand_in(store, written(tmp_path, ids, logits, label=f"'{label}'", segments=1000, teacher_accuracy=0.9))
    frame = leaderboard(store)
    mine, (row,) = rows_of(store, handed_in=False), rows_of(store, handed_in=True)
    assert [{k: str(v) for k, v in one.items()} for one in mine] == [
        {k: str(v) for k, v in one.items()} for one in before
    ]
    assert row["rank_note"].startswith("no rank") and "training not seen by this tool" in row["note"]
    assert "1,000" in row["handed_in"] and "90.0 %" in row["handed_in"]
    of_others = ("segments", "seconds", "teacher_score", "retention", "student_steps", "teacher_forwards", "rank")
    assert [name for name in of_others if not is_missing(row[name])] == []
    own_figures = ("score", "score_low", "chance", "majority", "items", "ece")
    assert [name for name in own_figures if is_missing(row[name])] == []
    blocks = formats.blocks_of(frame.to_dict("records"))
    assert [title for _, title, _ in blocks][-1].endswith("predictions handed in: training not seen by this tool")
    for name in formats.FORMATS:
        assert "predictions handed in" in formats.FORMATS[name](frame), name


def test_leaderboards_without_any_have_the_columns_of_before(own):
    store = own[0]
    assert "handed_in" not in formats.to_csv(leaderboard(store)).splitlines()[0]
    assert '"handed_in"' not in formats.to_json(leaderboard(store))


STATEMENTS = {
    "no statement": (None, ["theirs.yaml is not there", "'target: NAME'"]),
    "no label": ({"label": None}, ["missing: label", "the keys are target, label"]),
    "another key": ({"acuracy": 0.9}, ["unknown: acuracy"]),
    "a wrong type": ({"segments": "many"}, ["'segments'"]),
    "a percentage": ({"teacher_accuracy": 95.0}, ["'teacher_accuracy'", "less than or equal to 1"]),
    "an unknown target": ({"target": "digitz"}, ["did you mean digits"]),
    "no such fold": ({"fold": 2}, ["digits has no fold 2; choose 1 to 1"]),
    "other items": ({"items_sha256": "ab12"}, ["the hash ab12", "data items digits"]),
    "a list": ("- a", ["not a mapping", "target: cifar10"]),
    "not YAML": ("a: [", ["cannot be read as YAML"]),
}


@pytest.mark.parametrize("fault", STATEMENTS)
def test_a_statement_that_does_not_fit_is_named_with_what_to_do(own, tmp_path, fault):
    _, ids, logits, _ = own
    said, wanted = STATEMENTS[fault]
    path = written(tmp_path, ids, logits)
    if said is None:
        path.with_suffix(".yaml").unlink()
    elif isinstance(said, str):
        path.with_suffix(".yaml").write_text(said, encoding="utf-8")
    else:
        known = {"target": "digits", "label": "Theirs"} | said
        state(path, **{key: value for key, value in known.items() if value is not None})
    with pytest.raises(BadInput) as error:
        score_file(path, SMOKE, tmp_path)
    assert all(text in str(error.value) for text in wanted), str(error.value)


def test_the_hash_of_the_listed_items_is_accepted(own, ran, tmp_path):
    _, ids, logits, _ = own
    path = written(tmp_path, ids, logits, items_sha256=ran.record.test_set["ids_sha256"])
    assert score_file(path, SMOKE, tmp_path).record.status == "done"


def test_it_is_found_as_a_cell_and_cannot_be_planned_again(own, tmp_path):
    store, ids, logits, _ = own
    hand_in(store, written(tmp_path, ids, logits))
    _, record = find_cell(store.root.parent, "digits-Theirs-s0")
    with pytest.raises(BadInput, match=r"handed in; `benchmark merge theirs\.csv` scores them again"):
        reproduction(record)


@pytest.mark.parametrize("provenance", [{}, {"handed_in": []}, {"handed_in": {"segments": "many", "source": 3}}])
def test_a_record_that_lacks_its_statement_costs_nothing_but_that(own, tmp_path, provenance):
    store, ids, logits, _ = own
    handed = score_file(written(tmp_path, ids, logits), SMOKE, tmp_path)
    bare = replace(handed.record, provenance=provenance)
    add_handed_in(replace(handed, record=bare), store)
    (row,) = rows_of(store, handed_in=True)
    assert row["handed_in"] and row["status"] == "done"
    found = provenance_of(store, store.read(bare.id), store.manifest_files().values())
    assert dict(facts(found))["score (top-1)"] and found["requested_by"] == ["benchmark merge FILE"]
