"""Lists and files of image targets against what the datasets are known to have, in the layouts that downloads leave."""

import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import scipy.io

from modalities import registry
from modalities.errors import BadInput
from modalities.image.policies import ImageView

VIEW = ImageView()
SIZES = (60, 30)
FOLDERS = {"pets37": "oxford-iiit-pet", "flowers102": "flowers-102", "places365": "places365"}
LISTS = {
    "pets37": ("annotations/trainval.txt", "annotations/test.txt"),
    "places365": ("places365_train_standard.txt", "places365_val.txt"),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = tmp_path_factory.mktemp("samples")
    with pytest.MonkeyPatch.context() as patch:
        for name in FOLDERS:
            patch.setattr(registry.target(name), "sample_items", SIZES)
            registry.target(name).write_sample(root, 0)
    return root


@pytest.fixture
def complete(samples, tmp_path, monkeypatch):
    """Returns a function that gives a target and a complete copy of it, if it were as small as its stand-in."""

    def make(name):
        adapter, folder = registry.target(name), FOLDERS[name]
        shutil.copytree(samples / folder, tmp_path / folder)
        (tmp_path / folder / "STAND-IN.json").unlink()
        monkeypatch.setattr(adapter, "info", replace(adapter.info, train_items=SIZES[0], test_items=SIZES[1]))
        assert adapter.status(tmp_path).state == "ready"
        return adapter, tmp_path, tmp_path / folder

    return make


def described(adapter, root):
    return [[(row.label, row.item_id) for row in split(root, VIEW).rows] for split in (adapter.train, adapter.test)]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_cut_short_is_not_ready(complete, name):
    adapter, root, home = complete(name)
    path = home / LISTS[name][1]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:12]))
    status = adapter.status(root)
    assert status.state == "partial"
    assert f"the {adapter.splits[1]} list names 12 of 30 images" in status.missing
    assert len(adapter.test(root, VIEW)) == 12


SPELLINGS = {
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "current folder": lambda content: b"".join(b"./" + line.lstrip(b"/") for line in content.splitlines(keepends=True)),
    "backslashes": lambda content: content.replace(b"/", b"\\"),
    "upper case": lambda content: content.upper(),
    "blanks": lambda content: b"\n".join(b"  " + line + b" " for line in content.splitlines()) + b"\n\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", LISTS)
def test_lists_that_are_written_otherwise_name_the_same_items(complete, name, spelling):
    adapter, root, home = complete(name)
    before = described(adapter, root)
    for file in LISTS[name]:
        (home / file).write_bytes(SPELLINGS[spelling]((home / file).read_bytes()))
    assert adapter.status(root).state == "ready"
    assert described(adapter, root) == before


@pytest.mark.parametrize("name", LISTS)
def test_entries_without_a_file_are_counted_and_named(complete, name):
    adapter, root, _home = complete(name)
    gone = adapter.test(root, VIEW).rows[4].where
    gone.rename(gone.with_name("elsewhere.jpg"))
    status = adapter.status(root)
    assert status.state == "partial"
    (text,) = (text for text in status.missing if "not there" in text)
    assert f"names 1 images that are not there, such as {gone.stem}".lower() in text.lower()


def test_an_image_of_both_lists_of_pets_is_refused(complete):
    adapter, root, home = complete("pets37")
    stolen = (home / LISTS["pets37"][1]).read_text().splitlines()[3]
    with (home / LISTS["pets37"][0]).open("a") as file:
        file.write(f"./{stolen}\n")
    for split in (adapter.train, adapter.test):
        with pytest.raises(BadInput, match=r"test\.txt names .* again, after annotations/trainval\.txt"):
            split(root, VIEW)
    assert adapter.status(root).state == "partial"


