"""The package of example targets, imported by its path: what an outsider writes, on small data in native layouts."""

from __future__ import annotations

import tarfile
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.cli.check import COUNTS
from benchmark.config.compose import compose_target
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from modalities import registry
from modalities.audio.standins import KINDS, sound, write_wave
from modalities.contract.checks import CHECKS, check_adapter, small_view
from modalities.datasets.standin import mark
from modalities.image.standins import standin_pictures
from modalities.video.standins import write_clips

PACKAGE = Path(__file__).parents[2] / "examples" / "targets"
POINTS = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["entry-points"][registry.PLUGIN_GROUP]
TARGETS = sorted(POINTS)
SPEAKERS = {"train": ("00000002", "00000014"), "val": ("00000001",), "test": ("00000030", "00000031")}


@pytest.fixture
def adapters(plug_in: Callable[[Path, str, str], None]) -> dict[str, Any]:
    """The adapters by name, as they are found when the package is installed."""
    for name, place in POINTS.items():
        plug_in(PACKAGE, name, place)
    return {name: registry.target(name) for name in TARGETS}


def pictures(folder: Path, labels: int, split: str, files: Callable[[int, int], str], items: int = 120) -> None:
    for number, (picture, label) in enumerate(zip(*standin_pictures(0, split, labels, items, 32), strict=True)):
        path = folder / files(int(label), number)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).convert("L" if number == 7 else "RGB").save(path, "JPEG", quality=95)


def write_flowers12(root: Path, adapter: Any) -> None:
    for split in ("train", "test"):
        pictures(root / "flowers12" / split, 12, split, lambda label, n: f"{adapter.info.classes[label]}/image_{n}.jpg")


def write_tinyimagenet30(root: Path, adapter: Any) -> None:
    from example_targets.tinyimagenet30 import WORDS

    home, ids = root / "tiny-imagenet-200", list(WORDS)
    pictures(home, 30, "train", lambda label, n: f"train/{ids[label]}/images/{ids[label]}_{n}.JPEG")
    pictures(home, 30, "val", lambda label, n: f"val/images/val_{n}.JPEG")
    pictures(home, 30, "more", lambda label, n: f"train/n00000001/images/n00000001_{n}.JPEG", items=3)
    boxes = "\t0\t0\t9\t9\n"
    (home / "train" / ids[0] / f"{ids[0]}_boxes.txt").write_text(f"{ids[0]}_0.JPEG{boxes}")
    lines = [f"val_{n}.JPEG\t{ids[n % 30]}{boxes}" for n in range(120)]
    (home / "val" / "val_annotations.txt").write_text("".join([*lines, f"val_999.JPEG\tn00000001{boxes}"]))
    (home / "wnids.txt").write_text("\n".join([*ids, "n00000001"]))


def write_arabic10(root: Path, adapter: Any) -> None:
    home, take = root / "arabic10", 0
    for part, speakers in SPEAKERS.items():
        lines = ["file,class"]
        for word, speaker in ((word, speaker) for word in adapter.info.classes for speaker in speakers):
            lines.append(f"dataset/{word}/{speaker}_NO_01.flac,{word}")
            write_wave(home / lines[-1].partition(",")[0], sound(0, part, take % KINDS, take), 16_000)
            take += 1
        (home / f"{part}.csv").write_text("\r\n".join(lines), newline="")


def write_tennis7(root: Path, adapter: Any) -> None:
    home = root / "tennis7"
    write_clips(home, adapter.info.classes, "{0}_{1}_{2}.avi".format, seed=0, groups=11, per_group=2)
    for label in adapter.info.classes:
        for number, path in enumerate(sorted((home / label).iterdir()), 1):
            path.rename(home / label / f"{label}{number}.avi")
    (home / "README-upstream.md").write_text("tennis")


