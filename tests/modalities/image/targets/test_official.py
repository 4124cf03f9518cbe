"""Targets of image files: labels as others read them, stand-ins, odd JPEG files, partial and damaged data."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torchvision.datasets as tv
from PIL import Image

from modalities import registry
from modalities.datasets.standin import stand_ins
from modalities.errors import BadInput
from modalities.image.policies import ImageView
from modalities.image.targets import _imagenet_labels as labels

META, TRUTH = (f"{labels.KIT}/data/{name}" for name in (labels.META, labels.TRUTH))
VIEW = ImageView()
NATIVE = ImageView(size=40)
TRAIN, TEST = 120, 60
NAMES = ("imagenet", "imagenet100", "places365", "flowers102", "pets37")
# Of the stand-ins below. Fingerprints enter the ids of cells, so they never change.
FINGERPRINTS = {
    "imagenet": "3bd748b1d68704cba8a3b48bb392c157971402ca4a042fedd70db24c931a2cc6",
    "imagenet100": "46f84e8b86c0a7990f65b04dc23642103ff017e06574ebf826edd9129560274e",
    "places365": "c0ee0f7050f4880d17bf967f5f4cac2892b903976e6606f78df57c9b9e2a6145",
    "flowers102": "915a28e4ffe7e7138a98e1e9676bf22107ba89df46de01af1b4e1062f59a814c",
    "pets37": "ca407e7b343a9823bd86f511459dd72dcbf6515dcf8d769cf09aaf38bbeef8ee",
    "cifar100": "7c81a69e826227922bbc993b30c327402b609b30b6b3ee26f2674267c38ec625",
}


@pytest.fixture(scope="module", autouse=True)
def _fewer_pictures():
    """The same stand-ins with fewer pictures, so that many of them can be written."""
    patch = pytest.MonkeyPatch()
    for name in (*NAMES, "cifar100", "stl10"):
        patch.setattr(registry.target(name), "sample_items", (TRAIN, TEST))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def samples(tmp_path_factory, _fewer_pictures) -> Path:
    root = tmp_path_factory.mktemp("samples")
    for name in (*NAMES, "cifar100"):
        registry.target(name).write_sample(root, 0)
    return root


@pytest.fixture
def own(samples, tmp_path):
    """Returns a function that copies one target's folder into a root of its own, as if its data were real."""

    def copy(folder: str) -> Path:
        shutil.copytree(samples / folder, tmp_path / folder)
        (tmp_path / folder / "STAND-IN.json").unlink()
        return tmp_path

    return copy


def content(data) -> list[str]:
    return [hashlib.sha256(data[i].data.numpy().tobytes()).hexdigest() for i in range(len(data))]


# --- every target ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*NAMES, "cifar100", "stl10"])
def test_the_same_seed_writes_the_same_stand_in_and_another_seed_another(name, tmp_path):
    target = registry.target(name)
    hashes = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        root = tmp_path / folder
        root.mkdir()
        target.write_sample(root, seed)
        hashes.append(content(target.test(root, VIEW)))
    assert hashes[0] == hashes[1]
    assert not set(hashes[0]) & set(hashes[2])


@pytest.mark.parametrize("name", [*NAMES, "cifar100"])
def test_no_picture_is_in_both_splits_or_twice(name, samples):
    target = registry.target(name)
    train, test = (content(split(samples, VIEW)) for split in (target.train, target.test))
    assert len({*train, *test}) == len(train) + len(test)


@pytest.mark.parametrize("name", [*NAMES, "cifar100"])
def test_both_splits_show_the_same_eight_or_more_classes_evenly(name, samples):
    target = registry.target(name)
    counts = [np.unique(split(samples, VIEW).labels, return_counts=True) for split in (target.train, target.test)]
    assert counts[0][0].tolist() == counts[1][0].tolist()
    assert len(counts[0][0]) >= 8
    assert all(number.max() - number.min() <= 1 for _, number in counts)


def test_every_stand_in_is_known_as_one(samples):
    assert stand_ins(samples) == {*NAMES, "cifar100"}
    for name in (*NAMES, "cifar100"):
        status = registry.target(name).status(samples)
        assert (status.state, status.missing) == ("ready", ())
        assert "stand-in" in status.how


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_root_is_absent_and_says_what_to_do(name, tmp_path):
    target = registry.target(name)
    status = target.status(tmp_path)
    assert status.state == "absent"
    assert str(tmp_path) in status.how
    with pytest.raises(BadInput, match=name):
        target.test(tmp_path, VIEW)


