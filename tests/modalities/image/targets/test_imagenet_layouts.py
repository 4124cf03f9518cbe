"""ImageNet as its archives and the competition's leave it: the same items with the same labels in every layout."""

import csv
import shutil
import tarfile

import numpy as np
import pytest
import scipy.io

from modalities.errors import BadInput
from modalities.image.policies import ImageView
from modalities.image.targets._imagenet_labels import KIT, META, TABLE, TRUTH
from modalities.registry import target

IMAGENET, IMAGENET100 = target("imagenet"), target("imagenet100")
VIEW = ImageView()
SHOWN = IMAGENET.info.classes[::100]  # ten classes
TRAIN, VAL = 3, 4  # images of each


@pytest.fixture
def home(tmp_path):
    """A real copy in the documented layout, with a flat folder of validation images and no labels for them."""
    home = tmp_path / "imagenet"
    for wnid in SHOWN:
        (home / "train" / wnid).mkdir(parents=True)
        for number in range(TRAIN):
            (home / "train" / wnid / f"{wnid}_{number}.JPEG").write_bytes(b"image")
    (home / "val").mkdir()
    for number in range(1, VAL * len(SHOWN) + 1):
        (home / "val" / name_of(number)).write_bytes(b"image")
    return home


def name_of(number):
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def wnid_of(number):
    return SHOWN[number * 7 % len(SHOWN)]


def kit(folder):
    """The development kit, which counts classes backwards."""
    wnids = [*reversed(IMAGENET.info.classes), "n00001740"]
    synsets = np.zeros((len(wnids), 1), [(name, object) for name in ("ILSVRC2012_ID", "WNID", "num_children")])
    for place, wnid in enumerate(wnids):
        synsets[place, 0] = (place + 1, wnid, int(wnid == "n00001740"))
    data = folder / KIT / "data"
    data.mkdir(parents=True)
    scipy.io.savemat(data / META, {"synsets": synsets})
    truth = [1000 - IMAGENET.info.classes.index(wnid_of(number)) for number in range(1, VAL * len(SHOWN) + 1)]
    (data / TRUTH).write_text("".join(f"{number}\n" for number in truth))
    return folder / KIT


def pack(folder, ending):
    path = folder / f"{KIT}.{ending}"
    with tarfile.open(path, "w" if ending == "tar" else "w:gz") as archive:
        archive.add(kit(folder), KIT)
    shutil.rmtree(folder / KIT)
    return path


def solution(folder):
    """The competition's table: a box of an image may be repeated, and the order is not that of the numbers."""
    with (folder / TABLE).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("ImageId", "PredictionString"))
        for number in range(VAL * len(SHOWN), 0, -1):
            boxes = f"{wnid_of(number)} 85 1 499 272 " * (1 + number % 2)
            rows.writerow((name_of(number).partition(".")[0], boxes))
    return folder / TABLE


def described(root):
    return [
        [(row.label, row.item_id, row.group) for row in split(root, VIEW).rows]
        for split in (IMAGENET.train, IMAGENET.test)
    ]


EXPECTED_TEST = [
    (IMAGENET.info.classes.index(wnid_of(number)), f"val/{name_of(number)}", f"val/{name_of(number)}")
    for number in range(1, VAL * len(SHOWN) + 1)
]


@pytest.mark.parametrize(
    "labels", [kit, solution, lambda folder: pack(folder, "tar.gz"), lambda folder: pack(folder, "tar")]
)
def test_flat_validation_images_are_labelled_by_the_kit_or_the_competitions_table(home, labels):
    labels(home)
    train, test = described(home.parent)
    assert test == EXPECTED_TEST
    assert [item for _, item, _ in train] == [f"train/{wnid}/{wnid}_{n}.JPEG" for wnid in SHOWN for n in range(TRAIN)]


