"""Official class lists: length and order against copies that other packages carry, and hashes of the originals."""

import hashlib
from importlib.resources import files

import pytest
import torchvision.datasets as tv

from modalities import registry
from modalities.image.targets.cifar100 import TARGET as CIFAR100
from modalities.image.targets.flowers102 import TARGET as FLOWERS
from modalities.image.targets.imagenet import TARGET as IMAGENET
from modalities.image.targets.imagenet100 import TARGET as SUBSET
from modalities.image.targets.pets37 import TARGET as PETS
from modalities.image.targets.places365 import TARGET as PLACES

COUNTS = {"cifar100": 100, "stl10": 10, "imagenet": 1000, "imagenet100": 100, "places365": 365, "flowers102": 102, "pets37": 37}  # fmt: skip # noqa: E501


@pytest.mark.parametrize("name", COUNTS)
def test_every_class_is_named_once(name):
    classes = registry.target(name).info.classes
    assert len(classes) == len(set(classes)) == COUNTS[name]
    assert all(text.strip() == text != "" for text in classes)


def test_cifar100_classes_are_the_fine_ones_in_alphabetic_order():
    classes = CIFAR100.info.classes
    assert classes == tuple(sorted(classes))
    assert (classes[0], classes[1], classes[58], classes[99]) == ("apple", "aquarium_fish", "pickup_truck", "worm")


def test_cifar100_checksums_are_those_of_torchvision():
    theirs = tv.CIFAR100
    assert dict(theirs.train_list) == CIFAR100.train_files
    assert dict(theirs.test_list) == CIFAR100.test_files
    assert CIFAR100.meta == (theirs.meta["filename"], theirs.meta["md5"], theirs.meta["key"])
    assert (CIFAR100.archive, CIFAR100.archive_md5) == (theirs.url, theirs.tgz_md5)


def test_places_categories_are_the_official_file():
    lines = [f"/{name[0]}/{name} {label}" for label, name in enumerate(PLACES.info.classes)]
    assert hashlib.md5("\n".join(lines).encode()).hexdigest() == tv.Places365._CATEGORIES_META[1]


def test_imagenet_100_is_the_list_of_the_cmc_code_in_sorted_order():
    text = (files("modalities.image.targets") / "imagenet100.txt").read_bytes()
    assert hashlib.sha256(text).hexdigest() == "79f3f1552ccc478ce24bd934b4573625db584ddc1f4643ae23c994a94cb11397"
    assert SUBSET.info.classes == tuple(sorted(text.decode().split()))
    assert set(SUBSET.info.classes) < set(IMAGENET.info.classes)


def test_imagenet_classes_are_sorted_wordnet_ids():
    classes = IMAGENET.info.classes
    assert classes == tuple(sorted(classes))
    # Well-known indices of published weights: tench, tabby, toilet tissue.
    assert (classes[0], classes[281], classes[999]) == ("n01440764", "n02123045", "n15075141")


def test_imagenet_classes_are_those_that_timm_carries():
    info = pytest.importorskip("timm.data.imagenet_info", reason="timm is an optional dependency")
    assert list(IMAGENET.info.classes) == info.ImageNetInfo("imagenet-1k").label_names()


def test_flower_names_are_those_of_torchvision():
    assert list(FLOWERS.info.classes) == tv.Flowers102.classes


def test_pet_breeds_are_ordered_without_regard_to_case():
    classes = PETS.info.classes
    assert list(classes) == sorted(classes, key=str.lower)
    assert (classes[0], classes[36]) == ("Abyssinian", "yorkshire terrier")
    assert sum(name[0].isupper() for name in classes) == 12  # names of cats begin with a capital


def test_checksums_of_downloads_are_those_of_torchvision():
    assert {part.url.rpartition("/")[2]: part.md5 for part in FLOWERS.parts} == dict(tv.Flowers102._file_dict.values())
    assert {part.url: part.md5 for part in PETS.parts} == dict(tv.OxfordIIITPet._RESOURCES)
    theirs = tv.Places365
    wanted = [
        theirs._DEVKIT_META["standard"],
        theirs._IMAGES_META["val", True],
        theirs._IMAGES_META["train-standard", True],
    ]
    assert [(part.url.removeprefix(theirs._BASE_URL), part.md5) for part in PLACES.parts] == wanted
    assert set(PLACES.md5s.items()) == {theirs._FILE_LIST_META["train-standard"], theirs._FILE_LIST_META["val"]}
