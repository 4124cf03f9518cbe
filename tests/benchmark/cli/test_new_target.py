"""``benchmark new-target``: what it writes works at once, and it never overwrites a file."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from benchmark.cli import new_target
from benchmark.cli.app import app
from modalities import registry
from modalities.contract.checks import check_adapter, small_view
from modalities.errors import BadInput

PROJECT = Path(new_target.__file__).parents[2]


def scaffold(*arguments: str | Path) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["new-target", *map(str, arguments)])
    assert not ended.value.code


def loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package from a folder, under its own name, as an installed one would be."""
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(path.name, path / "__init__.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_a_new_target_keeps_the_contract_at_once(
    modality: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaffold("corvids_4", "--modality", modality, "--package", tmp_path / "crows")
    adapter = loaded(tmp_path / "crows" / "corvids_4_target", monkeypatch).TARGET
    assert (adapter.info.name, adapter.info.modality) == ("corvids_4", modality)
    assert [found for found in check_adapter(adapter) if found.verdict == "fail"] == []
    lines = (tmp_path / "crows" / "corvids_4_target" / "__init__.py").read_text().splitlines()
    assert len(lines) <= 30


def test_a_package_names_its_target_to_the_registry(tmp_path: Path) -> None:
    scaffold("corvids_4", "-m", "image", "--package", tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert project["project"]["entry-points"][registry.PLUGIN_GROUP] == {"corvids_4": "corvids_4_target:TARGET"}
    assert project["tool"]["setuptools"]["packages"] == ["corvids_4_target"]
    assert project["tool"]["setuptools"]["package-data"] == {"corvids_4_target": ["*.yaml"]}


def test_sounds_of_a_new_target_can_be_told_apart_by_a_plain_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.signal import stft
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaffold("corvids", "-m", "audio", "--package", tmp_path / "crows")
    adapter = loaded(tmp_path / "crows" / "corvids_target", monkeypatch).TARGET
    adapter.write_sample(tmp_path, 0)

    def split(name: str) -> tuple[np.ndarray, np.ndarray]:
        data = getattr(adapter, name)(tmp_path, small_view("audio"))
        waves = np.stack([data[i].data[0].numpy() for i in range(len(data))]) / 2**15
        power = np.log(np.abs(stft(waves, 8_000, nperseg=256)[2][:, :64]) + 1e-3)
        blocks = power[:, :, :60].reshape(len(data), 16, 4, 6, 10).mean(axis=(2, 4))
        return blocks.reshape(len(data), -1), data.labels

    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(*split("train"))
    assert classifier.score(*split("test")) > 0.6, "chance is a quarter"


@pytest.mark.slow
def test_teachers_learn_new_targets_of_every_modality(tmp_path: Path, installed: Callable[[Path, Path], None]) -> None:
    packages = []
    for modality in registry.MODALITIES:
        packages.append(tmp_path / f"my_{modality}")
        scaffold(f"my_{modality}", "-m", modality, "--package", packages[-1])
        installed(packages[-1], tmp_path / "site")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (tmp_path / "site", *packages))),
        "BENCHMARK_CACHE": str(tmp_path / "cache"),
    }

    def benchmark(*arguments: str) -> str:
        command = [sys.executable, "-c", "from benchmark.cli.app import main; main()", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr
        return done.stdout

    benchmark("run", "--target", "my_*", "profile=smoke")
    rows = list(csv.DictReader(io.StringIO(benchmark("table", "--profile", "smoke", "--format", "csv"))))
    assert {row["target"] for row in rows} == {f"my_{modality}" for modality in registry.MODALITIES}
    assert all(float(row["teacher_top1"]) > 1.5 * float(row["chance"]) for row in rows)


# --- from data ---------------------------------------------------------------------------------------------------


def draw(folder: Path, *names: str, side: int = 40) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, side + 9), (number, 9, 9)).save(path)
    return folder


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (
            ["train/jay/1.png", "train/owl/1.png", "train/owl/2.png", "test/jay/1.png", "val/owl/1.png"],
            ("train", "test"),
        ),
        (["Training/jay/1.png", "Training/owl/1.png", "Training/owl/2.png", "valid/jay/a.png"], ("Training", "valid")),
    ],
)
def test_a_look_at_the_data_fills_in_what_they_tell(
    files: list[str], splits: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw(tmp_path / "data" / "corvid-pictures", *files)
    (data / "train" / ".cache").mkdir(parents=True)
    (data / "README.txt").write_text("read me")
    scaffold("corvids_5", "--look", data, "--package", tmp_path / "crows")
    adapter = loaded(tmp_path / "crows" / "corvids_5_target", monkeypatch).TARGET
    assert (adapter.info.modality, adapter.info.classes, adapter.splits) == ("image", ("jay", "owl"), splits)
    assert (adapter.info.train_items, adapter.info.test_items) == (3, 1)
    assert adapter.status(tmp_path / "data").state == "ready"
    settings = OmegaConf.load(tmp_path / "crows" / "corvids_5_target" / "corvids_5.yaml")
    assert settings == {"view": {"size": 40}}


def test_a_look_at_data_without_a_split_writes_an_adapter_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug_in: Callable[[Path, str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    names = [f"{label}/{number}.png" for label in ("jay", "owl") for number in range(12)]
    data = draw(tmp_path / "data" / "corvids_6", *names, side=9)
    scaffold("corvids_6", "--look", data, "--package", tmp_path / "crows")
    assert f"benchmark check corvids_6 --root {tmp_path / 'data'} --fill-counts" in capsys.readouterr().out
    plug_in(tmp_path / "crows", "corvids_6", "corvids_6_target:TARGET")
    with pytest.raises(SystemExit):
        app(["check", "corvids_6", "--root", str(tmp_path / "data"), "--fill-counts"])
    assert "0 items fail" not in capsys.readouterr().out
    adapter = registry.target("corvids_6")
    assert adapter.info.train_items + adapter.info.test_items == 24 and adapter.info.test_items >= 2
    assert adapter.status(tmp_path / "data").state == "ready"


def test_a_look_at_a_table_takes_its_classes_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw(tmp_path / "corvids_7", "a/1.png", "b/2.png", "3.png")
    (data / "files.csv").write_text("file,class,split\na/1.png,owl,train\nb/2.png,jay,train\n3.png,owl,test\n")
    scaffold("corvids_7", "--look", data, "--package", tmp_path / "crows")
    adapter = loaded(tmp_path / "crows" / "corvids_7_target", monkeypatch).TARGET
    assert (adapter.info.classes, adapter.info.train_items, adapter.info.test_items) == (("jay", "owl"), 2, 1)
    assert adapter.status(tmp_path).state == "ready"


def test_a_layout_that_is_not_known_is_refused_with_the_view_that_fits(tmp_path: Path) -> None:
    data = draw(tmp_path / "deep", "a/b/c/1.png", "a/2.png", side=56)
    with pytest.raises(BadInput, match=r"files such as a/2\.png, which is not .*files\(\).*view\.size=56"):
        app(["new-target", "corvids", "--look", str(data), "--package", str(tmp_path / "crows")])
    assert not (tmp_path / "crows").exists()


def test_a_look_needs_data_and_without_one_the_modality_must_be_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no image, sound or video file"):
        app(["new-target", "corvids", "--look", str(tmp_path / "empty"), "--package", str(tmp_path / "crows")])
    with pytest.raises(BadInput, match="say which modality"):
        app(["new-target", "corvids", "--package", str(tmp_path / "crows")])


# --- into a checkout ---------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project to write into."""
    shutil.copytree(PROJECT / "modalities", tmp_path / "modalities", ignore=shutil.ignore_patterns("assets", "*.pyc"))
    monkeypatch.setattr(new_target, "_checkout", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_in_a_checkout_the_registry_finds_it_and_the_projects_own_checks_pass(modality: str, checkout: Path) -> None:
    scaffold("corvids", "-m", modality)
    adapter = checkout / f"modalities/{modality}/targets/corvids.py"
    test = checkout / f"tests/modalities/{modality}/test_{modality}_corvids.py"
    shutil.copy(PROJECT / "pyproject.toml", checkout)
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, adapter, test], cwd=checkout, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    code = (
        "from modalities import registry; print(registry.origin('corvids'), registry.target('corvids').info.modality)"
    )
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [f"modalities.{modality}.targets.corvids", modality], done.stderr


def test_an_installed_copy_is_told_apart_from_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert new_target._checkout() == PROJECT
    monkeypatch.setattr(new_target.modalities, "__file__", str(tmp_path / "modalities" / "__init__.py"))
    with pytest.raises(BadInput, match=r"is an installed copy, not a checkout; give a folder .* --package"):
        new_target._checkout()


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "4crows", "my-crows", "my crows", "Crows", "class", "_crows", "crows_", "a__b", "../x"]
)
def test_a_name_that_is_not_an_identifier_is_refused(name: str, checkout: Path) -> None:
    with pytest.raises(BadInput, match="is not a valid target name"):
        app(["new-target", name, "-m", "image"])
    assert not (checkout / "tests").exists()


def test_a_name_that_is_taken_is_refused(checkout: Path) -> None:
    with pytest.raises(BadInput, match=r"'cifar10' already exists \(modalities\.image\.targets\.cifar10\)"):
        app(["new-target", "cifar10", "-m", "audio"])
    assert not (checkout / "tests").exists()


def test_an_unknown_modality_answers_with_the_nearest(checkout: Path) -> None:
    with pytest.raises(BadInput, match="did you mean image"):
        app(["new-target", "corvids", "-m", "images"])


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("mine")
    with pytest.raises(BadInput, match=r"pyproject\.toml already exists"):
        app(["new-target", "corvids", "-m", "image", "--package", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
    assert (tmp_path / "pyproject.toml").read_text() == "mine"
