"""Every registered target keeps the contract of adapters, and the contract notices when one does not."""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data.locate import DataLocation, ensure
from modalities import registry
from modalities.base import DataStatus, Published, TargetAdapter, TargetInfo
from modalities.contract.checks import CHECKS, check, check_adapter, small_view
from modalities.contract.subject import Subject
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image.folder import ImageFolderTarget
from modalities.storage.paths import cache_root

ROOMS = Path(registry.__file__).parent


@cache
def source_of(modality: str) -> str:
    """Hash of a modality's code, so that no stand-in of earlier code is checked."""
    others = {*registry.MODALITIES} - {modality}
    files = sorted(path for path in ROOMS.rglob("*.py") if path.relative_to(ROOMS).parts[0] not in others)
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


@cache
def subject(name: str) -> Subject:
    """A target with its stand-in: written by whoever comes first, read once in each process."""
    adapter = registry.target(name)
    root = cache_root() / "contract" / source_of(adapter.info.modality) / name
    if adapter.info.ships_with:
        root.mkdir(parents=True, exist_ok=True)
    else:
        ensure(DataLocation("stand-in", root, "", ready=True), adapter)
    return Subject(adapter, root, small_view(adapter.info.modality))


@pytest.mark.parametrize("item", CHECKS)
@pytest.mark.parametrize("name", registry.target_names())
def test_the_target_keeps_the_contract(name: str, item: str) -> None:
    found = check(subject(name), item)
    if found.verdict == "skip":
        pytest.skip(found.detail)
    assert found.verdict == "pass", found.detail


# --- the contract can fail ---------------------------------------------------------------------------------------


INFO = TargetInfo(
    name="blots",
    title="Blots",
    modality="image",
    classes=("one", "two", "three"),
    train_items=90,
    test_items=45,
    licence="not stated",
    citation="@misc{blots, title={Blots}, year={2000}}",
    homepage="https://example.org",
    download_bytes=0,
    leak_unit="file",
)


class Blots(ImageFolderTarget):
    """An adapter without a fault; tests give it one."""

    info = INFO
    sample_items = (60, 30)
    sample_side = 16


def verdicts(adapter: TargetAdapter, **options: Any) -> dict[str, str]:
    return {found.name: found.verdict for found in check_adapter(adapter, **options)}


def failing(adapter: TargetAdapter) -> set[str]:
    """Items that are not kept; adapters of this file cannot be imported by name in another process."""
    return {name for name, verdict in verdicts(adapter).items() if verdict == "fail"} - {"quick import"}


def test_an_adapter_without_a_fault_passes_every_item_that_applies() -> None:
    found = verdicts(Blots())
    assert failing(Blots()) == set()
    assert {name for name, verdict in found.items() if verdict == "skip"} == {"sizes", "folds"}


def published(top1: float) -> tuple[Published, ...]:
    return (Published(top1, "student", "A to B", "one image", "a page"),)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("info", {"licence": " "}),
        ("info", {"test_items": 0}),
        ("info", {"homepage": "example.org"}),
        ("info", {"citation": "Krizhevsky, 2009"}),
        ("info", {"citation": "@misc{blots, title={Blots}"}),
        ("classes", {"classes": ("one", "two", "two")}),
        ("classes", {"classes": ["one", "two", "three"]}),
        ("published numbers", {"published": published(94.1)}),
        ("published numbers", {"published": published(0)}),
    ],
)
def test_a_fault_of_the_info_is_found(item: str, fault: dict[str, Any]) -> None:
    adapter = Blots()
    adapter.info = replace(INFO, **fault)
    assert item in failing(adapter)


class Status(Blots):
    """``status`` as a function of the true one."""

    def __init__(self, change: Callable[[DataStatus], DataStatus]) -> None:
        self.change = change

    def status(self, root: Path) -> DataStatus:
        return self.change(super().status(root))


numbers = itertools.count()


@pytest.mark.parametrize(
    ("items", "change"),
    [
        ({"status"}, lambda s: replace(s, fingerprint=str(next(numbers)))),
        ({"status"}, lambda s: replace(s, fingerprint="")),
        ({"status", "no data"}, lambda s: replace(s, state="partial")),
        ({"no data", "half the data"}, lambda s: replace(s, state="ready")),
        ({"no data", "half the data"}, lambda s: replace(s, missing=())),
        ({"no data"}, lambda s: replace(s, how="") if s.state == "absent" else s),
    ],
)
def test_a_status_that_misleads_is_found(items: set[str], change: Callable[[DataStatus], DataStatus]) -> None:
    assert failing(Status(change)) == items


class Changed(Blots):
    """Its data as a function of the true ones and the name of the split."""

    def __init__(self, change: Callable[[Listing, str], Any]) -> None:
        self.change = change

    def train(self, root: Path, view: Any, fold: int = 1) -> Any:
        return self.change(super().train(root, view, fold), "train")

    def test(self, root: Path, view: Any, fold: int = 1) -> Any:
        return self.change(super().test(root, view, fold), "test")


def rows(change: Callable[[Row, int, str], Row]) -> Callable[[Listing, str], Listing]:
    return lambda data, split: Listing([change(row, i, split) for i, row in enumerate(data.rows)], data.read)


