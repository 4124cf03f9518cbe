"""Places365-Standard in its small version (256×256): photographs of places, tested on its validation images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from modalities.base import TargetInfo
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import lines, parse_int, plain_path, reading
from modalities.datasets.lookup import ListedFiles, look_up
from modalities.errors import BadInput
from modalities.image.targets._official import OfficialTarget, Part, save_jpeg
from modalities.image.targets._published import resnets

_FROM = "http://data.csail.mit.edu/places/places365"
LISTS = {"train": "places365_train_standard.txt", "val": "places365_val.txt"}
TRAIN_FOLDERS = ("data_256_standard", "data_256")  # the archive's is the second, which torchvision renames


class Places365(OfficialTarget):
    """Official lists and images."""

    info = TargetInfo(
        name="places365",
        title="Places365-Standard",
        modality="image",
        classes=tuple(lines(Path(__file__).with_suffix(".txt"))),
        train_items=1_803_460,
        test_items=36_500,
        licence="not stated; the images stay with their owners",
        citation="@article{zhou2018places, author={Zhou, Bolei and Lapedriza, Agata and Khosla, Aditya and "
        "Oliva, Aude and Torralba, Antonio}, title={Places: A 10 Million Image Database for Scene Recognition}, "
        "journal={IEEE Transactions on Pattern Analysis and Machine Intelligence}, volume={40}, number={6}, "
        "pages={1452--1464}, year={2018}}",
        homepage="http://places2.csail.mit.edu/",
        download_bytes=67_498_496 + 26_103_685_120 + 525_158_400,
        leak_unit="image",
        published=resnets(teacher=0.540, student=0.503, wide_student=0.531),
        notes="Tested on the validation images (100 of each class): the labels of the test images are not public. "
        "The stand-in shows 11 of the classes.",
    )
    folder = "places365"
    places = ("places365_standard", "places365-standard", "places")
    splits = ("train", "val")
    lists = tuple(LISTS.values())
    parts = (
        Part(f"{_FROM}/filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c", lists[0], 67_498_496),
        Part(f"{_FROM}/val_256.tar", "e27b17d8d44f4af9a78502beb927f808", "val", 525_158_400),
        Part(f"{_FROM}/train_256_places365standard.tar", "53ca1c756c3d1e7809517cc47c5561c5", "train", 26_103_685_120),
    )
    md5s: Mapping[str, str] = {
        LISTS["train"]: "30f37515461640559006b8329efbed1a",
        LISTS["val"]: "e9f2fd57bfd9d07630173f4e8708e4b1",
    }
    sample_items = (1200, 480)

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """Return the listed images of a split that are on disk, in the list's order."""
        home = self.home(root)
        directory, heads, files, on_disk = self._look_up(home, split)
        if len(np.unique(on_disk.places)) < len(on_disk.places):
            raise BadInput(f"{home / LISTS[split]} names an image twice; fetch it again.")
        names = files.names.with_prefixes([f"{directory}/{head}" for head in heads]).take(on_disk.places)
        return Columns(Paths(home, names), on_disk.labels, names, names)

    def listed(self, root: Path, split: str) -> tuple[Path, int, list[str]]:
        home = self.home(root)
        on_disk = self._look_up(home, split)[3]
        return home / LISTS[split], on_disk.lines, [on_disk.absent] * (on_disk.lines - len(on_disk.places))

    def _look_up(self, home: Path, split: str) -> tuple[str, list[str], Index, ListedFiles]:
        """Return the folder of a split, what its list calls the folders inside, the files, and those of them listed."""
        directory, folders = "val_256", ["."]
        if split == "train":
            directory = next((name for name in TRAIN_FOLDERS if (home / name).is_dir()), TRAIN_FOLDERS[0])
            folders = [f"{name[0]}/{name}" for name in self.info.classes]
        files = index(home / directory, folders, self.suffixes, sizes=False)
        heads = [f"{folder}/".removeprefix("./") for folder in folders]
        return directory, heads, files, look_up(home / LISTS[split], _lines, files, home / directory, heads, str.lower)

    def _write_sample(self, home: Path, seed: int) -> None:
        """Write generated pictures of 11 scenes under the names that the archives give, with lists."""
        from modalities.image.targets._paint import paint
        from modalities.image.targets._places365_standin import KINDS, SCENES, scene

        shown = list(SCENES)
        for split, items in zip(self.splits, self.sample_items, strict=True):
            pictures, kinds = paint(seed, split, items, KINDS, 48, scene)
            text = []
            for i, (pixels, kind) in enumerate(zip(pictures, kinds, strict=True), 1):
                category = shown[kind]
                train = split == "train"
                name = f"/{category[0]}/{category}/{i:08d}.jpg" if train else f"Places365_val_{i:08d}.jpg"
                save_jpeg(home / (TRAIN_FOLDERS[1] if train else "val_256") / name.lstrip("/"), pixels)
                text.append(f"{name} {self.info.classes.index(category)}\n")
            (home / LISTS[split]).write_text("".join(text), encoding="utf-8")
        categories = [f"/{name[0]}/{name} {label}" for label, name in enumerate(self.info.classes)]
        (home / "categories_places365.txt").write_text("\n".join(categories), encoding="utf-8")


def _lines(path: Path) -> Iterator[tuple[str, int]]:
    """Yield name, in lower case, and class of every line of a list; training images lie in a folder of their class."""
    folders = {f"{name[0]}/{name}": label for label, name in enumerate(Places365.info.classes)}
    with reading(path), path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            name, _, digits = line.strip().rpartition(" ")
            name, label = plain_path(name.strip().replace("\\", "/").removeprefix("/")).lower(), parse_int(digits)
            folder = name.rpartition("/")[0]
            if not name or label is None or label >= len(folders) or folders.get(folder, label) != label:
                raise BadInput(f"line {number} of {path} is not a name with its class below 365; fetch it again.")
            yield name, label


TARGET = Places365()
