"""ImageNet (ILSVRC 2012): photographs of a thousand kinds of things, tested on its validation images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.base import Published, TargetInfo
from modalities.datasets.index import Names, Paths, index
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import lines, parse_int
from modalities.datasets.standin import mark
from modalities.errors import BadInput
from modalities.image.matfile import load_mat
from modalities.image.targets._official import OfficialTarget, save_jpeg
from modalities.image.targets._published import PAPER, RESNET50, resnets

if TYPE_CHECKING:
    from modalities.image.targets._paint import Canvas, Kinds

DEVKIT = "ILSVRC2012_devkit_t12/data"
META, TRUTH = f"{DEVKIT}/meta.mat", f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt"
CITATION = (
    "@article{russakovsky2015imagenet, author={Russakovsky, Olga and Deng, Jia and Su, Hao and Krause, Jonathan and "
    "Satheesh, Sanjeev and Ma, Sean and Huang, Zhiheng and Karpathy, Andrej and Khosla, Aditya and Bernstein, Michael "
    "and Berg, Alexander C. and Fei-Fei, Li}, title={ImageNet Large Scale Visual Recognition Challenge}, "
    "journal={International Journal of Computer Vision}, volume={115}, number={3}, pages={211--252}, year={2015}}"
)


class ImageNet(OfficialTarget):
    """Reads ``train/WNID/*.JPEG`` and ``val/WNID/*.JPEG``, or a flat ``val/`` beside the unpacked development kit.

    A class is the position of its WordNet id in sorted order, as in published weights. The kit numbers classes in
    another order, which ``meta.mat`` translates.
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

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """Return the images of a split, by class and name; the kit labels a flat folder of validation images."""
        home = self.home(root)
        files = index(home, [f"{split}/{wnid}" for wnid in self.info.classes], self.suffixes, sizes=False)
        if len(files) or split == "train" or not (home / META).is_file():
            return Columns(Paths(home, files.names), files.folders, files.names, files.names)
        labels = self._truth(home)
        numbered = ((name, parse_int(name.rpartition("_")[2].partition(".")[0])) for name in self._flat(home))
        return [Row(home / name, labels[number], name, name) for name, number in numbered if number in labels]

    def _flat(self, home: Path) -> Names:
        """Return the validation images that lie in no class's folder."""
        return index(home, ["val"], self.suffixes, sizes=False).names

    def _truth(self, home: Path) -> dict[int, int]:
        """Return number of a validation image → its class, for the images of our classes."""
        classes = {wnid: label for label, wnid in enumerate(self.info.classes)}
        try:
            wnids = {
                int(synset["ILSVRC2012_ID"]): str(synset["WNID"])
                for synset in load_mat(home / META, "synsets")
                if int(synset["num_children"]) == 0  # the others are groups of classes
            }
        except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
            raise BadInput(f"{home / META} cannot be used ({error}); unpack the development kit again.") from error
        try:
            ids = [int(line) for line in (home / TRUTH).read_text(encoding="ascii").split()]
            return {number: classes[wnids[i]] for number, i in enumerate(ids, 1) if wnids[i] in classes}
        except (OSError, ValueError, KeyError) as error:
            raise BadInput(
                f"{home / TRUTH} cannot be used ({type(error).__name__}: {error}); unpack the development kit again."
            ) from error

    def instructions(self, root: Path) -> str:
        home = self.home(root)
        if len(self._flat(home)) and not (home / META).is_file():
            return (
                f"the images in {home}/val are not in class folders, so only the development kit can label them: "
                f"unpack ILSVRC2012_devkit_t12.tar.gz into {home}, so that {home / META} is there."
            )
        return (
            f"it needs an account and an agreement at {self.info.homepage}: unpack ILSVRC2012_img_train.tar and the "
            f"tars inside it into {home}/train/WNID/, ILSVRC2012_img_val.tar into {home}/val/, and "
            f"ILSVRC2012_devkit_t12.tar.gz, which labels the latter, into {home}/."
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
        (home / DEVKIT).mkdir(parents=True, exist_ok=True)
        savemat(home / META, {"synsets": synsets})
        number = {wnid: i + 1 for i, wnid in enumerate(wnids)}
        (home / TRUTH).write_text("".join(f"{number[wnid]}\n" for wnid in truth), encoding="ascii")


TARGET = ImageNet()
