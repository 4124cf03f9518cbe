"""Flowers-12: photographs of twelve species, as pictures in a folder per class."""

from modalities.base import TargetInfo
from modalities.image.folder import ImageFolderTarget


class Flowers12(ImageFolderTarget):
    """Reads ``ROOT/flowers12/{train,test}/SPECIES/*.jpg`` (implements ``modalities.base.TargetAdapter``)."""

    info = TargetInfo(
        name="flowers12",
        title="Oxford flowers, twelve species",
        modality="image",
        classes=(
            "bluebell", "buttercup", "colts-foot", "daisy", "dandelion", "fritillary",
            "iris", "lily-valley", "pansy", "sunflower", "tigerlily", "windflower",
        ),
        train_items=720,
        test_items=240,
        licence="not stated",
        citation="@inproceedings{nilsback2006visual, author={Nilsback, Maria-Elena and Zisserman, Andrew}, "
        "title={A Visual Vocabulary for Flower Classification}, booktitle={CVPR}, year={2006}}",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/flowers/",
        download_bytes=0,
        leak_unit="image",
        notes="12 of the 17 species of Oxford Flowers-17, with 60 training and 20 test images of each.",
    )  # fmt: skip


TARGET = Flowers12()
