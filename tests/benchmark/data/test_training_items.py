"""The control over real training items: which it takes, from TRAIN alone, and what a record says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.data.locate import DataLocation
from benchmark.data.training_items import TrainingItems
from modalities import registry
from modalities.assembly import modality as assembly
from modalities.base import Item
from modalities.image.policies import ImageView
from modalities.image.source import BYTES_PER_RAW_BYTE

CPU = torch.device("cpu")
IMAGE = registry.modality("image")
HERE = DataLocation("real", Path("here"), "fingerprint", ready=True)


@dataclass
class Split:
    """Pictures of 8 × 8 pixels in classes of unequal sizes; a picture's first pixel is its number."""

    labels: np.ndarray = field(default_factory=lambda: np.array([0] * 20 + [1] * 5 + [2] * 2))
    flat: tuple[int, ...] = ()

    @property
    def item_ids(self) -> list[str]:
        return [f"item {index}" for index in range(len(self))]

    groups = item_ids

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Item:
        pixels = torch.randint(0, 256, (1, 3, 8, 8), generator=torch.Generator().manual_seed(index)).to(torch.uint8)
        pixels[0, :, 0, 0] = index
        return Item(torch.zeros_like(pixels) if index in self.flat else pixels, int(self.labels[index]), "")


def adapter(split: Any) -> Any:
    """Return an adapter that can give its TRAIN split and nothing else: to ask for TEST is an error."""
    return SimpleNamespace(train=lambda root, view, fold: split)


def load(split: Any, one_per_class: bool = False) -> tuple[Any, list[str]]:
    items = TrainingItems("real-training-items", "ours", "Ours", HERE, 1, one_per_class)
    return items.load(adapter(split), IMAGE, ImageView(size=8), CPU)


def numbers(source: Any) -> list[int]:
    return source.reductions[0].reshape(source.items, 8, 8, 3)[:, 0, 0, 0].tolist()


def test_all_training_items_are_taken_and_no_test_item_is_opened():
    source, notes = load(Split())
    assert numbers(source) == list(range(27))
    assert source.ref.description == "27 training items of Ours"
    assert notes == ["segments are cut from 27 real training items, which the method never sees: a control."]


def test_one_per_class_is_one_of_each_class_and_always_the_same():
    source, notes = load(Split(), one_per_class=True)
    taken = numbers(source)
    assert [Split().labels[number] for number in taken] == [0, 1, 2]
    assert numbers(load(Split(), one_per_class=True)[0]) == taken
    assert source.ref.description == "3 training items of Ours, one of each class by a hash of their names"
    assert notes[0].startswith("segments are cut from 3 real training items")


def test_if_not_all_fit_the_classes_are_as_even_as_can_be_and_the_record_says_so(monkeypatch):
    monkeypatch.setattr(assembly, "MAX_SOURCE_BYTES", 11 * BYTES_PER_RAW_BYTE * Split()[0].data.nbytes)
    source, notes = load(Split())
    taken = numbers(source)
    assert np.bincount(Split().labels[taken]).tolist() in ([5, 4, 2], [4, 5, 2])
    assert taken != list(range(11))
    assert numbers(load(Split())[0]) == taken
    assert source.ref.description == "11 of 27 training items of Ours"
    assert notes[1].startswith("these are 11 of 27 training items")


def test_flat_items_are_left_out_and_counted():
    source, notes = load(Split(flat=(3, 9)))
    assert numbers(source) == [number for number in range(27) if number not in (3, 9)]
    assert notes[1] == "2 of these items are left out because they are flat or silent."


def test_the_content_of_the_data_is_its_identity():
    def sha256(fingerprint: str = "fingerprint", fold: int = 1, one_per_class: bool = False) -> str:
        data = DataLocation("real", Path("here"), fingerprint, ready=True)
        return TrainingItems("name", "ours", "Ours", data, fold, one_per_class).ref.sha256

    assert len({sha256(), sha256("other"), sha256(fold=2), sha256(one_per_class=True)}) == 4
    assert len(sha256()) == 64


def test_a_damaged_item_is_named():
    class Damaged(Split):
        def __getitem__(self, index: int) -> Item:
            if index == 5:
                raise ValueError("item 5 is damaged")
            return super().__getitem__(index)

    with pytest.raises(ValueError, match="item 5"):
        load(Damaged())
