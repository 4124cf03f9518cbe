"""Files of predictions as others write them: what they say is taken exactly, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax, softmax

from benchmark.evaluation.metrics import predicted
from benchmark.leaderboard.prediction_files import as_csv, plain, read_predictions
from handed_in import INFO, some_items, write_csv
from modalities.errors import BadInput

ITEMS = some_items()
LOGIT = [f"logit_{number}" for number in range(3)]
PROBABILITY = [f"probability_{number}" for number in range(3)]
RIGHT = [[name, INFO.classes[label]] for name, label in zip(ITEMS.ids, ITEMS.labels, strict=True)]
SPREAD = [[name, 0.5, 0.3, 0.2] for name in ITEMS.ids]
LOGITS = arrays(np.float64, (6, 3), elements=st.floats(-1e6, 1e6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("handed-in")


def test_a_class_for_each_item_is_that_prediction_and_no_probability(folder):
    outputs = read_predictions(write_csv(folder / "a.csv", ["item", "class"], RIGHT), ITEMS)
    assert predicted(outputs.logp).tolist() == ITEMS.labels.tolist()
    assert not outputs.probabilities and np.isfinite(outputs.logp).all()


@given(order=st.permutations(range(6)), classes=st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_the_order_of_lines_and_the_way_to_name_items_and_classes_do_not_matter(folder, order, classes):
    by_name = [[ITEMS.ids[i], INFO.classes[classes[i]]] for i in order]
    by_number = [[i, classes[i]] for i in order]
    found = [
        read_predictions(write_csv(folder / "b.csv", ["item", "class"], by_name), ITEMS),
        read_predictions(write_csv(folder / "b.csv", ["Index", "CLASS_INDEX"], by_number), ITEMS),
    ]
    np.save(folder / "b.npy", np.array(classes))
    found.append(read_predictions(folder / "b.npy", ITEMS))
    for one in found:
        assert predicted(one.logp).tolist() == classes


@given(logits=LOGITS, order=st.permutations(range(6)))
def test_logits_mean_the_same_in_every_format_and_the_highest_is_predicted_whatever_is_rounded(folder, logits, order):
    write_csv(folder / "c.csv", ["item", *LOGIT], [[ITEMS.ids[i], *map(repr, logits[i].tolist())] for i in order])
    np.save(folder / "c.npy", logits)
    np.savez(folder / "c.npz", logits=logits[list(order)], item=np.array([ITEMS.ids[i] for i in order]))
    first, *others = (read_predictions(folder / f"c.{suffix}", ITEMS) for suffix in ("csv", "npy", "npz"))
    for other in others:
        assert np.array_equal(first.logp, other.logp)
    assert predicted(first.logp).tolist() == logits.argmax(axis=1).tolist()
    wanted = log_softmax(logits, axis=1)
    near = np.isclose(first.logp.astype(float), wanted.clip(np.finfo(np.float16).min), rtol=2e-3, atol=1e-6)
    assert near.all() and first.probabilities


@given(logits=arrays(np.float64, (6, 3), elements=st.floats(-8, 8)))
def test_probabilities_are_those_of_the_logits(folder, logits):
    np.savez(folder / "d.npz", probabilities=softmax(logits, axis=1))
    found = read_predictions(folder / "d.npz", ITEMS).logp.astype(float)
    assert np.allclose(found, log_softmax(logits, axis=1), rtol=2e-3, atol=1e-3)


def test_a_probability_of_0_rules_a_class_out(folder):
    rows = [[name, 0, 1, 0] for name in ITEMS.ids]
    found = read_predictions(write_csv(folder / "e.csv", ["item", *PROBABILITY], rows), ITEMS)
    assert predicted(found.logp).tolist() == [1] * 6 and found.probabilities


def test_the_class_that_is_named_is_predicted_where_outputs_tie(folder):
    rows = [[name, "dog", 0.4, 0.4, 0.2] for name in ITEMS.ids]
    found = read_predictions(write_csv(folder / "f.csv", ["item", "class", *PROBABILITY], rows), ITEMS)
    assert predicted(found.logp).tolist() == [1] * 6


def test_what_spreadsheets_and_other_systems_write_is_read(folder):
    text = "\ufeffItem,Class\r\n\r\n" + "".join(
        f'"{name}", "{label}" \r\n'
        for name, label in [["'=d.png", "dog"], *(row for row in RIGHT if row[0] != "=d.png")]
    )
    (folder / "g.CSV").write_text(text.replace("é", "e\u0301"), encoding="utf-8")
    assert predicted(read_predictions(folder / "g.CSV", ITEMS).logp).tolist() == [0, 1, 2, 1, 1, 2]


def test_the_list_of_items_can_be_filled_in_as_it_is(folder):
    listed = as_csv({"item": [plain(name) for name in ITEMS.ids], "class": [plain(name) for _, name in RIGHT]})
    (folder / "h.csv").write_text(listed, encoding="utf-8")
    assert predicted(read_predictions(folder / "h.csv", ITEMS).logp).tolist() == ITEMS.labels.tolist()


def changed(rows, line, *cells):
    return [*rows[:line], [*cells], *rows[line + 1 :]]


FAULTS = {
    "an unknown item": (["item", "class"], changed(RIGHT, 2, "x.png", "cat"), ["line 4", "'x.png'", "data items"]),
    "a number too large": (["index", "class"], [[6, "cat"]], ["line 2", "index '6'", "6 test items of pets3"]),
    "a negative number": (["index", "class"], [[-1, "cat"]], ["line 2", "index '-1'"]),
    "an item twice": (["item", "class"], [*RIGHT, RIGHT[0]], ["line 8", "'a/1.png', after line 2", "keep one"]),
    "an item too few": (["item", "class"], RIGHT[:-1], ["prediction for 1 of the 6", "'é.png' (index 5)", "add a row"]),
    "no line": (["item", "class"], [], ["no prediction for 6 of"]),
    "no header": (["a/1.png", "cat"], RIGHT[1:], ["first line", "unknown column 'a/1.png'", "item or index"]),
    "nothing at all": ([], [], ["first line", "item or index"]),
    "an unknown class": (["item", "class"], changed(RIGHT, 0, "a/1.png", "dgo"), ["line 2", "'dgo'", "you mean dog"]),
    "a class too many": (["item", "class_index"], [["a/1.png", 3]], ["class_index '3'", "3 of pets3"]),
    "half a class": (["item", "class_index"], [["a/1.png", 0.5]], ["class_index '0.5'"]),
    "no class": (["item", "class"], [["a/1.png", ""]], ["line 2", "class ''"]),
    "two ways to name items": (["item", "index", "class"], [], ["first line", "item or index"]),
    "a column twice": (["item", "class", "class"], [], ["'class' twice"]),
    "a score besides": (["item", "class", "accuracy"], [], ["unknown column 'accuracy'"]),
    "semicolons": (["item;class"], [["a/1.png;cat"]], ["unknown column 'item;class'", "separate columns by commas"]),
    "a class too few": (["item", *LOGIT[:2]], [], ["no column 'logit_2'", "3 classes of pets3"]),
    "an output too many": (["item", *LOGIT, "logit_3"], [], ["unknown column 'logit_3'", "3 classes"]),
    "both kinds": (["item", *LOGIT, *PROBABILITY], [], ["first line"]),
    "a comma as point": (["item", *LOGIT], [["a/1.png", 0, 5, 1, 2]], ["line 2", "5 cells", "point"]),
    "a cell too few": (["item", *LOGIT], [["a/1.png", 1, 2]], ["line 2", "3 cells"]),
    "a word": (["item", *LOGIT], [["a/1.png", 1, "high", 2]], ["line 2", "'high' as logit_1"]),
    "NaN": (["item", *LOGIT], changed(SPREAD, 1, "a/2.png", 1, "nan", 2), ["line 3", "nan as logit of class 1"]),
    "infinity": (["item", *LOGIT], changed(SPREAD, 1, "a/2.png", 1, 1, "-inf"), ["line 3", "-inf as logit of class 2"]),
    "percent": (["item", *PROBABILITY], changed(SPREAD, 1, "a/2.png", 50, 30, 20), ["line 3", "50 as probability"]),
    "a sum of 2": (["item", *PROBABILITY], changed(SPREAD, 1, "a/2.png", 1, 0.5, 0.5), ["line 3", "add up to 2"]),
    "a contradiction": (
        ["item", "class", *PROBABILITY], [[name, "dog", *own] for name, *own in SPREAD],
        ["line 2", "predicts dog", "highest for cat"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_with_its_line_and_what_to_do(folder, fault):
    header, rows, wanted = FAULTS[fault]
    path = write_csv(folder / "bad.csv", header, rows)
    with pytest.raises(BadInput) as error:
        read_predictions(path, ITEMS)
    said = str(error.value)
    assert said.startswith(str(path)) and all(text in said for text in wanted), said


OF_ARRAYS = {
    "rows": ({"logits": np.zeros((5, 3))}, ["5 rows, which are not the 6 test items of pets3"]),
    "classes": ({"logits": np.zeros((6, 4))}, ["logits of shape (6, 4)", "3 classes"]),
    "kind": ({"logits": np.full((6, 3), "a")}, ["type <U1"]),
    "names": ({"labels": np.zeros(6, int)}, ["the arrays 'labels'", "logits, probabilities, class_index"]),
    "two": ({"logits": np.zeros((6, 3)), "class_index": np.zeros(6, int)}, ["give one of"]),
    "none": ({}, ["the arrays 'none'"]),
    "no class": ({"class_index": np.array([0, 1, 2, 0, 1, 3])}, ["row 5", "class_index '3'"]),
    "shares": ({"class_index": np.zeros(6)}, ["type float64"]),
    "items": ({"logits": np.zeros((6, 3)), "item": np.array(["x"] * 6)}, ["row 0", "'x'"]),
    "items twice": ({"logits": np.zeros((6, 3)), "item": np.array(["a/1.png"] * 6)}, ["row 1", "after row 0"]),
    "items as numbers": ({"logits": np.zeros((6, 3)), "item": np.arange(6)}, ["item of shape (6,) and type int64"]),
    "not finite": ({"logits": np.full((6, 3), np.nan, np.float32)}, ["row 0", "nan as logit"]),
}


@pytest.mark.parametrize("fault", OF_ARRAYS)
def test_an_array_that_does_not_fit_is_named_with_its_row_and_what_to_do(folder, fault):
    content, wanted = OF_ARRAYS[fault]
    np.savez(folder / "bad.npz", **content)
    with pytest.raises(BadInput) as error:
        read_predictions(folder / "bad.npz", ITEMS)
    assert all(text in str(error.value) for text in (str(folder / "bad.npz"), *wanted)), str(error.value)


def test_files_that_are_damaged_too_large_or_something_else_are_refused(folder):
    (folder / "i.npz").write_bytes(b"PK")
    np.save(folder / "i.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez_compressed(folder / "j.npz", logits=np.zeros((100_000, 3)))
    (folder / "i.csv").write_bytes(b"item,class\n\xff\xfe,cat\n")
    (folder / "i.txt").write_text("", encoding="utf-8")
    for name, wanted in {
        "i.npz": "cannot be read", "i.npy": "cannot be read", "j.npz": "are more than the 6 test items",
        "i.csv": "is damaged", "i.txt": "ends in .csv, .npz, .npy", "no.csv": "No such file", "no.npy": "No such file",
    }.items():  # fmt: skip
        with pytest.raises(BadInput, match=wanted):
            read_predictions(folder / name, ITEMS)


def test_as_many_classes_as_a_large_target_has_fit_into_an_array(folder):
    info = INFO.__class__(**{**INFO.__dict__, "classes": tuple(map(str, range(1000)))})
    items = some_items(info=info)
    np.save(folder / "k.npy", np.random.default_rng(0).normal(size=(6, 1000)))
    assert read_predictions(folder / "k.npy", items).logp.shape == (6, 1000)
