"""What is on disk, compared with what a dataset is known to have."""

from __future__ import annotations

from modalities.datasets.target import differing_counts


def test_each_part_that_differs_from_the_published_number_is_worded() -> None:
    known = {"test list": 3_783, "train": 9_537, "test": 3_783, "fold 1": 400, "fold 2": 0, "": 2_000}
    found = {"test list": 12, "train": 13_308, "test": 3_783, "fold 2": 7, "": 1_999}
    assert differing_counts(known, found, "videos") == [
        "test list names 12 of 3,783 videos", "train: 13,308 videos instead of 9,537", "fold 1: 400 of 400 videos",
        "1 of 2,000 videos",
    ]  # fmt: skip
    assert differing_counts(known, known, "videos") == []