def labels(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Listing, str], Listing]:
    def changed(data: Listing, split: str) -> Listing:
        data.labels = change(data.labels)
        return data

    return changed


class Reader:
    """The true reader's items, changed; can be pickled."""

    def __init__(self, read: Callable[[Any], Any], change: Callable[..., Any]) -> None:
        self.read, self.change = read, change

    def __call__(self, where: Any) -> Any:
        return self.change(self.read(where), where)


def read(change: Callable[..., Any]) -> Callable[[Listing, str], Listing]:
    return lambda data, split: Listing(data.rows, Reader(data.read, change))


def as_float(data: Any, where: Path) -> Any:
    return data.float()


def narrow(data: Any, where: Path) -> Any:
    return data[..., : 20 if where.name == "00000.png" else None]


def noisy(data: Any, where: Path) -> Any:
    return data.bitwise_xor(data.new_tensor(next(numbers) % 256))


def flat(data: Any, where: Path) -> Any:
    return data * 0


class Forgiving:
    """A reader that gives grey for what it cannot read."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read

    def __call__(self, where: Any) -> Any:
        import torch

        try:
            return self.read(where)
        except Exception:
            return torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)


def one_class(data: Listing, split: str) -> Listing:
    return Listing([row for row in data.rows if split == "train" or row.label == 0], data.read)


def mislabelled(data: Listing, split: str) -> Listing:
    data.rows = [row._replace(label=(row.label + 1) % 3) for row in data.rows]
    return data


def shuffled(data: Listing, split: str) -> Listing:
    turn = next(numbers)
    order: Sequence[int] = [(i + turn) % len(data) for i in range(len(data))]
    return Listing([data.rows[i] for i in order], data.read)


def trained_on_test(row: Row, i: int, split: str) -> Row:
    return row._replace(where=Path(str(row.where).replace("/test/", "/train/")))


@pytest.mark.parametrize(
    ("item", "change"),
    [
        ("labels", labels(lambda known: known.astype(np.int32))),
        ("labels", labels(lambda known: known + 1)),
        ("labels", labels(lambda known: known[:-1])),
        ("labels", one_class),
        ("item ids", rows(lambda row, i, split: row._replace(item_id=f"{split}{i // 2}"))),
        ("item ids", rows(lambda row, i, split: row._replace(item_id=f"{split}{i or ''}" if i else ""))),
        ("item ids", shuffled),
        ("no leak", rows(lambda row, i, split: row._replace(item_id=str(i)))),
        ("no leak", rows(lambda row, i, split: row._replace(group=str(i)))),
        ("labels of items", mislabelled),
        ("content", rows(trained_on_test)),
        ("content", read(flat)),
        ("shapes", read(as_float)),
        ("shapes", read(narrow)),
        ("repeatable", read(noisy)),
        ("pickles", read(lambda data, where: data)),
        ("damaged file", lambda data, split: Listing(data.rows, Forgiving(data.read))),
    ],
)
def test_a_fault_of_the_data_is_found(item: str, change: Callable[[Listing, str], Any]) -> None:
    assert item in failing(Changed(change))


def test_folds_that_are_all_the_same_are_found() -> None:
    adapter = Blots()
    adapter.info = replace(INFO, folds=3)
    found = {one.name: one for one in check_adapter(adapter)}
    assert (found["folds"].verdict, found["folds"].detail) == ("fail", "two folds are the same.")


def test_a_stand_in_without_its_marker_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modalities.datasets.target.mark", lambda *_: None)
    (found,) = check_adapter(Blots())
    assert (found.name, found.verdict) == ("stand-in", "fail")
    assert "modalities.datasets.standin.mark" in found.detail


def test_an_adapter_that_imports_torch_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_target.py").write_text("import torch\n\n\nclass Heavy:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import heavy_target

    found = check(Subject(heavy_target.Heavy(), tmp_path, None), "quick import")
    sys.modules.pop("heavy_target")
    assert found.verdict == "fail" and "imports torch" in found.detail


def test_an_adapter_that_raises_fails_and_does_not_end_the_check() -> None:
    class Raising(Blots):
        def test(self, root: Path, view: Any, fold: int = 1) -> Listing:
            raise BadInput("the lists are damaged; fetch them again.")

    found = {one.name: one for one in check_adapter(Raising())}
    assert set(found) == set(CHECKS)
    assert found["labels"].detail == "the lists are damaged; fetch them again."


def test_real_data_are_never_touched(tmp_path: Path) -> None:
    adapter = Blots()
    adapter.write_sample(tmp_path, 0)
    (tmp_path / "blots" / "STAND-IN.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = verdicts(adapter, root=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert {name for name, verdict in found.items() if verdict == "skip"} >= {"half the data", "damaged file"}
    assert found["sizes"] == "fail", "60 and 30 items are there, and 90 and 45 were promised"


def test_a_stand_in_that_is_checked_is_not_changed() -> None:
    first = subject("cifar10")
    before = {path: path.read_bytes() for path in first.root.rglob("*") if path.is_file()}
    for item in ("half the data", "damaged file"):
        assert check(first, item).verdict == "pass"
    assert {path: path.read_bytes() for path in first.root.rglob("*") if path.is_file()} == before
