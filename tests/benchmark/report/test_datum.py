"""The datum of a report: named sources, files that are there, and those that are not."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from benchmark.report.datum import SEGMENTS, data_of
from example_records import record
from modalities import registry


def shown(records, *folders):
    return data_of(records, registry.modality, folders)


def test_a_file_in_one_of_the_folders_is_shown_with_sixteen_segments(ran, photo, tmp_path):
    shutil.copy(photo, tmp_path)
    (datum,) = shown([ran.record, ran.record], tmp_path / "elsewhere", tmp_path)
    assert (datum.name, datum.used_by, datum.missing) == ("photo.png", ("digits (shipped data)",), "")
    assert datum.sha256 == ran.record.source["sha256"]
    assert len(datum.pictures) == 1
    assert len(datum.segments) == SEGMENTS == len({picture for picture, _ in datum.segments})
    assert not any(sound for _, sound in datum.segments)
    assert shown([ran.record], tmp_path) == [datum]


def test_a_file_that_is_not_here_has_a_sentence(ran, tmp_path):
    (datum,) = shown([ran.record], tmp_path)
    assert "the file photo.png was not found when this page was made" in datum.missing
    assert datum.sha256 in datum.missing
    assert not datum.pictures
    assert not datum.segments


def test_another_file_of_that_name_is_not_shown(ran, photo, tmp_path):
    (tmp_path / "photo.png").write_bytes(photo.read_bytes() + b"x")
    (datum,) = shown([ran.record], tmp_path)
    assert "another version" in datum.missing
    assert not datum.pictures


def test_a_record_that_does_not_say_how_segments_were_made_has_a_sentence():
    ref = registry.modality("image").source_ref("noise")
    source = {"name": ref.name, "sha256": ref.sha256, "description": ref.description}
    (datum,) = shown([record(source=source)])
    assert "does not say how its segments were made" in datum.missing


def test_real_training_items_are_no_datum():
    source = {"name": "real-training-items:100", "sha256": "ab", "description": ""}
    assert shown([replace(record(), source=source)]) == []


@pytest.mark.parametrize(
    ("modality", "name", "said"),
    [
        ("image", "deadleaves", "none needed"), ("audio", "noise", "none needed"),
        ("image", "china", "scikit-learn, CC BY"), ("audio", "speech", "that of this package"),
    ],
)  # fmt: skip
def test_what_is_known_of_a_licence_is_told(modality, name, said):
    ref = registry.modality(modality).source_ref(name)
    source = {"name": ref.name, "sha256": ref.sha256, "description": ref.description}
    (datum,) = shown([record(modality=modality, source=source)])
    assert said in datum.licence


def test_the_licence_of_a_users_file_is_not_known(ran, tmp_path):
    assert shown([ran.record], tmp_path)[0].licence.startswith("not recorded")
