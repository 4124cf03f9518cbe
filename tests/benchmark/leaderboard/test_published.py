"""A published number stands beside a row of the same datum, networks and setting, and nowhere else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmark.cli.table import published, render
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Store
from example_leaderboard import cell, filled, only_row
from modalities import registry
from modalities.base import Published

CITY = "78c2681de2dbfb416fb861ca3ae0a5e21f3f53c56dfc18b276b0feab4ec526aa"
PAIR = {"teacher": "wrn-40-4", "student": "wrn-16-4"}


def paper(target="cifar10", sha256=CITY, source="city.jpg", **changes):
    """A cell of the published pair under ``paper``, and its record."""
    entry, record = cell(target, source=source, **{"profile": "paper", **PAIR, **changes})
    return entry, replace(record, source=record.source | {"sha256": sha256})


def row(tmp_path, *cells):
    return only_row(filled(tmp_path, *cells), published())


def test_a_row_of_the_published_source_networks_and_setting_has_the_published_number(tmp_path):
    found = row(tmp_path, paper())
    assert (found.published_top1, found.published_differs) == (0.9313, "")


def test_the_published_number_is_that_of_the_rows_own_source(tmp_path):
    noise = registry.modality("image").source_ref("noise")
    assert row(tmp_path, paper(source="noise", sha256=noise.sha256)).published_top1 == 0.6930
    assert row(tmp_path / "100", paper("cifar100", source="noise", sha256=noise.sha256)).published_top1 == 0.1950


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
    frame = leaderboard(filled(tmp_path, paper("digits"), unwritten=[paper()]), published())
    assert frame.published_top1.isna().all()
    assert set(frame.published_differs) == {""}


def test_what_differs_stands_below_the_table_for_people(tmp_path):
    store = filled(tmp_path / "results", paper(sha256="0" * 64), paper("cifar100"))
    text = render(store.root.parent, store.root.name, "markdown")
    assert "- cifar10, city.jpg: the nearest published result" in text
    assert "cifar100, city.jpg:" not in text
    assert "64.8" in text


def test_every_published_student_agrees_with_cells_of_the_names_it_gives_or_says_nothing():
    for name, entries in published().items():
        modality = registry.modality(registry.target(name).info.modality)
        for entry in entries:
            assert isinstance(entry, Published)
            assert bool(entry.teacher) == bool(entry.student), name
            assert all(len(source) == 64 for source in entry.sources), "resolved to hashes"
            for network in (*entry.teacher, *entry.student):
                if "*" not in network:
                    assert modality.check_network(network) == network
    students = [entry for entry in published()["imagenet"] if entry.role == "student"]
    assert {entry.student[0] for entry in students} == {"resnet50", "resnet50x2"}


def test_the_table_stays_a_function_of_its_store(tmp_path):
    filled(tmp_path, paper())
    one, two = (leaderboard(Store(tmp_path / "demo"), published()) for _ in range(2))
    assert one.equals(two)
