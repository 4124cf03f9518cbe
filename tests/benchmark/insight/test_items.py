"""Test items: predictions as they were stored, and raw items in the order that was asked for."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from benchmark.insight.items import predicted_items, raw_batches, some_items
from benchmark.records.store import TEACHER_PREDICTIONS
from modalities.errors import BadInput

CPU = torch.device("cpu")


def test_predictions_are_those_of_the_store(finished, ran):
    found = predicted_items(finished)
    kept = ran.store.predictions(ran.record.id)
    assert list(found.ids) == list(kept.item_ids) and np.array_equal(found.labels, kept.labels)
    assert np.array_equal(found.student, kept.logp)
    assert (found.teacher.argmax(1) == kept.labels).mean() == ran.record.controls["teacher_top1"]
    assert (found.student.argmax(1) == found.teacher.argmax(1)).mean() == ran.record.metrics["fidelity"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04damaged", "cannot be read"),
        (None, "cannot be read"),
        ("few", "other items"),
    ],
)
def test_predictions_of_a_teacher_that_are_gone_or_of_others_are_named(finished, tmp_path, content, message):
    shutil.copytree(finished.store.root, tmp_path / "smoke")
    broken = type(finished)(**{**vars(finished), "store": type(finished.store)(tmp_path / "smoke")})
    path = broken.store.teacher(finished.cell.teacher_key) / TEACHER_PREDICTIONS
    if content is None:
        path.unlink()
    elif content == "few":
        np.savez(path, logp=np.zeros((3, 10), np.float16))
    else:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=f"{TEACHER_PREDICTIONS}.*{message}"):
        predicted_items(broken)


def test_a_cell_without_predictions_is_named(finished, tmp_path):
    shutil.copytree(finished.store.root, tmp_path / "smoke")
    broken = type(finished)(**{**vars(finished), "store": type(finished.store)(tmp_path / "smoke")})
    (broken.store.cell(finished.record.id) / "predictions.npz").unlink()
    with pytest.raises(BadInput, match=f"{finished.record.id} has no predictions"):
        predicted_items(broken)


def test_items_are_chosen_at_random_and_the_same_every_time():
    chosen = some_items(1000, 100)
    assert len(set(chosen.tolist())) == 100 and chosen.max() > 900 and chosen.min() < 100
    assert np.array_equal(chosen, some_items(1000, 100)) and not np.array_equal(chosen, some_items(1000, 100, seed=1))
    assert sorted(some_items(7, 7)) == list(range(7))


class Clips:
    """Three clips of every item, which say item and clip."""

    labels, item_ids = np.zeros(9, np.int64), [str(i) for i in range(9)]

    def __len__(self):
        return 9

    def __getitem__(self, index):
        from modalities.base import Item

        return Item(torch.tensor([[10 * index + clip] for clip in range(3)]), 0, str(index))


def test_the_middle_clips_of_chosen_items_come_in_whole_minibatches():
    from benchmark.data.batches import Batches

    batches = Batches(Clips(), lambda step: np.arange(9), 1)
    found = [batch.flatten().tolist() for batch in raw_batches(batches, np.array([5, 2, 8, 0, 1]), 2, CPU)]
    assert found == [[51, 21], [81, 1]]
