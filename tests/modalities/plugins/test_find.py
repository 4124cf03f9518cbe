"""Plug-ins are found by file, by entry point and as objects, and another content is another plug-in."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from modalities.errors import BadInput
from modalities.plugins import find as finder
from modalities.plugins.content import object_sha256
from modalities.plugins.find import add_object, find, kind_of_file, names, plugin_recipe, title

LOSS = "def LOSS(student, teacher, segments, step):\n    return ((student - teacher) ** 2).mean() * {factor}\n"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install packages that bring entry points; returns a function that does."""

    def install(package: str, points: str, *, version: str = "1.2", **files: str) -> Path:
        folder = tmp_path / package
        folder.mkdir()
        for name, text in {"__init__.py": "", **{f"{n.replace('__', '.')}": t for n, t in files.items()}}.items():
            (folder / name).write_text(text)
        info = tmp_path / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(points)
        forget()
        return folder

    def forget() -> None:
        importlib.invalidate_caches()
        finder._installed.cache_clear()
        finder.plugin_recipes.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    forget()


def test_a_file_is_known_by_its_content_not_by_its_folder(tmp_path):
    (tmp_path / "other").mkdir()
    for place in ("mine.py", "other/mine.py"):
        (tmp_path / place).write_text(LOSS.format(factor=2))
    one, other = (find("loss", str(tmp_path / place)) for place in ("mine.py", "other/mine.py"))
    assert (one.name, one.version, one.sha256) == ("mine", "", other.sha256) and title(one.place) == "mine"
    assert one.load()(torch.ones(1, 2), torch.zeros(1, 2), None, 0) == 2
    (tmp_path / "mine.py").write_text(LOSS.format(factor=3))
    again = find("loss", str(tmp_path / "mine.py"))
    assert again.sha256 != one.sha256
    assert again.load()(torch.ones(1, 2), torch.zeros(1, 2), None, 0) == 3
    with pytest.raises(BadInput, match="has changed since"):
        one.load()


def test_an_entry_point_has_its_packages_version_and_all_its_python_files_count(installed):
    folder = installed(
        "some_losses", "[benchmark.losses]\nhalf = some_losses.code:half\n", code__py="def half(s, t, x, n): return 0.5"
    )
    found = find("loss", "half")
    assert (found.name, found.version) == ("half", "1.2") and names("loss") == ["half"]
    assert found.load()(0, 0, 0, 0) == 0.5
    (folder / "helper.py").write_text("x = 1")
    assert find("loss", "half").sha256 != found.sha256
    assert find("loss", "quarter") is None and find("method", "half") is None


def test_two_packages_of_one_name_are_refused(installed):
    for package in ("first_loss", "second_loss"):
        installed(package, f"[benchmark.losses]\nsame = {package}:LOSS\n")
    with pytest.raises(BadInput, match=r"first_loss:LOSS.*second_loss:LOSS|second_loss:LOSS.*first_loss:LOSS"):
        find("loss", "same")


def test_a_package_brings_recipes_as_yaml(installed):
    folder = installed(
        "some_recipes", "[benchmark.recipes]\nsoft = some_recipes:soft\n", soft__yaml="temperature: 20\n"
    )
    assert plugin_recipe("soft") == folder / "soft.yaml" and plugin_recipe("hard") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def loss(): pass", "has no LOSS; name the loss in it LOSS"),
        ("LOSS = 1 / 0", "ZeroDivisionError"),
        ("def LOSS(:", "SyntaxError"),
    ],
)
def test_code_that_cannot_be_used_is_named(tmp_path, text, message):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(BadInput, match=rf"bad\.py.*{message}"):
        find("loss", str(tmp_path / "bad.py")).load()


def test_a_file_of_another_kind_is_refused_before_it_runs(tmp_path):
    (tmp_path / "erase.py").write_text("def POLICY(segments, draws, step): return 1 / 0\n")
    with pytest.raises(BadInput, match=r"erase\.py holds a policy \(POLICY\) and no loss; a loss is called LOSS"):
        find("loss", str(tmp_path / "erase.py"))


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"none\.py cannot be read .*give the Python file of a loss"):
        find("loss", str(tmp_path / "none.py"))


