"""Tiny-ImageNet-30: thirty of the 200 classes of Tiny-ImageNet, in its native layout."""

from collections.abc import Iterator
from pathlib import Path

from modalities.base import TargetInfo
from modalities.datasets.files import LabelledFile
from modalities.datasets.lists import lines
from modalities.image.folder import ImageFileTarget

WORDS = dict(line.split("\t") for line in lines(Path(__file__).with_suffix(".txt")))  # by WordNet id
ANNOTATIONS = "val/val_annotations.txt"


class TinyImageNet30(ImageFileTarget):
    """Reads ``ROOT/tiny-imagenet-200``, all of it or these classes (implements ``modalities.base.TargetAdapter``)."""

    info = TargetInfo(
        name="tinyimagenet30",
        title="Tiny-ImageNet, thirty classes",
        modality="image",
        classes=tuple(WORDS.values()),
        train_items=15_000,
        test_items=1_500,
        licence="research only (ImageNet's terms)",
        citation="@techreport{le2015tiny, author={Le, Ya and Yang, Xuan}, title={Tiny ImageNet Visual Recognition "
        "Challenge}, institution={Stanford University, CS 231N}, year={2015}}",
        homepage="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        download_bytes=0,
        leak_unit="image",
        notes="The official validation images are the test, because labels of the test images are not published. "
        "The classes are those of tinyimagenet30.txt.",
    )
    folder = "tiny-imagenet-200"
    lists = (ANNOTATIONS,)
    layout = "train/WNID/images/*.JPEG, val/images/*.JPEG and " + ANNOTATIONS

    def files(self, home: Path) -> Iterator[LabelledFile]:
        for name in self.found(home, (f"train/{wnid}/images" for wnid in WORDS)):
            yield LabelledFile(name, WORDS[name.split("/")[1]], "train")
        for line in lines(home / ANNOTATIONS):
            name, wnid, *_ = line.split("\t")
            if wnid in WORDS:
                yield LabelledFile(f"val/images/{name}", WORDS[wnid], "test")


TARGET = TinyImageNet30()