@pytest.mark.parametrize("name", ["places365", "flowers102", "pets37"])
def test_fetching_over_a_stand_in_is_refused(name, samples):
    with pytest.raises(BadInput, match="stand-in"):
        registry.target(name).fetch(samples)


@pytest.mark.parametrize("name", ["imagenet", "imagenet100"])
def test_what_needs_an_agreement_is_not_downloaded(name, tmp_path):
    with pytest.raises(BadInput, match=r"ILSVRC2012_img_train\.tar"):
        registry.target(name).fetch(tmp_path)


@pytest.mark.parametrize(
    ("name", "folder", "split", "missing"),
    [
        ("imagenet", "imagenet", "train", "train: 1,281,048 of 1,281,167 images"),
        ("imagenet100", "imagenet100", "val", "val: 4,941 of 5,000 images"),
        ("places365", "places365", "val", "val: 36,441 of 36,500 images"),
        ("flowers102", "flowers-102", "test", "test: 6,090 of 6,149 images"),
        ("pets37", "oxford-iiit-pet", "test", "test: 3,610 of 3,669 images"),
    ],
)
def test_partial_data_are_counted(name, folder, split, missing, own):
    target, root = registry.target(name), own(folder)
    before = target.status(root)
    target.rows(root, split)[-1].where.unlink()
    after = target.status(root)
    assert before.state == after.state == "partial"
    assert missing in after.missing
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("imagenet", "imagenet"),
        ("places365", "places365"),
        ("flowers102", "flowers-102"),
        ("pets37", "oxford-iiit-pet"),
    ],
)
def test_a_damaged_picture_is_named_and_costs_only_itself(name, folder, own):
    target, root = registry.target(name), own(folder)
    data = target.test(root, VIEW)
    path = data.rows[5].where
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadInput, match=path.name):
        data[5]
    assert data[6].data.shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("name", "folder", "file", "damage"),
    [
        ("imagenet", "imagenet", META, b"no such thing"),
        ("imagenet", "imagenet", TRUTH, b"1\ntwo\n"),
        ("imagenet", "imagenet", TRUTH, b"1\n4711\n"),
        ("places365", "places365", "places365_val.txt", b"Places365_val_00000001.jpg 365\n"),
        ("places365", "places365", "places365_val.txt", b"Places365_val_00000001.jpg\n"),
        ("flowers102", "flowers-102", "setid.mat", b"no such thing"),
        ("flowers102", "flowers-102", "imagelabels.mat", b""),
        ("places365", "places365", "places365_val.txt", b"\xff\xfe\x00 \x9c\n"),
        ("pets37", "oxford-iiit-pet", "annotations/test.txt", b"Abyssinian_1 38 1 1\n"),
        ("pets37", "oxford-iiit-pet", "annotations/test.txt", b"Abyssinian_1 0 1 1\n"),
    ],
)
def test_a_damaged_list_is_named(name, folder, file, damage, own):
    root = own(folder)
    (root / folder / file).write_bytes(damage)
    with pytest.raises(BadInput, match=Path(file).name):
        registry.target(name).test(root, VIEW)
    status = registry.target(name).status(root)
    assert status.state == "partial"
    assert any(Path(file).name in text for text in status.missing)


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("places365", "places365", "places365_train_standard.txt"),
        ("flowers102", "flowers-102", "setid.mat"),
        ("pets37", "oxford-iiit-pet", "annotations/trainval.txt"),
    ],
)
def test_a_missing_list_is_named(name, folder, file, own):
    root = own(folder)
    (root / folder / file).unlink()
    assert file in registry.target(name).status(root).missing
    with pytest.raises(BadInput, match=Path(file).name):
        registry.target(name).train(root, VIEW)


@pytest.mark.parametrize("name", NAMES)
def test_a_fingerprint_is_that_of_splits_labels_and_names(name, samples):
    target, text = registry.target(name), ""
    for split, data in zip(target.splits, (target.train(samples, VIEW), target.test(samples, VIEW)), strict=True):
        assert [row.where for row in data.rows] == [target.home(samples) / item_id for item_id in data.item_ids]
        assert list(data.groups) == list(data.item_ids)
        text += "".join(f"{split} {label} {name}\n" for name, label in zip(data.item_ids, data.labels, strict=True))
    assert target.status(samples).fingerprint == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_names_labels_and_order_are_those_of_earlier_versions(name, samples):
    assert registry.target(name).status(samples).fingerprint == FINGERPRINTS[name]


# --- ImageNet and its subset -------------------------------------------------------------------------------------


