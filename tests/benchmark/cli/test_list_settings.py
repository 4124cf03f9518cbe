"""``benchmark list settings``."""

from __future__ import annotations

import json

import pytest


def test_a_setting_is_explained_in_words(benchmark):
    told = benchmark("list", "settings", "recipe.mixing", "--modality", "image").out
    assert told == (
        "recipe.mixing (image): text; one of cutmix, mixup, none; default cutmix\n"
        "    how the segments of a batch are mixed\n"
    )


def test_defaults_that_differ_name_their_modality(benchmark):
    told = benchmark("list", "settings", "recipe.temperature").out
    assert "default 8 (image), 4 (audio), 8 (video)" in told


def test_every_line_fits_80_columns(benchmark):
    told = benchmark("list", "settings")
    assert told.code == 0
    assert max(map(len, told.out.splitlines())) <= 80
    assert len(told.out.splitlines()) > 200


def test_a_targets_defaults_follow_what_is_set(benchmark):
    words = ("list", "settings", "recipe.*", "view.flip", "--target", "digits", "--format", "json")
    rows = {row["key"]: row for row in json.loads(benchmark(*words).out)}
    small = {row["key"]: row for row in json.loads(benchmark(*words, "profile=small", "recipe.lr=0.5").out)}
    assert rows["view.flip"]["default"] is False
    assert all(key.startswith("recipe.") for key in rows if key != "view.flip")
    assert (small["recipe.lr"]["default"], rows["recipe.lr"]["bounds"]) == (0.5, "above 0")
    assert small["recipe.steps"]["default"] > rows["recipe.steps"]["default"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("recipe.tempratur",), "no setting named 'recipe.tempratur'; did you mean recipe.temperature"),
        (("recipe.lr=1",), "'recipe.lr=1' changes the settings of a target; add --target"),
        (("profile=smal",), "no profile named 'smal'; did you mean small"),
        (("--target", "digits", "--modality", "image"), "--target has a modality"),
        (("--target", "digit"), "no target named 'digit'; did you mean digits"),
    ],
)
def test_wrong_words_are_one_sentence(benchmark, words, said):
    ended = benchmark("list", "settings", *words)
    assert ended.code == 2
    assert said in ended.err
