"""What settings say: which files a row was made of, and in which words two rows differ."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records import settings as settings_module
from benchmark.records.settings import ABSENT, content, differences, without_data

PLAIN = {
    "target": "digits", "data": "real", "data_fingerprint": "d" * 64, "view": {"size": 8, "mean": [0.5, 0.5]},
    "train_per_class": 0, "teacher": {"network": "cnn-8", "weights": "", "training": {"lr": 0.1, "steps": 60}},
    "threads": 1, "fold": 1, "source": {"name": "photo.png", "sha256": "a" * 64},
    "policy": {"name": "published", "rotation": 30.0}, "student": {"network": "cnn-8"},
    "recipe": {"name": "onecycle", "lr": 0.1, "steps": 40},
}  # fmt: skip


def changed(**values: object) -> dict:
    """PLAIN with some values; ``__`` stands for the point of a key."""
    found = copy.deepcopy(PLAIN)
    for key, value in values.items():
        *sections, name = key.split("__")
        place = found
        for section in sections:
            place = place[section]
        place[name] = value
    return found


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"source__sha256": "b" * 64}, ["source aaaaaaaa", "source bbbbbbbb"]),
        ({"teacher__weights": "c" * 64}, ["teacher.weights none", "teacher.weights cccccccc"]),
        ({"data_fingerprint": "e" * 64}, ["data dddddddd", "data eeeeeeee"]),
        ({"recipe__lr": 0.2}, ["recipe.lr 0.1", "recipe.lr 0.2"]),
        ({"threads": 2}, ["threads 1", "threads 2"]),
        ({"view__size": 32}, ["view.size 8", "view.size 32"]),
        ({"view__mean": [0.5, 0.4]}, ["view.mean [0.5,0.5]", "view.mean [0.5,0.4]"]),
        ({"train_per_class": 5}, ["data.train_per_class 0", "data.train_per_class 5"]),
        ({"policy__rotation": 5.0}, ["policy.rotation 30", "policy.rotation 5"]),
        ({"teacher__training__steps": 9}, ["teacher.training.steps 60", "teacher.training.steps 9"]),
        ({"recipe__clip": 5.0}, ["recipe.clip none", "recipe.clip 5"]),
        ({"student__network": "cnn-9"}, ["student cnn-8", "student cnn-9"]),
        ({"recipe__name": "other", "recipe__lr": 0.3, "recipe__steps": 7}, ["recipe onecycle", "recipe other"]),
    ],
)
def test_two_settings_are_told_apart_by_what_differs(values, words):
    assert differences([PLAIN, changed(**values)]) == words


def test_single_settings_are_listed_among_rows_of_the_same_names_alone():
    rows = [PLAIN, changed(recipe__lr=0.2), changed(policy__name="crop", recipe__lr=0.7)]
    assert differences(rows) == [
        "policy published, recipe.lr 0.1", "policy published, recipe.lr 0.2", "policy crop"
    ]  # fmt: skip


def test_of_many_differing_settings_some_are_named_and_the_others_counted():
    other = changed(view__size=9, threads=3, recipe__lr=0.3, recipe__steps=7, policy__rotation=1.0, train_per_class=4)
    first, second = differences([PLAIN, other])
    assert first == "view.size 8, data.train_per_class 0, threads 1, policy.rotation 30, and 2 more settings"
    assert second == "view.size 9, data.train_per_class 4, threads 3, policy.rotation 1, and 2 more settings"
    third = changed(view__size=9, threads=3, recipe__lr=0.3, recipe__steps=8, policy__rotation=1.0, train_per_class=4)
    texts = differences([PLAIN, other, third])
    assert len(set(texts)) == 3, "what tells two apart is named, however many differ"
    assert "recipe.steps 8" in texts[2]


def test_a_seed_is_no_difference_and_neither_is_what_is_not_known():
    assert differences([PLAIN, {**PLAIN, "seed": 3}]) == ["", ""]
    names = {name: PLAIN[name] for name in ("policy", "recipe", "teacher", "student")}
    assert differences([PLAIN, names, {}]) == [
        "policy published, recipe onecycle, teacher cnn-8, student cnn-8",
        "policy published, recipe onecycle, teacher cnn-8, student cnn-8",
        "policy none, recipe none, teacher none, student none",
    ]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["a", "b"])), min_size=1, max_size=8))
def test_texts_are_equal_exactly_if_settings_are(values):
    rows = [changed(recipe__steps=steps, threads=threads, policy__name=name) for steps, threads, name in values]
    texts = differences(rows)
    for one, text in zip(values, texts, strict=True):
        for other, found in zip(values, texts, strict=True):
            assert (one == other) == (text == found)


def test_content_is_what_came_from_files():
    assert content(PLAIN) == ("a" * 64, "d" * 64, "", "{}")
    with_loss = {**PLAIN, "plugins": {"recipe.loss": {"version": "", "sha256": "f" * 64}}}
    assert content(with_loss) not in (None, content(PLAIN))
    for values in ({"source__sha256": "b"}, {"data_fingerprint": "e"}, {"teacher__weights": "c"}):
        assert content(changed(**values)) not in (None, content(PLAIN))
    assert content(changed(recipe__lr=7, source__name="other", threads=3)) == content(PLAIN)
    assert content(changed(data_fingerprint=ABSENT)) is None
    assert content(changed(source__sha256=ABSENT)) is None
    assert content({}) is content({"source": "deadleaves"}) is None


def with_plugin(name: str, sha256: str) -> dict:
    own = copy.deepcopy(PLAIN)
    own["recipe"]["loss"], own["plugins"] = name, {"recipe.loss": {"version": "", "sha256": sha256}}
    return own


def test_losses_and_methods_are_named_and_hashes_only_if_two_have_a_name():
    assert differences([PLAIN, with_plugin("focal", "f" * 64)]) == ["loss kl", "loss focal"]
    assert differences([PLAIN, {**PLAIN, "method": "inversion"}]) == ["method segments", "method inversion"]
    told = differences([with_plugin("focal", "f" * 64), with_plugin("focal", "e" * 64)])
    assert told == ["loss ffffffff", "loss eeeeeeee"]


def test_the_work_of_telling_rows_apart_grows_as_their_number(monkeypatch):
    asked = []
    real = settings_module._text
    monkeypatch.setattr(settings_module, "_text", lambda value: asked.append(value) or real(value))

    def work(count: int) -> int:
        asked.clear()
        texts = differences([changed(recipe__lr=number / 1000, threads=number % 3) for number in range(count)])
        assert len(set(texts)) == count
        return len(asked)

    assert work(400) < 2.1 * work(200)


def test_the_hash_of_real_training_items_says_which_data_were_found_and_that_of_a_datum_does_not():
    """So a row of the control without data leaves the table when the data have come."""
    for name in ("real-training-items", "real-training-items:flowers102"):
        one, other = (
            changed(source__name=name, source__sha256=found, data_fingerprint=found) for found in (ABSENT, "1")
        )
        assert without_data(one) == without_data(other)
    assert without_data(changed(source__sha256="1")) != without_data(changed(source__sha256="2"))
    assert without_data(changed(source__name="real-training-items")) != without_data(changed())
