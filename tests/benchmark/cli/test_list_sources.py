"""``benchmark list sources``: densities, and the figures of a target's saved teacher."""

from __future__ import annotations

import json

import pytest

from modalities import registry


@pytest.fixture
def few(monkeypatch):
    """Two sources of pictures, so that a list takes a moment."""
    monkeypatch.setattr(registry.modality("image"), "sources", lambda: {"sparse": "few shapes", "noise": "noise"})


def test_sources_have_the_densities_of_their_modality(benchmark, few):
    rows = json.loads(benchmark("list", "sources", "--format", "json", "-m", "image").out)
    assert [row["name"] for row in rows] == ["sparse", "noise"]
    assert rows[1]["slope"] == pytest.approx(0, abs=0.05)
    text = benchmark("list", "sources", "-m", "image").out.splitlines()
    assert text[0].split() == ["name", "modality", "entropy", "edges", "slope", "description"]


def test_a_saved_teacher_judges_every_source_and_the_users_own_file(benchmark, few, ran, quick, photo):
    words = ("list", "sources", "--target", "digits", "--results", ran.store.root.parent, "profile=smoke", *quick)
    rows = json.loads(benchmark(*words, "--format", "json").out)
    assert [row["name"] for row in rows] == [photo.name, "sparse", "noise"]
    for row in rows:
        assert 0 < row["spread"] < 0.5 and 1 <= row["reached"] <= 10 and 0 <= row["uncertainty"] <= 3.33
    text = benchmark(*words, "source.image=sparse").out
    assert "spread" in text.splitlines()[0] and photo.name not in text


def test_the_control_over_real_training_items_is_judged_and_has_no_density(benchmark, few, ran, quick):
    words = ("list", "sources", "--target", "digits", "--results", ran.store.root.parent, "profile=smoke", *quick)
    control, *others = json.loads(
        benchmark(*words, "source.image=real-training-items:one-per-class", "--format", "json").out
    )
    assert (control["name"], "entropy" in control) == ("real-training-items:one-per-class", False)
    assert 0 < control["spread"] < 0.5
    assert [row["name"] for row in others] == ["sparse", "noise"]


def test_without_a_saved_teacher_the_message_has_the_command_that_makes_one(benchmark, few, ran, quick, tmp_path):
    ended = benchmark("list", "sources", "-t", "digits", "--results", tmp_path, "profile=smoke", *quick)
    assert ended.code == 2
    assert f"`benchmark run --target digits --results {tmp_path} profile=smoke source.image=" in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(("words", "message"), [
    (("targets", "--target", "digits"), "--target goes with `benchmark list sources` and `settings` only"),
    (("sources", "profile=small"), "'profile=small' needs a target"),
    (("sources", "--target", "digit"), "did you mean"),
    (("sources", "--target", "digits", "policy.off=[flipp]"), "did you mean flip"),
    (("sources", "--target", "digits", "source.image=deadleaves:shape=5"), "no shape of the source deadleaves"),
])  # fmt: skip
def test_what_cannot_be_listed_is_one_sentence(benchmark, words, message):
    ended = benchmark("list", *words)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_policies_are_listed_with_their_steps(benchmark):
    rows = {
        row["name"]: row for row in json.loads(benchmark("list", "policies", "-m", "image", "--format", "json").out)
    }
    assert rows["crop"]["steps"] == "crop flip"
    assert rows["published"]["steps"] == "crop rotation shear flip shift colour"