@pytest.mark.parametrize("line", ["../Abyssinian_1 1 1 1", "a/b/c 1 1 1"])
def test_an_entry_of_pets_outside_the_folder_is_refused(complete, line):
    adapter, root, home = complete("pets37")
    (home / LISTS["pets37"][1]).write_text(line)
    with pytest.raises(BadInput, match=r"line 1 of .*test\.txt is not an image with a class"):
        adapter.test(root, VIEW)


@pytest.mark.parametrize("line", ["/a/airfield/00000001.jpg 1", "../a/airfield/00000001.jpg 0"])
def test_an_entry_of_places_in_the_folder_of_another_class_is_refused(complete, line):
    adapter, root, home = complete("places365")
    (home / LISTS["places365"][0]).write_text(line)
    with pytest.raises(BadInput, match=r"line 1 of .*places365_train_standard\.txt is not a name with its class"):
        adapter.train(root, VIEW)


def test_an_entry_of_places_that_comes_twice_is_refused(complete):
    adapter, root, home = complete("places365")
    path = home / LISTS["places365"][1]
    path.write_text(path.read_text() + path.read_text().splitlines()[0])
    with pytest.raises(BadInput, match=r"places365_val\.txt names an image twice"):
        adapter.test(root, VIEW)


def rewrite_sets(home, change):
    sets = scipy.io.loadmat(home / "setid.mat")
    scipy.io.savemat(home / "setid.mat", change({key: sets[key] for key in ("trnid", "valid", "tstid")}))


def test_flowers_with_training_and_test_exchanged_are_not_ready(complete):
    adapter, root, home = complete("flowers102")
    rewrite_sets(home, lambda sets: {**sets, "trnid": sets["tstid"], "tstid": sets["trnid"]})
    status = adapter.status(root)
    assert status.state == "partial"
    assert "train: 30 of 60 images" in status.missing and "test: 60 images instead of 30" in status.missing


def test_a_flower_on_both_sides_is_refused(complete):
    adapter, root, home = complete("flowers102")
    rewrite_sets(home, lambda sets: {**sets, "trnid": np.append(sets["trnid"], sets["tstid"][:, :1], axis=1)})
    with pytest.raises(BadInput, match=r"setid\.mat names an image twice"):
        adapter.test(root, VIEW)


@pytest.mark.parametrize(("name", "place"), [
    ("pets37", "oxford-iiit-pet/oxford-iiit-pet"), ("pets37", "Oxford_Pets"), ("flowers102", "102flowers"),
    ("flowers102", "flowers-102/flowers-102"), ("places365", "Places365"),
    ("places365", "places365/places365_standard"),
])  # fmt: skip
def test_the_folder_may_have_another_name_or_lie_in_one_of_its_own(complete, name, place):
    adapter, root, home = complete(name)
    before = described(adapter, root)
    aside = home.rename(root / "aside")
    (root / place).parent.mkdir(exist_ok=True)
    aside.rename(root / place)
    assert adapter.status(root).state == "ready"
    assert described(adapter, root) == before


# --- CIFAR and STL-10 --------------------------------------------------------------------------------------------