def test_the_kind_of_a_file_is_read_from_its_text(tmp_path):
    path = tmp_path / "some.py"
    for text, kind in (("def LOSS(): ...", "loss"), ("class METHOD:\n  pass", "method"), ("SOURCE = len", "source")):
        path.write_text(text)
        assert kind_of_file(path) == kind
    for text in ("x = 1", "LOSS = 1\nMETHOD = 2", "LOSSES = 1", "# LOSS"):
        path.write_text(text)
        with pytest.raises(BadInput, match="exactly one"):
            kind_of_file(path)


FACTOR = 1


def helper(x):
    return x + 1


def scaled(x, extra=0):
    return helper(x) * FACTOR + extra


def made(factor):
    def inner(x):
        return x * factor

    return inner


class Own:
    kind = 1

    def __init__(self, value):
        self.value = value

    def __call__(self, x):
        return x * self.value


class Net(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)


def test_objects_of_other_values_are_others(monkeypatch):
    array, tensor, picture = np.arange(6), torch.arange(6), Image.new("RGB", (2, 3))
    for one, same, other in (
        (made(2), made(2), made(3)),
        (Own(2), Own(2), Own(3)),
        (Net(0), Net(0), Net(1)),
        (array, array.copy(), array.reshape(2, 3)),
        (array, array.copy(), array.astype(np.int32)),
        (tensor, tensor.clone(), tensor + 1),
        (picture, picture.copy(), Image.new("RGB", (2, 3), "red")),
        ((array, 5), (array.copy(), 5), (array, 6)),
        (Own(array), Own(array.copy()), Own(array + 1)),
        (lambda x: x + 1, lambda x: x + 1, lambda x: x + 2),
        (Own(1).__call__, Own(1).__call__, Own(2).__call__),
        (Own(helper), Own(helper), Own(scaled)),
    ):
        assert object_sha256(one) == object_sha256(same) != object_sha256(other), one


@pytest.mark.parametrize("name", ["FACTOR", "helper"])
def test_what_code_names_counts(monkeypatch, name):
    before = object_sha256(scaled)
    monkeypatch.setitem(scaled.__globals__, name, 7 if name == "FACTOR" else made(5))
    assert object_sha256(scaled) != before


def test_defaults_and_attributes_of_functions_and_classes_count(monkeypatch):
    before, of_own = object_sha256(scaled), object_sha256(Own(1))
    monkeypatch.setattr(scaled, "__defaults__", (1,))
    changed = object_sha256(scaled)
    monkeypatch.setattr(scaled, "base", "crop", raising=False)
    assert len({before, changed, object_sha256(scaled)}) == 3
    monkeypatch.setattr(Own, "kind", 2)
    with_kind = object_sha256(Own(1))
    monkeypatch.setattr(Own, "__call__", lambda self, x: x)
    assert len({of_own, with_kind, object_sha256(Own(1))}) == 3


def test_an_object_that_holds_itself_ends():
    ring = Own(None)
    ring.value = ring
    assert object_sha256(ring) == object_sha256(ring)


def test_hashes_are_the_same_in_every_process(tmp_path):
    (tmp_path / "objects.py").write_text(
        "import numpy as np\nfrom modalities.plugins.content import object_sha256\n"
        "class A:\n    words = {'b', 'a', 'c'}\n    def __call__(self): return {'x', 'y', 'z'}\n"
        "print(object_sha256(A()), object_sha256(lambda: {'u', 'v', 'w'}), object_sha256(np.arange(3)))\n"
    )
    run = [sys.executable, str(tmp_path / "objects.py")]
    root = str(Path(finder.__file__).parents[2])
    outputs = {
        subprocess.run(
            run, capture_output=True, check=True, encoding="utf-8", env={"PYTHONPATH": root, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_an_object_is_found_by_a_name_that_says_what_it_is():
    name = add_object("loss", "scaled", scaled)
    found = find("loss", name)
    assert name.startswith("own scaled ") and found.is_object and found.load() is scaled
    assert find("method", name) is None and add_object("loss", "scaled", made(1)) != name