def test_the_kits_ids_are_translated_and_not_taken_for_indices(samples):
    """The stand-in's kit counts classes backwards, so an id taken for an index is wrong everywhere."""
    target = registry.target("imagenet")
    ids = [int(line) for line in (samples / "imagenet" / TRUTH).read_text().split()]
    data = target.test(samples, VIEW)
    assert data.item_ids[0] == "val/ILSVRC2012_val_00000001.JPEG"
    assert data.labels.tolist() == [1000 - number for number in ids]
    # torchvision's own reading of meta.mat
    synsets = scipy.io.loadmat(samples / "imagenet" / META, squeeze_me=True)["synsets"]
    wnids = {entry[0]: entry[1] for entry in synsets if entry[3] == 0}
    assert [target.info.classes[label] for label in data.labels] == [wnids[number] for number in ids]


def test_folders_of_validation_images_need_no_kit(own):
    target, root = registry.target("imagenet"), own("imagenet")
    flat = target.test(root, VIEW)
    expected = {row.where.name: row.label for row in flat.rows}
    home = root / "imagenet"
    for row in flat.rows:
        place = home / "val" / target.info.classes[row.label]
        place.mkdir(exist_ok=True)
        row.where.rename(place / row.where.name)
    shutil.rmtree(home / "ILSVRC2012_devkit_t12")
    sorted_into_folders = target.test(root, VIEW)
    assert {row.where.name: row.label for row in sorted_into_folders.rows} == expected


def test_flat_validation_images_without_the_kit_say_that_it_is_missing(own):
    target, root = registry.target("imagenet"), own("imagenet")
    shutil.rmtree(root / "imagenet" / "ILSVRC2012_devkit_t12")
    status = target.status(root)
    assert status.state == "partial"
    assert "ILSVRC2012_devkit_t12.tar.gz" in status.how
    with pytest.raises(BadInput, match="devkit"):
        target.test(root, VIEW)


def test_labels_agree_with_a_whole_tree_of_sorted_folders(own):
    target, root = registry.target("imagenet100"), own("imagenet100")
    for wnid in target.info.classes:
        (root / "imagenet100" / "val" / wnid).mkdir(exist_ok=True)
    theirs = tv.ImageFolder(root / "imagenet100" / "val", allow_empty=True)
    ours = target.test(root, VIEW)
    assert [(str(row.where), row.label) for row in ours.rows] == theirs.samples


def test_the_subset_is_found_inside_imagenet(own):
    whole, subset, root = registry.target("imagenet"), registry.target("imagenet100"), own("imagenet")
    shared = [wnid for wnid in whole.info.classes if (root / "imagenet" / "train" / wnid).is_dir()]
    shared = [wnid for wnid in shared if wnid in subset.info.classes]
    assert shared, "the stand-in shows no class of the subset, so this test says nothing"
    for of_whole, of_subset in ((whole.train, subset.train), (whole.test, subset.test)):
        rows = [(row.where, whole.info.classes[row.label]) for row in of_whole(root, VIEW).rows]
        expected = [row for row in rows if row[1] in shared]
        found = [(row.where, subset.info.classes[row.label]) for row in of_subset(root, VIEW).rows]
        assert found == expected


