"""ImageNet-100: the hundred classes of ImageNet that the contrastive multiview coding (CMC) code lists."""

from __future__ import annotations

from pathlib import Path

from modalities.base import TargetInfo
from modalities.datasets.layouts import folders_named
from modalities.datasets.lists import lines
from modalities.datasets.standin import mark
from modalities.image.targets._published import resnets
from modalities.image.targets.imagenet import CITATION, ImageNet


class ImageNet100(ImageNet):
    """Reads its own folder or, if there is none, that of ImageNet.

    A class is the position of its WordNet id in sorted order, not in the list.
    """

    info = TargetInfo(
        name="imagenet100",
        title="ImageNet-100 (CMC list)",
        modality="image",
        classes=tuple(sorted(lines(Path(__file__).with_suffix(".txt")))),
        train_items=126_689,
        test_items=5_000,
        licence=ImageNet.info.licence,
        citation=CITATION + "\n@inproceedings{tian2020contrastive, author={Tian, Yonglong and Krishnan, Dilip and "
        "Isola, Phillip}, title={Contrastive Multiview Coding}, booktitle={ECCV}, year={2020}}",
        homepage="https://github.com/HobbitLong/CMC",
        download_bytes=ImageNet.info.download_bytes,
        leak_unit="image",
        published=resnets(teacher=0.896, student=0.844, wide_student=0.885),
        notes="Several other lists go by this name; this is imagenet100.txt of the CMC code, sorted. The subset "
        "cannot be downloaded alone. The stand-in shows 12 of the classes.",
    )
    folder = "imagenet100"
    sample_items = (1200, 480)
    kit_in_sample = False

    def _homes(self, root: Path) -> list[Path]:
        """Return its own folder if that exists, else ImageNet's."""
        return folders_named(root, (self.folder, "imagenet-100")) or super()._homes(root)

    def home(self, root: Path) -> Path:
        return next(iter(self._homes(root)), root / ImageNet.folder)

    def instructions(self, root: Path) -> str:
        return (
            f"put its classes into {root / self.folder}/{{train,val}}/WNID/, or all of ImageNet into "
            f"{root / ImageNet.folder}/: {ImageNet().instructions(root)}"
        )

    def write_sample(self, root: Path, seed: int) -> None:
        """Write generated pictures of 12 classes into its own folder."""
        from modalities.image.targets._imagenet_standin import STREWN_KINDS, strewn

        self._write(root, seed, STREWN_KINDS, strewn)
        mark(root / self.folder, self.info.name, seed)


TARGET = ImageNet100()