LAYOUTS = {
    "the competition's archive": "imagenet/ILSVRC/Data/CLS-LOC",
    "the competition's archive in the root": "ILSVRC/Data/CLS-LOC",
    "the competition's folder": "imagenet-object-localization-challenge/ILSVRC/Data/CLS-LOC",
    "without its outer folder": "imagenet/Data/CLS-LOC",
    "a capital folder": "ImageNet",
    "a year": "ILSVRC2012",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_folders_are_found_where_archives_put_them(home, layout):
    root = home.parent
    kit(home)
    before, fingerprint = described(root), IMAGENET.status(root).fingerprint
    shutil.rmtree(home / KIT)
    place = root / LAYOUTS[layout]
    aside = home.rename(root / "aside")
    place.mkdir(parents=True)
    for split in ("train", "val"):
        (aside / split).rename(place / split)
    aside.rmdir()
    boxes = place.parent.parent / "Annotations" / "CLS-LOC" / "val"  # holds no picture
    if place.name == "CLS-LOC":
        boxes.mkdir(parents=True)
        (boxes / "ILSVRC2012_val_00000001.xml").write_text("<annotation/>")
        (place / "test").mkdir()
        (place / "test" / "ILSVRC2012_test_00000001.JPEG").write_bytes(b"image")
    solution(root if "root" in layout else root / LAYOUTS[layout].partition("/")[0])
    assert described(root) == before
    assert IMAGENET.status(root).fingerprint == fingerprint
    assert all(row.where.is_file() for row in IMAGENET.test(root, VIEW).rows)


def test_folders_may_be_called_as_their_archives(home):
    kit(home)
    before = described(home.parent)
    for split in ("train", "val"):
        (home / split).rename(home / f"ILSVRC2012_img_{split}")
    assert described(home.parent) == before


def sort_some(home, number):
    for image in range(1, number + 1):
        (home / "val" / wnid_of(image)).mkdir(exist_ok=True)
        (home / "val" / name_of(image)).rename(home / "val" / wnid_of(image) / name_of(image))


def test_a_half_sorted_folder_hides_no_flat_picture(home):
    sort_some(home, 15)
    kit(home)
    test = IMAGENET.test(home.parent, VIEW)
    expected = {name_of(number): IMAGENET.info.classes.index(wnid_of(number)) for number in range(1, 41)}
    assert {row.where.name: row.label for row in test.rows} == expected
    assert len(test) == 40


def test_a_picture_in_its_class_folder_and_beside_it_is_one_item(home):
    sort_some(home, 15)
    (home / "val" / name_of(1)).write_bytes(b"image")
    kit(home)
    assert len(IMAGENET.test(home.parent, VIEW)) == 40


def test_flat_pictures_that_nothing_labels_are_counted_and_the_remedy_is_named(home):
    sort_some(home, 15)
    status = IMAGENET.status(home.parent)
    assert status.state == "partial"
    assert f"25 images lie in val, such as {name_of(16)}, without a label" in status.missing
    assert "ILSVRC2012_devkit_t12.tar.gz, packed or unpacked" in status.how and TABLE in status.how
    assert len(IMAGENET.test(home.parent, VIEW)) == 15


def test_a_table_that_is_cut_short_is_not_ready_and_says_so(home):
    path = solution(home)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:13]))
    status = IMAGENET.status(home.parent)
    assert "val: 49,988 of 50,000 images" in status.missing
    assert f"28 images lie in val, such as {name_of(1)}, without a label" in status.missing


@pytest.mark.parametrize("line", [
    "ILSVRC2012_val_00000001,", "ILSVRC2012_val_00000001,dog 1 2 3 4", f"ILSVRC2012_val_00000040,{SHOWN[0]} 1 2 3 4",
    f"ILSVRC2012_val_00000099,{SHOWN[0]} 1 2 3 4 {SHOWN[1]} 1 2 3 4", f"picture,{SHOWN[0]} 1 2 3 4",
])  # fmt: skip
def test_a_damaged_line_of_the_table_is_named(home, line):
    path = solution(home)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(BadInput, match=rf"{TABLE} line 42 is not an image with one class"):
        IMAGENET.test(home.parent, VIEW)
    assert IMAGENET.status(home.parent).state == "partial"


@pytest.mark.parametrize("harm", [lambda content: content[: len(content) // 2], lambda content: b"<html>".ljust(999)])
def test_a_damaged_packed_kit_is_named(home, harm):
    path = pack(home, "tar.gz")
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(BadInput, match=r"ILSVRC2012_devkit_t12\.tar\.gz cannot be read .* download it again"):
        IMAGENET.test(home.parent, VIEW)


def test_the_subset_reads_the_competitions_layout_too(home):
    root = home.parent
    place = root / "ILSVRC" / "Data" / "CLS-LOC"
    wnids = sorted(IMAGENET100.info.classes)[:3]
    for wnid in wnids:
        (place / "train" / wnid).mkdir(parents=True)
        (place / "train" / wnid / f"{wnid}_1.JPEG").write_bytes(b"image")
    shutil.rmtree(home)
    assert [row.item_id for row in IMAGENET100.train(root, VIEW).rows] == [f"train/{w}/{w}_1.JPEG" for w in wnids]
