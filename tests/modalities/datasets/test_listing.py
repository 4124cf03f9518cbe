"""A listing's laws, the marker of stand-ins, and the exceptions people read."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modalities.base import Item
from modalities.datasets.listing import Listing, Row
from modalities.datasets.standin import MARKER, is_stand_in, mark
from modalities.errors import BadInput, UnknownName

rows = st.lists(st.builds(Row, st.integers(), st.integers(0, 999), st.text(), st.text()), max_size=20)


def double(where: int) -> int:
    """Stands for a reader."""
    return 2 * where


def broken(where: object) -> None:
    raise OSError("cut short")


def refusing(where: object) -> None:
    raise BadInput("the codec of this file is not built in; install it.")


@given(rows)
def test_labels_ids_and_groups_are_those_of_the_rows_without_reading_any(items: list[Row]) -> None:
    listing = Listing(items, broken)
    assert len(listing) == len(items)
    assert listing.labels.dtype == np.int64
    assert listing.labels.shape == (len(items),)
    assert listing.labels.tolist() == [row.label for row in items]
    assert list(listing.item_ids) == [row.item_id for row in items]
    assert list(listing.groups) == [row.group for row in items]


@given(rows)
def test_an_item_is_what_the_reader_makes_of_its_row(items: list[Row]) -> None:
    assert list(Listing(items, double)) == [Item(2 * row.where, row.label, row.item_id) for row in items]


@given(rows)
def test_a_listing_travels_between_processes(items: list[Row]) -> None:
    there = pickle.loads(pickle.dumps(Listing(items, double)))
    assert list(there) == list(Listing(items, double))
    assert np.array_equal(there.labels, Listing(items, double).labels)


def test_an_index_beyond_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Listing([Row(1, 0, "a", "a")], double)[1]


def test_a_file_that_cannot_be_read_is_named_with_cause_and_remedy() -> None:
    listing = Listing([Row(Path("speech/yes/a.wav"), 0, "a", "a")], broken)
    with pytest.raises(BadInput, match=r"speech/yes/a\.wav cannot be read \(OSError: cut short\); .*fetch it again"):
        listing[0]


def test_a_sentence_of_the_reader_passes_unchanged() -> None:
    with pytest.raises(BadInput, match=r"^the codec of this file is not built in; install it\.$"):
        Listing([Row("a", 0, "a", "a")], refusing)[0]


@given(st.text(max_size=20), st.integers())
def test_a_marked_folder_is_a_stand_in_and_says_of_what(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("data", numbered=True)
    assert not is_stand_in(folder)
    mark(folder, name, seed)
    assert is_stand_in(folder)
    written = json.loads((folder / MARKER).read_text())
    assert (written["target"], written["seed"]) == (name, seed)


def test_a_folder_that_is_absent_or_named_like_the_marker_is_no_stand_in(tmp_path: Path) -> None:
    assert not is_stand_in(tmp_path / "absent")
    (tmp_path / MARKER).mkdir()
    assert not is_stand_in(tmp_path)


# --- unknown names ---------------------------------------------------------------------------------------------


def test_an_unknown_name_answers_with_the_nearest_ones() -> None:
    error = UnknownName("target", "cifar01", ["cifar10", "cifar100", "esc50"])
    assert str(error) == "there is no target named 'cifar01'; did you mean cifar10 or cifar100?"


def test_an_unknown_name_without_neighbours_answers_with_all() -> None:
    error = UnknownName("target", "xyz", ["esc50", "cifar10"])
    assert str(error) == "there is no target named 'xyz'; known are cifar10, esc50."


@given(st.text(), st.text(), st.lists(st.text()))
def test_an_unknown_name_travels_between_processes(kind: str, name: str, known: list[str]) -> None:
    error = UnknownName(kind, name, known)
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is UnknownName
    assert str(there) == str(error)
    assert (there.kind, there.name, there.near) == (error.kind, error.name, error.near)