CIFAR = {"cifar10": ("cifar-10-batches-bin", 1), "cifar100": ("cifar-100-binary", 2)}


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Returns a function that gives a target and its official pickles, if it were as small as its stand-in."""

    def make(name):
        adapter = registry.target(name)
        monkeypatch.setattr(adapter, "sample_items", (100, 20))
        monkeypatch.setattr(adapter, "info", replace(adapter.info, train_items=100, test_items=20))
        adapter.write_sample(tmp_path, 0)
        home = tmp_path / adapter.archive_folder
        (home / "STAND-IN.json").unlink()
        assert adapter.status(tmp_path).state == "ready"
        return adapter, tmp_path, home

    return make


def to_binary(adapter, home, folder):
    folder.mkdir()
    for name in (*adapter.train_files, *adapter.test_files):
        content = pickle.loads((home / name).read_bytes())
        labels = np.array([content[key] for key in ("coarse_labels", adapter.label_key) if key in content], np.uint8)
        (folder / f"{name}.bin").write_bytes(np.hstack([labels.T, content["data"]]).tobytes())
    shutil.rmtree(home)


@pytest.mark.parametrize("name", CIFAR)
def test_the_binary_version_of_cifar_holds_the_same_items(cifar, name):
    adapter, root, home = cifar(name)
    before, pictures = described(adapter, root), [item.data for item in adapter.test(root, VIEW)]
    to_binary(adapter, home, root / CIFAR[name][0])
    assert adapter.status(root).state == "ready"
    assert described(adapter, root) == before
    after = adapter.test(root, VIEW)
    assert all((after[i].data == picture).all() for i, picture in enumerate(pictures))


@pytest.mark.parametrize("name", CIFAR)
def test_a_binary_file_that_is_cut_short_is_counted_and_named(cifar, name):
    adapter, root, home = cifar(name)
    to_binary(adapter, home, root / CIFAR[name][0])
    (test,) = (root / CIFAR[name][0] / f"{file}.bin" for file in adapter.test_files)
    test.write_bytes(test.read_bytes()[:-1])
    status = adapter.status(root)
    assert (status.state, status.missing) == ("partial", (f"{test.name}: 1 of 20 images",))
    with pytest.raises(BadInput, match=rf"{test.name} is cut short"):
        adapter.test(root, VIEW)


@pytest.mark.parametrize(("name", "items"), [("cifar10", 12), ("cifar100", 19), ("cifar10", 300), ("cifar10", 70_000)])
def test_a_pickle_with_another_number_of_pictures_is_not_ready(cifar, name, items):
    adapter, root, home = cifar(name)
    (file,) = adapter.test_files
    pixels = np.zeros((items, 3072), np.uint8)
    (home / file).write_bytes(pickle.dumps({adapter.label_key: [0] * items, "data": pixels}, protocol=2))
    status = adapter.status(root)
    counted = f"{20 - items} of 20 images" if items < 20 else f"{items:,} images instead of 20"
    assert (status.state, status.missing) == ("partial", (f"{file}: {counted}",))


@pytest.mark.parametrize("place", ["cifar10", "CIFAR-10", "cifar-10-python", "cifar10/cifar-10-python"])
def test_the_batches_may_lie_in_a_folder_of_the_dataset(cifar, place):
    adapter, root, home = cifar("cifar10")
    before = described(adapter, root)
    (root / place).mkdir(parents=True)
    home.rename(root / place / home.name)
    assert adapter.status(root).state == "ready"
    assert described(adapter, root) == before


def test_lines_of_folds_that_lack_or_repeat_pictures_are_not_ready(tmp_path, monkeypatch):
    adapter = registry.target("stl10")
    monkeypatch.setattr(adapter, "sample_items", (50, 20))
    monkeypatch.setattr(adapter, "info", replace(adapter.info, train_items=40, test_items=20))
    adapter.write_sample(tmp_path, 0)
    home = tmp_path / "stl10_binary"
    (home / "STAND-IN.json").unlink()
    monkeypatch.setattr(
        adapter, "sizes", {path.name: path.stat().st_size for path in home.glob("*.bin")} | {"fold_indices.txt": 0}
    )
    assert adapter.status(tmp_path).state == "ready"
    folds = (home / "fold_indices.txt").read_text().splitlines()
    words = folds[2].split()
    folds[2] = " ".join([*words[:-1], words[0]])
    (home / "fold_indices.txt").write_text("\n".join(folds[:9]) + "\n")
    status = adapter.status(tmp_path)
    assert status.missing == (
        "line 3 of fold_indices.txt: 1 of 40 images",
        "line 10 of fold_indices.txt: 40 of 40 images",
    )
    with pytest.raises(BadInput, match=r"line 3 of .*fold_indices\.txt names a picture twice"):
        adapter.train(tmp_path, VIEW, 3)
