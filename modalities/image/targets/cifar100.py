"""CIFAR-100: small photographs of a hundred kinds of things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.base import TargetInfo
from modalities.datasets.lists import lines
from modalities.image.targets._cifar_batches import CITATION, HOMEPAGE, SIDE, CifarTarget
from modalities.image.targets._published import cifar_pair


class Cifar100(CifarTarget):
    """The 100 fine labels."""

    info = TargetInfo(
        name="cifar100",
        title="CIFAR-100",
        modality="image",
        classes=tuple(lines(Path(__file__).with_suffix(".txt"))),
        train_items=50_000,
        test_items=10_000,
        licence="not stated",
        citation=CITATION,
        homepage=HOMEPAGE,
        download_bytes=169_001_437,
        leak_unit="image",
        published=cifar_pair(0.7380, 0.6612, 0.6485, 0.5787, 0.3968, 0.1950, full_data=0.7806),
        notes="The 100 fine labels; the 20 coarse ones are not used. The stand-in shows 20 of the classes.",
    )
    places = ("cifar100", "cifar-100", "cifar")
    archive_folder = "cifar-100-python"
    binary_folder = "cifar-100-binary"
    label_bytes = 2  # coarse, fine
    archive = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    archive_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_files: Mapping[str, str] = {"train": "16019d7e3df5f24257cddd939b257f8d"}
    test_files: Mapping[str, str] = {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}
    meta = ("meta", "7973b15100ade9c7d40fb424638fde48", "fine_label_names")
    label_key = "fine_labels"
    sample_items = (1600, 500)

    def sample_pictures(self, seed: int, split: str, items: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return pictures of every fifth class."""
        from modalities.image.targets._cifar100_standin import KINDS, cloth
        from modalities.image.targets._paint import paint

        pictures, kinds = paint(seed, split, items, KINDS, SIDE, cloth)
        return pictures, kinds * (len(self.info.classes) // KINDS)

    def sample_entries(self, split: str, pixels: NDArray[np.uint8], labels: list[int]) -> dict[str, object]:
        """Return all entries of an official file."""
        return {
            "filenames": [f"{split}_{i:06d}.png" for i in range(len(labels))],
            "batch_label": f"{split}ing batch 1 of 1",
            "fine_labels": labels,
            "coarse_labels": [label // 5 for label in labels],  # not the official ones; nothing reads them
            "data": pixels,
        }


TARGET = Cifar100()