def test_jpeg_files_that_are_grey_cmyk_or_png_are_read_as_colour(samples):
    target = registry.target("imagenet")
    seen = {}
    data = target.train(samples, NATIVE)
    for i, row in enumerate(data.rows):
        number = int(row.where.stem.rpartition("_")[2])
        if number in (0, 20, 21, 22):
            with Image.open(row.where) as file:
                seen[(file.format, file.mode)] = (data[i].data[0].float(), row.label)
    assert set(seen) == {("PNG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("JPEG", "RGB")}
    grey, _ = seen["JPEG", "L"]
    assert (grey[0] == grey[1]).all() and (grey[1] == grey[2]).all()
    assert all(pixels.shape == (3, 40, 40) for pixels, _ in seen.values())


@pytest.mark.parametrize("name", ["imagenet", "pets37"])
def test_a_cmyk_file_shows_the_colours_that_were_painted(name, samples):
    """Against the same stand-in's pixels before they were written: an inverted file would be off by far more."""
    from modalities.image.targets import _imagenet_standin, _pets37_standin
    from modalities.image.targets._paint import paint

    kinds, picture, split = {
        "imagenet": (_imagenet_standin.OUTLINE_KINDS, _imagenet_standin.outline, "train"),
        "pets37": (_pets37_standin.KINDS, _pets37_standin.head, "trainval"),
    }[name]
    painted = paint(0, split, 64, kinds, 48, picture)[0]
    data = registry.target(name).train(samples, NATIVE)
    for row in data.rows:
        with Image.open(row.where) as file:
            if file.mode == "CMYK":
                read = np.asarray(file.convert("RGB"), float)
                break
    expected = painted[kinds][: len(read)].astype(float)
    assert np.abs(read - expected).mean() < 12 < np.abs(255 - read - expected).mean()


# --- Places365, Flowers-102, Pets --------------------------------------------------------------------------------


def test_places_labels_are_those_of_the_lists_in_either_folder_name(own):
    target, root = registry.target("places365"), own("places365")
    home = root / "places365"
    before = target.train(root, VIEW)
    (home / "data_256").rename(home / "data_256_standard")  # as torchvision does
    after = target.train(root, VIEW)
    assert before.labels.tolist() == after.labels.tolist()
    assert before.item_ids[0] == after.item_ids[0].replace("data_256_standard", "data_256")
    for row in after.rows[:50]:
        assert target.info.classes[row.label] in row.item_id
    assert any(target.info.classes[row.label] == "desert/sand" for row in after.rows)
    assert target.status(root).missing[0].startswith("train: ")


def test_places_is_read_as_torchvision_reads_it(own, monkeypatch):
    target, root = registry.target("places365"), own("places365")
    home = root / "places365"
    (home / "data_256").rename(home / "data_256_standard")
    monkeypatch.setattr(tv.Places365, "_check_integrity", lambda self, *_: True)
    monkeypatch.setattr("torchvision.datasets.places365.check_integrity", lambda *_: True, raising=False)
    for split, ours in (("train-standard", target.train(root, VIEW)), ("val", target.test(root, VIEW))):
        theirs = tv.Places365(home, split, small=True)
        assert [(str(row.where), row.label) for row in ours.rows] == theirs.imgs


def test_flowers_are_read_as_torchvision_reads_them(samples, monkeypatch):
    monkeypatch.setattr(tv.Flowers102, "_check_integrity", lambda self: True)
    target = registry.target("flowers102")
    for split, ours in (("train", target.train(samples, VIEW)), ("test", target.test(samples, VIEW))):
        theirs = tv.Flowers102(samples, split)
        expected = dict(zip((path.name for path in theirs._image_files), theirs._labels, strict=True))
        assert {row.where.name: row.label for row in ours.rows} == expected


def test_flowers_count_from_1_and_the_validation_split_stays_unused(samples):
    home = samples / "flowers-102"
    target = registry.target("flowers102")
    labels = scipy.io.loadmat(home / "imagelabels.mat")["labels"][0]
    sets = scipy.io.loadmat(home / "setid.mat")
    first = int(sets["tstid"][0].min())
    row = target.test(samples, VIEW).rows[0]
    assert (row.item_id, row.label) == (f"jpg/image_{first:05d}.jpg", int(labels[first - 1]) - 1)
    used = {row.item_id for split in (target.train, target.test) for row in split(samples, VIEW).rows}
    assert not used & {f"jpg/image_{number:05d}.jpg" for number in sets["valid"][0]}


def test_pets_are_read_as_torchvision_reads_them(samples):
    target = registry.target("pets37")
    for split, ours in (("trainval", target.train(samples, VIEW)), ("test", target.test(samples, VIEW))):
        theirs = tv.OxfordIIITPet(samples, split)
        expected = list(zip((path.name for path in theirs._images), theirs._labels, strict=True))
        assert [(row.where.name, row.label) for row in ours.rows] == expected


def test_pets_remarks_are_skipped_and_unlisted_pictures_unused(own):
    target, root = registry.target("pets37"), own("oxford-iiit-pet")
    home = root / "oxford-iiit-pet"
    assert (home / "images" / "Abyssinian_100000.jpg").is_file()
    used = {row.item_id for split in (target.train, target.test) for row in split(root, VIEW).rows}
    assert "images/Abyssinian_100000.jpg" not in used
    before = target.test(root, VIEW).labels.tolist()
    path = home / "annotations" / "test.txt"
    path.write_text("#Image CLASS-ID SPECIES BREED ID\n\n" + path.read_text())
    assert target.test(root, VIEW).labels.tolist() == before


def test_pets_names_in_the_lists_agree_with_our_breeds(samples):
    target = registry.target("pets37")
    for row in target.test(samples, VIEW).rows:
        breed = row.where.stem.rpartition("_")[0].replace("_", " ")
        assert target.info.classes[row.label] == breed


def test_the_marker_of_imagenet_names_the_subset_that_may_be_read_from_it(samples):
    assert json.loads((samples / "imagenet" / "STAND-IN.json").read_text())["target"] == "imagenet imagenet100"
