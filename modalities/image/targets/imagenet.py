"""ImageNet (ILSVRC 2012): photographs of a thousand kinds of things, tested on its validation images."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.base import Published, TargetInfo
from modalities.datasets.index import Paths, index
from modalities.datasets.layouts import Contents, contents, find_folder, folders_named
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import lines, parse_int
from modalities.datasets.standin import mark
from modalities.image.targets._imagenet_labels import KIT, META, TABLE, TRUTH, find_labels, read_labels
from modalities.image.targets._official import OfficialTarget, save_jpeg
from modalities.image.targets._published import PAPER, RESNET50, resnets

if TYPE_CHECKING:
    from modalities.image.targets._paint import Canvas, Kinds

PLACES = ("imagenet", "imagenet-1k", "ILSVRC2012", "ILSVRC", "imagenet-object-localization-challenge")  # in any case
FOLDERS = {"train": ("train", "ilsvrc2012_img_train"), "val": ("val", "ilsvrc2012_img_val", "validation")}
WNID = re.compile(r"n\d{8}")
OTHERS = ("test", "ilsvrc2012_img_test", "annotations", "imagesets")  # folders that lead to no labelled image
CITATION = (
    "@article{russakovsky2015imagenet, author={Russakovsky, Olga and Deng, Jia and Su, Hao and Krause, Jonathan and "
    "Satheesh, Sanjeev and Ma, Sean and Huang, Zhiheng and Karpathy, Andrej and Khosla, Aditya and Bernstein, Michael "
    "and Berg, Alexander C. and Fei-Fei, Li}, title={ImageNet Large Scale Visual Recognition Challenge}, "
    "journal={International Journal of Computer Vision}, volume={115}, number={3}, pages={211--252}, year={2015}}"
)


class ImageNet(OfficialTarget):
    """Reads ``train/WNID/*.JPEG`` and ``val/WNID/*.JPEG``, or a flat ``val/`` beside what labels it.

    That is the development kit, unpacked or packed, or the competition's ``LOC_val_solution.csv``; images in class
    folders need neither. The two folders may be called as their archives, and lie up to four folders deep below
    ``ROOT/imagenet`` (in any case), such as in ``ILSVRC/Data/CLS-LOC``. A class is the position of its WordNet id in
    sorted order, as in published weights. The kit numbers classes in another order, which ``meta.mat`` translates.
    """

    info = TargetInfo(
        name="imagenet",
        title="ImageNet-1k (ILSVRC 2012)",
        modality="image",
        classes=tuple(lines(Path(__file__).with_suffix(".txt"))),
        train_items=1_281_167,
        test_items=50_000,
        licence="own terms: an account and a signed agreement, non-commercial research and education only",
        citation=CITATION,
        homepage="https://www.image-net.org/challenges/LSVRC/2012/",
        download_bytes=144_000_000_000,
        leak_unit="image",
        published=(
            *resnets(teacher=0.695, student=0.662, wide_student=0.690),
            Published(0.555, "student", "ResNet-50 → ResNet-50", "one image", PAPER, RESNET50, RESNET50),
        ),
        notes="Classes are sorted WordNet ids. Tested on the validation images, as usual: the labels of the test "
        "images are not public. The download size is approximate. The stand-in shows 20 of the classes.",
    )
    folder = "imagenet"
    splits = ("train", "val")
    sample_items = (1600, 500)
    kit_in_sample = True  # whether the stand-in has flat validation images and the kit

    def _homes(self, root: Path) -> list[Path]:
        return folders_named(root, PLACES)

    def home(self, root: Path) -> Path:
        return next(iter(self._homes(root)), root / self.folder)

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """Return the images of a split, by class and name; then those of validation that lie in no class folder."""
        folder = self._split_folder(root, split)
        files = index(folder, self.info.classes, self.suffixes, sizes=False)
        ids = files.names.with_prefixes([f"{split}/{wnid}/" for wnid in self.info.classes])
        in_folders = Columns(Paths(folder, files.names), files.folders, ids, ids)
        flat = {} if split == "train" else self._flat(root)
        if not flat:
            return in_folders
        classes: dict[str | None, int] = {wnid: label for label, wnid in enumerate(self.info.classes)}
        labelled = [(name, classes[wnid]) for name, wnid in flat.items() if wnid in classes]
        return [*in_folders, *(Row(folder / name, label, f"val/{name}", f"val/{name}") for name, label in labelled)]

    def _split_folder(self, root: Path, split: str) -> Path:
        """Return the folder of a split's images, or where it should be."""

        def splits(found: Contents) -> list[str]:
            names = (name for name in found.folders if name.lower() in FOLDERS[split])
            return [name for name in names if self._holds_images(contents(found.path / name), split)]

        if found := find_folder(self._homes(root), lambda found: bool(splits(found)), _may_hold):
            return found / splits(contents(found))[0]
        return self.home(root) / split

    def _holds_images(self, found: Contents, split: str) -> bool:
        classes = set(self.info.classes)
        flat = split == "val" and any(name.lower().endswith(self.suffixes) for name in found.files)
        return flat or any(name in classes for name in found.folders)

    def _flat(self, root: Path) -> dict[str, str | None]:
        """Return validation images that lie in no class folder with their WordNet ids, None if these are unknown."""
        folder = self._split_folder(root, "val")
        names = [name.removeprefix("./") for name in index(folder, ["."], self.suffixes, sizes=False).names]
        if not names:
            return {}
        wnids = [name for name in contents(folder).folders if WNID.fullmatch(name)]
        in_folders = {name.partition("/")[2] for name in index(folder, wnids, self.suffixes, sizes=False).names}
        path = self._labels(root)
        labels = read_labels(path) if path else {}
        numbers = {name: parse_int(name.rpartition("_")[2].partition(".")[0]) or 0 for name in names}
        return {name: labels.get(number) for name, number in numbers.items() if name not in in_folders}

    def _labels(self, root: Path) -> Path | None:
        """Return the file that labels validation images, which may also lie in the root itself."""
        return find_labels(self._homes(root), _may_hold) or find_labels([root], lambda name: False)

    def faults(self, root: Path) -> list[str]:
        """Return a phrase about validation images that nothing labels."""
        without = [name for name, wnid in self._flat(root).items() if wnid is None]
        where = self._split_folder(root, "val").name
        return [f"{len(without):,} images lie in {where}, such as {without[0]}, without a label"] if without else []

    def instructions(self, root: Path) -> str:
        home, folder = self.home(root), self._split_folder(root, "val")
        flat = index(folder, ["."], self.suffixes, sizes=False)
        if len(flat) and self._labels(root) is None:
            return (
                f"images in {folder} are not in class folders, so only the development kit can label them: put "
                f"{KIT}.tar.gz, packed or unpacked, or the competition's {TABLE} into {home}."
            )
        return (
            f"it needs an account and an agreement at {self.info.homepage}: unpack ILSVRC2012_img_train.tar and the "
            f"tars inside it into {home}/train/WNID/, and ILSVRC2012_img_val.tar into {home}/val/, and put "
            f"{KIT}.tar.gz, which labels the latter, into {home}/; or unpack the competition's archive there, with "
            f"ILSVRC/Data/CLS-LOC/ and {TABLE}."
        )

    def write_sample(self, root: Path, seed: int) -> None:
        """Write generated pictures of 20 classes, among them a PNG, a CMYK and a grey file, as in the real data."""
        from modalities.image.targets._imagenet_standin import OUTLINE_KINDS, outline

        self._write(root, seed, OUTLINE_KINDS, outline)
        mark(self.home(root), "imagenet imagenet100", seed)  # the subset may be read from here

    def _write(self, root: Path, seed: int, kinds: int, picture: Callable[[Canvas, Kinds], None]) -> None:
        from PIL import Image

        from modalities.image.targets._paint import paint

        home = root / self.folder
        shown = self.info.classes[8 :: len(self.info.classes) // kinds][:kinds]  # 7 of ImageNet's are in the subset
        pictures, order = paint(seed, "train", self.sample_items[0], kinds, 48, picture)
        for i, (pixels, kind) in enumerate(zip(pictures, order, strict=True)):
            path = home / "train" / shown[kind] / f"{shown[kind]}_{i}.JPEG"
            save_jpeg(path, pixels[: 48 - i % 9], {kinds: "CMYK", kinds + 1: "L"}.get(i, "RGB"))
        Image.fromarray(pictures[0]).save(home / "train" / shown[order[0]] / f"{shown[order[0]]}_0.JPEG", "PNG")

        pictures, order = paint(seed, "val", self.sample_items[1], kinds, 48, picture)
        for i, (pixels, kind) in enumerate(zip(pictures, order, strict=True), 1):
            place = home / "val" if self.kit_in_sample else home / "val" / shown[kind]
            save_jpeg(place / f"ILSVRC2012_val_{i:08d}.JPEG", pixels)
        if self.kit_in_sample:
            self._write_kit(home, [shown[kind] for kind in order])

    def _write_kit(self, home: Path, truth: list[str]) -> None:
        """Write the development kit, with its own order of classes (here the reverse) and a group after them."""
        from scipy.io import savemat

        wnids = [*reversed(self.info.classes), "n00001740"]
        fields = ("ILSVRC2012_ID", "WNID", "words", "num_children")
        synsets = np.zeros((len(wnids), 1), [(field, object) for field in fields])
        for i, wnid in enumerate(wnids):
            synsets[i, 0] = (i + 1, wnid, wnid, int(i == len(wnids) - 1))
        kit = home / KIT / "data"
        kit.mkdir(parents=True, exist_ok=True)
        savemat(kit / META, {"synsets": synsets})
        number = {wnid: i + 1 for i, wnid in enumerate(wnids)}
        (kit / TRUTH).write_text("".join(f"{number[wnid]}\n" for wnid in truth), encoding="ascii")


def _may_hold(name: str) -> bool:
    """Return whether a folder of this name may hold the folders of splits, or what labels validation images."""
    return not WNID.fullmatch(name) and name.lower() not in (*FOLDERS["train"], *FOLDERS["val"], *OTHERS)


TARGET = ImageNet()
