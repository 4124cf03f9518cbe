"""Oxford-IIIT Pets: photographs of cats and dogs of 37 breeds."""

from __future__ import annotations

from pathlib import Path

from modalities.base import TargetInfo
from modalities.datasets.index import index
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines, parse_int, plain_path
from modalities.errors import BadInput
from modalities.image.targets._official import OfficialTarget, Part, save_jpeg
from modalities.image.targets._published import resnet50

_FROM = "https://www.robots.ox.ac.uk/~vgg/data/pets/data"
LISTS = {"trainval": "annotations/trainval.txt", "test": "annotations/test.txt"}


class Pets37(OfficialTarget):
    """Official images and lists."""

    info = TargetInfo(
        name="pets37",
        title="Oxford-IIIT Pets",
        modality="image",
        classes=tuple(lines(Path(__file__).with_suffix(".txt"))),
        train_items=3_680,
        test_items=3_669,
        licence="CC BY-SA 4.0",
        citation="@inproceedings{parkhi2012cats, author={Parkhi, Omkar M. and Vedaldi, Andrea and Zisserman, Andrew "
        "and Jawahar, C. V.}, title={Cats and Dogs}, booktitle={CVPR}, year={2012}}",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        download_bytes=791_918_971 + 19_173_078,
        leak_unit="image",
        published=(resnet50(0.768),),
        notes="Trained on the official trainval list. About 40 images are in neither list and not used. "
        "The stand-in shows 11 of the breeds.",
    )
    folder = "oxford-iiit-pet"
    places = ("oxford-iiit-pets", "oxford_iiit_pet", "oxford_pets", "pets37", "pets")
    splits = ("trainval", "test")
    lists = tuple(LISTS.values())
    parts = (
        Part(f"{_FROM}/annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f", LISTS["test"], 19_173_078),
        Part(f"{_FROM}/images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c", "test", 791_918_971),
    )
    sample_items = (1200, 480)

    def rows(self, root: Path, split: str) -> list[Row]:
        """Return the listed images of a split that are on disk, in the list's order."""
        home = self.home(root)
        on_disk = _on_disk(home)
        named = [(on_disk.get(name.casefold()), label) for name, label in self._listed(home)[split]]
        return [
            Row(home / place, label, f"images/{Path(place).name}", f"images/{Path(place).name}")
            for place, label in named
            if place
        ]

    def listed(self, root: Path, split: str) -> tuple[Path, int, list[str]]:
        home = self.home(root)
        names, on_disk = [name for name, _ in self._listed(home)[split]], _on_disk(home)
        return home / LISTS[split], len(names), [name for name in names if name.casefold() not in on_disk]

    def _listed(self, home: Path) -> dict[str, list[tuple[str, int]]]:
        """Return name and class of every line of the lists that are there, by split. Raises BadInput.

        Comments are skipped; classes in the files count from 1. An image may be named once.
        """
        listed: dict[str, list[tuple[str, int]]] = {split: [] for split in LISTS}
        seen: dict[str, str] = {}
        for split, file in LISTS.items():
            for number, line in enumerate(lines(home / file) if (home / file).is_file() else (), 1):
                words = line.split()
                if not words or words[0].startswith("#"):
                    continue
                name = plain_path(words[0]).removeprefix("images/").removesuffix(".jpg")
                label = parse_int(words[1]) if len(words) > 1 else None
                if not name or "/" in name or label is None or not 1 <= label <= len(self.info.classes):
                    raise BadInput(
                        f"line {number} of {home / file} is not an image with a class from 1 to 37; "
                        "fetch the annotations again."
                    )
                if name.casefold() in seen:
                    raise BadInput(
                        f"line {number} of {home / file} names {name} again, after {seen[name.casefold()]}; fetch the "
                        "annotations again."
                    )
                seen[name.casefold()] = file
                listed[split].append((name, label - 1))
        return listed

    def _write_sample(self, home: Path, seed: int) -> None:
        """Write generated pictures of 11 breeds in the official layout: one is grey, one CMYK, one in no list."""
        from modalities.image.targets._paint import paint
        from modalities.image.targets._pets37_standin import BREEDS, KINDS, head

        shown = list(BREEDS)
        (home / "annotations").mkdir(parents=True, exist_ok=True)
        comment = "#Image CLASS-ID SPECIES BREED ID\n"
        listed = []
        for split, items in zip(self.splits, self.sample_items, strict=True):
            pictures, kinds = paint(seed, split, items, KINDS, 48, head)
            text = []
            for i, (pixels, kind) in enumerate(zip(pictures, kinds, strict=True)):
                breed = shown[kind]
                name = f"{breed.replace(' ', '_')}_{2 * i + self.splits.index(split)}"
                mode = {KINDS: "CMYK", KINDS + 1: "L"}.get(i, "RGB") if split == "trainval" else "RGB"
                save_jpeg(home / "images" / f"{name}.jpg", pixels[: 48 - i % 9], mode)
                species = 1 if breed[0].isupper() else 2  # only the names of cats are capitalised
                text.append(f"{name} {self.info.classes.index(breed) + 1} {species} 1\n")
            (home / LISTS[split]).write_text("".join(text), encoding="utf-8")
            listed += text
        (home / "annotations" / "list.txt").write_text(comment * 6 + "".join(listed), encoding="utf-8")
        save_jpeg(home / "images" / "Abyssinian_100000.jpg", pictures[0])


def _on_disk(home: Path) -> dict[str, str]:
    """Return name of an image without suffix, in lower case → its path below ``home``."""
    found = index(home, ["images", "images/images"], (".jpg", ".jpeg"), sizes=False).names
    return {Path(place).stem.casefold(): place for place in found}


TARGET = Pets37()
