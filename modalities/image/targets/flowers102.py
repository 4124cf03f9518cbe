"""Flowers-102: photographs of flowers that are common in the United Kingdom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.base import TargetInfo
from modalities.datasets.index import index
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines
from modalities.errors import BadInput
from modalities.image.matfile import load_mat
from modalities.image.targets._official import OfficialTarget, Part, save_jpeg
from modalities.image.targets._published import resnets

_FROM = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102"
LABELS, SETS = "imagelabels.mat", "setid.mat"


class Flowers102(OfficialTarget):
    """Official images, labels and split."""

    info = TargetInfo(
        name="flowers102",
        title="Oxford Flowers-102",
        modality="image",
        classes=tuple(lines(Path(__file__).with_suffix(".txt"))),
        train_items=1_020,
        test_items=6_149,
        licence="not stated",
        citation="@inproceedings{nilsback2008automated, author={Nilsback, Maria-Elena and Zisserman, Andrew}, "
        "title={Automated Flower Classification over a Large Number of Classes}, booktitle={Indian Conference on "
        "Computer Vision, Graphics and Image Processing}, year={2008}}",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        download_bytes=344_862_509,
        leak_unit="image",
        published=resnets(teacher=0.879, student=0.815, wide_student=0.838),
        notes="The official 1,020 training and 6,149 test images; the 1,020 of the official validation split are not "
        "used, although much published work trains on them too. The stand-in shows 12 of the classes.",
    )
    folder = "flowers-102"
    places = ("flowers102", "102flowers", "oxford_flowers102", "oxford_flowers", "flowers")
    lists = (LABELS, SETS)
    parts = (
        Part(f"{_FROM}/{LABELS}", "e0620be6f572b9609742df49c70aed4d", LABELS),
        Part(f"{_FROM}/{SETS}", "a5357ecc9cb78c4bef273ce3793fc85c", SETS),
        Part(f"{_FROM}/102flowers.tgz", "52808999861908f626f3c1f4e79d11fa", "test", 344_862_509),
    )
    md5s: Mapping[str, str] = {part.brings: part.md5 for part in parts[:2]}
    sample_items = (1200, 480)

    def rows(self, root: Path, split: str) -> list[Row]:
        """Return the images of a split that are on disk, by number."""
        home, on_disk = self.home(root), _on_disk(self.home(root))
        named = ((f"jpg/image_{number:05d}.jpg", label) for number, label in self._numbers(home, split))
        return [Row(home / on_disk[name], label, name, name) for name, label in named if name in on_disk]

    def listed(self, root: Path, split: str) -> tuple[Path, int, list[str]]:
        home, on_disk = self.home(root), _on_disk(self.home(root))
        names = [f"jpg/image_{number:05d}.jpg" for number, _ in self._numbers(home, split)]
        return home / SETS, len(names), [name for name in names if name not in on_disk]

    def _numbers(self, home: Path, split: str) -> list[tuple[int, int]]:
        """Return number and class of a split's images, by number; both count from 1 in the files. Raises BadInput."""
        labels = _counted(home / LABELS, "labels") - 1
        sides = {name: np.sort(_counted(home / SETS, key)) for name, key in (("train", "trnid"), ("test", "tstid"))}
        every = np.concatenate([*sides.values()])
        if labels.min() < 0 or labels.max() >= len(self.info.classes):
            raise BadInput(f"{home / LABELS} holds labels outside 1 … 102; fetch it again.")
        if every.min() < 1 or every.max() > len(labels):
            raise BadInput(f"{home / SETS} names images that {LABELS} does not label; fetch both again.")
        if len(np.unique(every)) < len(every):
            raise BadInput(f"{home / SETS} names an image twice, perhaps for training and test; fetch it again.")
        return [(number, int(labels[number - 1])) for number in sides[split].tolist()]

    def _write_sample(self, home: Path, seed: int) -> None:
        """Write generated pictures of 12 classes in the official layout; a validation split is there too."""
        from scipy.io import savemat

        from modalities.compute.draws import Draws
        from modalities.image.targets._flowers102_standin import KINDS, blossom
        from modalities.image.targets._paint import paint

        splits = {"trnid": self.sample_items[0], "valid": 60, "tstid": self.sample_items[1]}
        total = sum(splits.values())
        numbers = Draws(seed, "stand-in/flowers102/").permutation(0, "numbers", total) + 1  # so that splits interleave
        labels = np.zeros(total, np.uint8)
        sets, start = {}, 0
        for key, items in splits.items():
            pictures, kinds = paint(seed, key, items, KINDS, 48, blossom)
            own = numbers[start : start + items]
            labels[own - 1] = kinds * (len(self.info.classes) // KINDS) + 1
            for number, pixels in zip(own, pictures, strict=True):
                save_jpeg(home / "jpg" / f"image_{number:05d}.jpg", pixels[:, : 48 - number % 9])
            sets[key] = own[None].astype(np.uint16)
            start += items
        savemat(home / SETS, sets)
        savemat(home / LABELS, {"labels": labels[None]})


def _on_disk(home: Path) -> dict[str, str]:
    """Return ``jpg/FILE``, in lower case → where it is below ``home``."""
    found = index(home, ["jpg", "jpg/jpg", "102flowers/jpg"], ".jpg", sizes=False).names
    return {f"jpg/{Path(place).name.lower()}": place for place in found}


def _counted(path: Path, key: str) -> NDArray[np.int64]:
    """Return a variable that is a row of whole numbers."""
    values = np.atleast_1d(load_mat(path, key))
    if values.dtype.kind not in "ui" or values.ndim != 1 or len(values) == 0:
        raise BadInput(f"the variable '{key}' of {path} is not a row of whole numbers; fetch it again.")
    return values.astype(np.int64)


TARGET = Flowers102()
