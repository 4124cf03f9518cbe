"""Digits: 1,797 real handwritten digits that ship with scikit-learn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Listing, Row
from modalities.datasets.target import Target
from modalities.errors import BadInput
from modalities.image.policies import ImageView

if TYPE_CHECKING:
    from torch import Tensor

ITEMS = 1797


def in_test(index: int) -> bool:
    """Return whether an item is in this project's test split: a fifth of all, by a hash of the index."""
    return hashlib.blake2b(f"digits/{index}".encode(), digest_size=4).digest()[0] < 51


@cache
def _load() -> tuple[np.ndarray, np.ndarray]:
    """Return images (1797, 8, 8) of integers 0 … 16, and labels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images, bunch.target


def read_digit(index: int, side: int, interpolation: str = "bicubic") -> Tensor:
    """Return a digit, enlarged: (1, 3, side, side) uint8."""
    import torch
    from PIL import Image

    grey = np.rint(_load()[0][index] * (255 / 16)).astype(np.uint8)
    large = Image.fromarray(grey).resize((side, side), Image.Resampling[interpolation.upper()])
    return torch.from_numpy(np.array(large)).expand(1, 3, -1, -1).contiguous()


class Digits(Target):
    """The 1,797 digits, in a split of our own."""

    info = TargetInfo(
        name="digits",
        title="Optical recognition of handwritten digits",
        modality="image",
        classes=tuple("0123456789"),
        train_items=ITEMS - sum(map(in_test, range(ITEMS))),
        test_items=sum(map(in_test, range(ITEMS))),
        licence="CC BY 4.0",
        citation="@misc{alpaydin1998optical, author={Alpaydin, E. and Kaynak, C.}, "
        "title={Optical Recognition of Handwritten Digits}, publisher={UCI Machine Learning Repository}, year={1998}, "
        "doi={10.24432/C50P49}}",
        homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        download_bytes=0,
        leak_unit="image",
        ships_with="scikit-learn",
        notes="8×8 grey, enlarged to the view. The writers are unknown and the copy has no official split, so ours "
        "uses a hash of the item's index, and one writer may be on both sides. Set view.flip to false.",
    )

    def status(self, root: Path) -> DataStatus:
        """Return ready: the data are part of an installed dependency."""
        return DataStatus("ready", f"scikit-learn digits, {ITEMS} items")

    def write_sample(self, root: Path, seed: int) -> None:
        """Raise BadInput: the real data are always available."""
        raise BadInput("digits needs no stand-in: its real data ship with scikit-learn, so use them.")

    def _rows(self, root: Path, view: ImageView, fold: int, *, test: bool) -> list[Row]:
        labels = _load()[1]
        return [Row(i, int(labels[i]), f"{i:04d}", f"{i:04d}") for i in range(ITEMS) if in_test(i) == test]

    def listing(self, rows: Sequence[Row], view: ImageView, *, test: bool) -> Listing:
        """Return the digits enlarged to ``view.raw_size``."""
        return Listing(rows, partial(read_digit, side=view.raw_size, interpolation=view.interpolation))


TARGET = Digits()