@pytest.fixture
def native(adapters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write small data of a target in its native layout, marked as a stand-in, whose numbers are not the dataset's."""
    monkeypatch.syspath_prepend(str(PACKAGE))

    def write(name: str) -> Path:
        globals()[f"write_{name}"](tmp_path, adapters[name])
        mark(adapters[name].home(tmp_path), name, 0)
        return tmp_path

    return write


@pytest.mark.parametrize("name", TARGETS)
def test_the_contract_holds_on_data_in_the_native_layout(
    name: str, adapters: dict[str, Any], native: Callable[[str], Path]
) -> None:
    found = {item.name: item for item in check_adapter(adapters[name], native(name), sample=30)}
    assert set(found) == set(CHECKS)
    assert {item.name: item.detail for item in found.values() if item.verdict == "fail"} == {}
    assert found["damaged file"].verdict == found["half the data"].verdict == "pass"


@pytest.mark.parametrize("name", TARGETS)
def test_an_adapter_is_short(name: str, adapters: dict[str, Any]) -> None:
    text = (PACKAGE / POINTS[name].partition(":")[0].replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    statements = text.partition("info = TargetInfo(")[0].splitlines() + text.partition("\n    )")[2].splitlines()
    assert len([line for line in statements if line.strip()]) <= 30, "without what it says about the dataset"


@pytest.mark.parametrize("profile", ["demo", "small", "paper"])
@pytest.mark.parametrize("name", TARGETS)
def test_its_settings_compose_under_every_profile(name: str, profile: str, adapters: dict[str, Any]) -> None:
    config = compose_target(name, [], profile=profile, suite="all")
    assert isinstance(config.view, registry.modality(adapters[name].info.modality).view_type)


def test_settings_are_in_the_package_that_is_built(adapters: dict[str, Any]) -> None:
    setuptools = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert setuptools["packages"] == ["example_targets"]
    (patterns,) = setuptools["package-data"].values()
    files = {path.name for path in (PACKAGE / "example_targets").iterdir() if path.suffix in (".yaml", ".txt")}
    assert files == {path.name for pattern in patterns for path in (PACKAGE / "example_targets").glob(pattern)}
    assert {f"{name}.yaml" for name in TARGETS} <= files
    assert {registry.settings_file(name) for name in TARGETS} <= set((PACKAGE / "example_targets").iterdir())
    assert all(EntryPoint(name, place, "").module.startswith("example_targets.") for name, place in POINTS.items())


def test_without_stand_in_a_profile_of_stand_ins_says_what_to_do(adapters: dict[str, Any], tmp_path: Path) -> None:
    cells = {
        cell.key.target: cell
        for cell in make_plan(Request(profile="demo", targets=("flowers12", "tennis7"), root=tmp_path))
    }
    assert cells["flowers12"].data.ready
    assert not cells["tennis7"].data.ready
    assert (
        "tennis7 has no generated stand-in; use its real data, with profile=small" in cells["tennis7"].data.instructions
    )


def test_the_speakers_lists_and_words_of_arabic10_are_its_own(
    adapters: dict[str, Any], native: Callable[[str], Path]
) -> None:
    root, view = native("arabic10"), small_view("audio")
    train, test = (getattr(adapters["arabic10"], split)(root, view) for split in COUNTS.values())
    assert set(train.groups) == {*SPEAKERS["train"], *SPEAKERS["val"]} and set(test.groups) == set(SPEAKERS["test"])
    (root / "arabic10" / "test.csv").write_text("file,class\ndataset/one/x_NO_01.flac,hundred\n")
    assert "'hundred'" in adapters["arabic10"].status(root).missing[0]


def test_other_classes_of_tiny_imagenet_are_no_items(adapters: dict[str, Any], native: Callable[[str], Path]) -> None:
    root = native("tinyimagenet30")
    train, test = (getattr(adapters["tinyimagenet30"], split)(root, small_view("image")) for split in COUNTS.values())
    assert (len(train), len(test)) == (120, 120)
    assert all("n00000001" not in item for item in train.item_ids)
    assert np.array_equal(test.labels, np.arange(120) % 30)


def test_clips_of_one_block_stay_together(adapters: dict[str, Any]) -> None:
    from example_targets.tennis7 import block

    names = [f"serve/serve{number}.mp4" for number in range(1, 54)]
    assert [block(name) for name in names] == [f"serve/{min((n - 1) // 10, 4)}" for n in range(1, 54)]


# --- real data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_real_data_are_ready_and_have_the_numbers_that_are_stated(
    name: str, adapters: dict[str, Any], real_data: Path, tmp_path: Path
) -> None:
    archive = real_data / f"{name}.tar.xz"
    if not archive.is_file():
        pytest.skip(f"there is no {archive.name}")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    adapter = adapters[name]
    status = adapter.status(tmp_path)
    assert (status.state, status.missing) == ("ready", ())
    train, test = (getattr(adapter, split)(tmp_path, small_view(adapter.info.modality)) for split in COUNTS.values())
    assert (len(train), len(test)) == (adapter.info.train_items, adapter.info.test_items)
    assert not set(train.groups) & set(test.groups)
    assert set(train.labels) == set(test.labels) == set(range(len(adapter.info.classes)))
    first = train[0]
    assert first.label == train.labels[0] and int(first.data.max()) > int(first.data.min())
    if name == "tennis7":
        tests = [adapter.test(tmp_path, small_view("video"), fold=fold) for fold in range(1, 5)]
        assert [{item.split("/")[1] for item in test.item_ids} for test in tests] == published_test_clips()
        assert sum(map(len, tests)) == len(train) + len(test) == 371


def published_test_clips() -> list[set[str]]:
    """The test clips of each fold as the package's page lists them."""
    page = (PACKAGE / "README.md").read_text(encoding="utf-8").partition("| fold 4 |")[2]
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    folds: list[set[str]] = [set() for _ in range(4)]
    for stroke, *cells in lines:
        for clips, numbers in zip(folds, cells, strict=True):
            for span in numbers.split(","):
                first, _, last = span.strip().partition("–")
                clips |= {f"{stroke.strip(' `')}{number}.mp4" for number in range(int(first), int(last) + 1)}
    return folds
