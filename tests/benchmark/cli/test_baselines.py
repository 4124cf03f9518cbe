"""The suite of baselines from its command to its table, on a stand-in."""

from __future__ import annotations

import csv
import io

from benchmark.config.suites import load_suite

QUICK = ("view.size=8", "teacher.training.steps=60", "recipe.steps=12", "recipe.batch=16", "teacher.times_chance=1")


def test_every_baseline_has_its_place_and_its_costs(benchmark, inline, tmp_path):
    words = ("--suite", "baselines", "profile=smoke", "--results", tmp_path, "--device", "cpu")
    assert benchmark("run", *words, "seeds=[0]", *QUICK).code == 0
    assert len(inline.ran) == 6
    shown = benchmark("table", "profile=smoke", "--results", tmp_path, "--format", "csv").out
    rows = {row["variant"]: row for row in csv.DictReader(io.StringIO(shown))}
    assert set(rows) == set(load_suite("baselines").variants)
    assert {row["status"] for row in rows.values()} == {"done"}
    assert {row["student_steps"] for row in rows.values()} == {"12"}
    plain = [row for row in rows.values() if row["method"] == "segments"]
    assert len(plain) == 4
    assert {(row["teacher_forwards"], row["generator_steps"]) for row in plain} == {("192", "0")}
    for method in ("inversion", "generator"):
        assert int(rows[method]["teacher_forwards"]) > 192 and int(rows[method]["generator_steps"]) > 0
    control = {label for label, row in rows.items() if row["source"].startswith("real-training-items")}
    assert control == {"real training images", "images of another domain"}
    text = benchmark("table", "profile=smoke", "--results", tmp_path).out
    assert text.count("| generator steps | distill seconds |") == 2, "in the block of the control, too"
    (asked,) = [line for line in text.splitlines() if "deadleaves (inversion)" in line and "recipe" not in line]
    assert f"| {int(rows['inversion']['teacher_forwards']):,} |" in asked


def test_a_plan_says_what_a_target_cannot_have(benchmark, tmp_path):
    words = ("--suite", "baselines", "profile=smoke", "--results", tmp_path)
    told = benchmark("plan", *words, "--target", "digits")
    assert "left out: the suite baselines has no variant 'images of another domain' for digits." in told.out
    refused = benchmark("plan", *words, "--target", "fsdd")
    assert (refused.code, refused.err.strip()) == (
        2, "benchmark: the suite baselines has no variant for fsdd; choose image targets.",
    )  # fmt: skip
