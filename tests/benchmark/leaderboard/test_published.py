"""A published number stands beside a row of the same datum, networks and setting, and nowhere else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmark.cli.table import render
from benchmark.config.compose import compose_target
from benchmark.config.published import deviations, differing_settings, published_results
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Store
from example_leaderboard import cell, filled, only_row
from modalities import registry
from modalities.base import Published, SourceRef

CITY = "78c2681de2dbfb416fb861ca3ae0a5e21f3f53c56dfc18b276b0feab4ec526aa"
PAIR = {"teacher": "wrn-40-4", "student": "wrn-16-4"}


def paper(target="cifar10", sha256=CITY, source="city.jpg", **changes):
    """A cell of the published pair under ``paper``, and its record."""
    entry, record = cell(target, source=source, **{"profile": "paper", **PAIR, **changes})
    return entry, replace(record, source=record.source | {"sha256": sha256})


def deviating(sentences, **changes):
    """As ``paper``, with deviations in its record."""
    entry, record = paper(**changes)
    return entry, replace(record, deviations=[*sentences])


def settings_of(target, *overrides, sha256=CITY):
    """The deviations that a record of ``paper`` with these overrides has."""
    info = registry.target(target).info
    config = compose_target(target, overrides, profile="paper", suite="all")
    return deviations(config, info, registry.modality(info.modality), SourceRef("city.jpg", sha256, ""))


def row(tmp_path, *cells):
    return only_row(filled(tmp_path, *cells), published_results())


def test_a_row_of_the_published_source_networks_and_setting_has_the_published_number(tmp_path):
    found = row(tmp_path, paper())
    assert (found.published_top1, found.published_differs) == (0.9313, "")


@pytest.mark.parametrize("control", ["real-training-items", "real-training-items:one-per-class"])
def test_nothing_published_stands_beside_the_control_over_real_training_items(tmp_path, control):
    for sha256 in (CITY, "0" * 64):
        found = row(tmp_path / sha256[:4], paper(source=control, sha256=sha256))
        assert np.isnan(found.published_top1)
        assert found.published_differs == ""


def test_the_published_number_is_that_of_the_rows_own_source(tmp_path):
    noise = registry.modality("image").source_ref("noise")
    assert row(tmp_path, paper(source="noise", sha256=noise.sha256)).published_top1 == 0.6930
    assert row(tmp_path / "100", paper("cifar100", source="noise", sha256=noise.sha256)).published_top1 == 0.1950


def test_what_every_row_of_paper_differs_in_does_not_hide_the_number(tmp_path):
    sentences = settings_of("cifar10")
    assert len(sentences) > 3
    assert row(tmp_path, deviating(sentences)).published_top1 == 0.9313


@pytest.mark.parametrize(
    ("override", "said"),
    [("recipe.steps=10", "recipe.steps is 10; published: 97,656"),
     ("recipe.batch=64", "recipe.batch is 64; published: 512"),
     ("policy.rotation=20", "policy.rotation is 20; published: 30"), ("view.size=64", "view.size is 64; published: 32"),
     ("data.train_per_class=10", "data.train_per_class is 10; published: 0"),
     ("teacher.holdout=0.5", "teacher.holdout is 0.5; published: 0")],
)  # fmt: skip
def test_a_row_of_paper_with_another_setting_has_no_number_and_says_which(tmp_path, override, said):
    found = row(tmp_path, deviating(settings_of("cifar10", override)))
    assert np.isnan(found.published_top1)
    assert found.published_differs.endswith(f", has other setting ({said})")


def test_a_batch_that_differs_is_told_from_an_unknown_number_of_gpus(tmp_path):
    assert not differing_settings(settings_of("imagenet"), "imagenet", "image")
    (said,) = differing_settings(settings_of("imagenet", "recipe.batch=64"), "imagenet", "image")
    assert said.startswith("recipe.batch is 64 in all")


@pytest.mark.parametrize("target", [name for name, entries in published_results().items() if entries])
def test_a_plain_row_of_paper_is_of_the_published_setting_of_every_target(target):
    info = registry.target(target).info
    assert differing_settings(settings_of(target), target, info.modality) == []


def test_what_happened_in_one_of_the_seeds_is_said_once(tmp_path):
    happened = "recipe.batch=512 went through the networks in 2 micro-batches"
    found = row(tmp_path, paper(), deviating([happened], seed=1), deviating([happened], seed=2))
    assert found.published_differs.endswith(f"has other setting ({happened})")


def test_a_part_of_the_test_items_is_not_compared_with_all(tmp_path):
    entry, record = paper()
    sizes = {"known_items": 10_000, "ids_sha256": "ab"}
    parts = [(entry, replace(record, test_set=sizes | {"items": items})) for items in (10_000, 12)]
    whole, part = (row(tmp_path / str(k), one) for k, one in enumerate(parts))
    assert whole.published_top1 == 0.9313
    assert np.isnan(part.published_top1)
    assert part.published_differs.endswith("has other test items (12 of 10,000)")


DIFFERENT = {
    "source": {"sha256": "0" * 64},  # another file of the same name
    "networks": {"student": "wrn-16-1"},
    "setting": {"profile": "small"},
}


@pytest.mark.parametrize(
    "names", [names for n in (1, 2, 3) for names in itertools.combinations(DIFFERENT, n)], ids=" and ".join
)
def test_a_row_that_differs_has_no_number_and_says_in_what(tmp_path, names):
    changes = {key: value for name in names for key, value in DIFFERENT[name].items()}
    found = row(tmp_path, paper(**changes))
    assert np.isnan(found.published_top1)
    result, _, differing = found.published_differs.partition(", has other ")
    assert set(differing.split(" and ")) == set(names)
    assert "WRN-40-4 → WRN-16-4" in result


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("teacher", "wrn-40-4"), True), (("teacher", "wrn-40-2"), False), (("teacher", "own WideResNet 0123"), False)],
)
def test_both_networks_have_to_agree(tmp_path, names, expected):
    assert (row(tmp_path, paper(**dict([names]))).published_top1 == 0.9313) == expected


def test_of_several_published_results_the_nearest_is_named(tmp_path):
    found = row(tmp_path, paper("imagenet", teacher="torchvision:resnet18:IMAGENET1K_V1", student="resnet50x2"))
    assert "69.0 % (networks: ResNet-18 → ResNet-50x2; datum: one image), has other source" in found.published_differs


@pytest.mark.parametrize("data", ["stand-in", "shipped"])
def test_nothing_is_compared_with_other_than_real_data(tmp_path, data):
    found = row(tmp_path, paper(data=data))
    assert np.isnan(found.published_top1)
    assert found.published_differs == ""


def test_nothing_is_said_of_a_target_without_a_published_student_or_of_a_row_that_has_not_run(tmp_path):
    frame = leaderboard(filled(tmp_path, paper("digits"), unwritten=[paper()]), published_results())
    assert frame.published_top1.isna().all()
    assert set(frame.published_differs) == {""}


def test_what_differs_stands_below_the_table_for_people(tmp_path):
    store = filled(tmp_path / "results", paper(sha256="0" * 64), paper("cifar100"))
    text = render(store.root.parent, store.root.name, "markdown")
    assert "- cifar10, city.jpg: the nearest published result" in text
    assert "cifar100, city.jpg:" not in text
    assert "64.8" in text


def test_every_published_student_agrees_with_cells_of_the_names_it_gives_or_says_nothing():
    for name, entries in published_results().items():
        modality = registry.modality(registry.target(name).info.modality)
        for entry in entries:
            assert isinstance(entry, Published)
            assert bool(entry.teacher) == bool(entry.student), name
            assert all(len(source) == 64 for source in entry.sources), "resolved to hashes"
            for network in (*entry.teacher, *entry.student):
                if "*" not in network:
                    assert modality.check_network(network) == network
    students = [entry for entry in published_results()["imagenet"] if entry.role == "student"]
    assert {entry.student[0] for entry in students} == {"resnet50", "resnet50x2"}


def test_the_table_stays_a_function_of_its_store(tmp_path):
    filled(tmp_path, paper())
    one, two = (leaderboard(Store(tmp_path / "demo"), published_results()) for _ in range(2))
    assert one.equals(two)
