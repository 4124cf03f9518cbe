"""Where data come from: stand-ins are written once and whole, and are never taken for the real dataset."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.data.locate import CONTENTS_FILE, ensure, locate
from benchmark.data.splits import name_hashes
from benchmark.records.identity import NUMERICS_VERSION
from modalities import registry
from modalities.base import DataStatus
from modalities.datasets.standin import MARKER, mark, stand_ins
from modalities.errors import BadInput

WITH_STAND_INS = [name for name in registry.target_names() if not registry.target(name).info.ships_with]


class Adapter:
    """A dataset of one file; writing its stand-in can be slow, or fail half way."""

    def __init__(self, ships_with: str | None = None) -> None:
        self.info = SimpleNamespace(name="tiny", ships_with=ships_with)
        self.written, self.seconds, self.fault = 0, 0.0, None

    def status(self, root: Path) -> DataStatus:
        if (root / "tiny" / "items").is_file():
            return DataStatus("ready", "fingerprint of the items")
        return DataStatus("absent", "", ("the items",), "fetch them")

    def write_sample(self, root: Path, seed: int) -> None:
        self.written += 1
        (root / "tiny").mkdir()
        (root / "tiny" / "items").write_text("half")
        time.sleep(self.seconds)
        if self.fault:
            raise self.fault
        (root / "tiny" / "items").write_text("whole")
        mark(root / "tiny", "tiny", seed)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))


def test_a_stand_in_lies_in_the_cache_and_never_under_the_data_root(tmp_path):
    adapter, root = Adapter(), tmp_path / "data"
    place = locate(adapter, "stand-in", root)
    ensure(place, adapter)
    assert place.kind == "stand-in"
    assert place.root.is_relative_to(tmp_path / "cache")
    assert (place.root / "tiny" / "items").read_text() == "whole"
    assert not root.exists()


def test_a_stand_in_is_written_once(tmp_path):
    adapter = Adapter()
    place = locate(adapter, "stand-in", tmp_path)
    for _ in range(3):
        ensure(place, adapter)
    assert adapter.written == 1


def test_many_at_once_write_one_stand_in_and_see_it_whole(tmp_path):
    adapter, seen = Adapter(), []
    adapter.seconds = 0.2
    place = locate(adapter, "stand-in", tmp_path)

    def use() -> None:
        ensure(place, adapter)
        seen.append((place.root / "tiny" / "items").read_text())

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["whole"] * 4
    assert adapter.written == 1


def test_a_stand_in_that_was_broken_off_is_made_again(tmp_path):
    adapter = Adapter()
    place = locate(adapter, "stand-in", tmp_path)
    adapter.fault = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        ensure(place, adapter)
    assert not place.root.exists(), "half a stand-in never stands under the final name"
    adapter.fault = None
    ensure(place, adapter)
    assert (place.root / "tiny" / "items").read_text() == "whole"


def test_a_stand_in_that_lost_or_got_files_is_made_again(tmp_path):
    adapter = Adapter()
    place = locate(adapter, "stand-in", tmp_path)
    items = place.root / "tiny" / "items"
    damages = (
        items.unlink,
        lambda: items.write_text("wh"),
        lambda: items.with_name("more").write_text(""),
        lambda: items.rename(items.with_name("others")),
        lambda: shutil.rmtree(items.parent),
        (place.root / CONTENTS_FILE).unlink,  # as an earlier version left it
        lambda: (place.root / CONTENTS_FILE).write_text("{"),
        lambda: (shutil.rmtree(place.root), place.root.write_text("a file")),
    )
    for count, damage in enumerate(damages, 1):
        ensure(place, adapter)
        assert adapter.written == count
        damage()
    ensure(place, adapter)
    assert [path.name for path in items.parent.iterdir() if path.name != MARKER] == ["items"]
    assert items.read_text() == "whole"
    assert {path.name for path in place.root.parent.iterdir()} == {place.root.name, f".{place.root.name}.lock"}


def test_a_hidden_file_which_no_adapter_reads_changes_nothing(tmp_path):
    adapter = Adapter()
    place = locate(adapter, "stand-in", tmp_path)
    ensure(place, adapter)
    (place.root / "tiny" / ".DS_Store").write_text("of a file browser")
    ensure(place, adapter)
    assert adapter.written == 1


def test_half_a_stand_in_gives_no_other_numbers(tmp_path):
    """With a real adapter, which counts what it finds and says that it is ready."""
    adapter = registry.target("fsdd")
    place = locate(adapter, "stand-in", tmp_path)
    ensure(place, adapter)
    before = adapter.status(place.root).fingerprint
    for path in sorted(place.root.rglob("*.wav"))[:40]:
        path.unlink()
    assert adapter.status(place.root).state == "ready"
    ensure(place, adapter)
    assert adapter.status(place.root).fingerprint == before


def test_what_a_killed_process_left_of_a_stand_in_goes_with_the_next_one(tmp_path):
    adapter = Adapter()
    place = locate(adapter, "stand-in", tmp_path)
    for name in (f".{place.root.name}.77.tmp", ".another-v2.78.tmp"):
        (place.root.parent / name).mkdir(parents=True)
    ensure(place, adapter)
    assert sorted(path.name for path in place.root.parent.glob(".*.tmp")) == [".another-v2.78.tmp"]


def test_a_cache_that_cannot_be_written_is_one_sentence_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "file" / "cache"))
    adapter = Adapter()
    with pytest.raises(BadInput, match="set BENCHMARK_CACHE to a folder with free space"):
        ensure(locate(adapter, "stand-in", tmp_path), adapter)


def test_real_data_are_found_under_the_root_and_never_replaced(tmp_path):
    adapter = Adapter()
    absent = locate(adapter, "real", tmp_path)
    assert (absent.ready, absent.kind, absent.instructions) == (False, "real", "absent (the items): fetch them")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "items").write_text("real")
    found = locate(adapter, "real", tmp_path)
    assert (found.ready, found.root, found.fingerprint) == (True, tmp_path, "fingerprint of the items")
    ensure(found, adapter)
    assert adapter.written == 0


def test_data_that_ship_with_a_dependency_serve_real_and_stand_in_profiles_as_what_they_are(tmp_path):
    for requested in ("real", "stand-in"):
        place = locate(Adapter(ships_with="a library"), requested, tmp_path)
        assert (place.kind, place.ready) == ("shipped", True)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (BadInput("lists/test.txt line 3 names no class; fetch it again."), "lists/test.txt line 3 names no class"),
        (PermissionError(13, "Permission denied", "images"), "images: Permission denied"),
        (OSError(40, "Too many levels of symbolic links", "loop"), "loop: Too many levels of symbolic links"),
        (KeyError("cat"), "KeyError: 'cat'"),
        (RecursionError("too deep\x1b[2J"), r"RecursionError: too deep\x1b[2J"),
    ],
)
@pytest.mark.parametrize("ships_with", [None, "a library"])
def test_whatever_an_adapter_raises_while_it_looks_at_its_data_is_its_own_targets_problem(
    tmp_path, error, cause, ships_with
):
    class Raises(Adapter):
        def status(self, root: Path) -> DataStatus:
            raise error

    place = locate(Raises(ships_with), "real", tmp_path)
    assert not place.ready and place.kind == ("shipped" if ships_with else "real")
    assert place.instructions.startswith(f"the data of tiny cannot be examined ({cause}")
    assert place.instructions.endswith("`benchmark data status tiny` tells more.")


QUICK = ("cifar10",)  # its folder has another name than the target


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in WITH_STAND_INS]
)
def test_no_targets_stand_in_is_ever_taken_for_its_real_data(name, tmp_path):
    adapter = registry.target(name)
    adapter.write_sample(tmp_path, 0)
    place = locate(adapter, "real", tmp_path)
    assert not place.ready
    assert place.fingerprint == "absent"
    assert "stand-in" in place.instructions or adapter.status(tmp_path).state != "ready"


def test_a_folder_two_levels_down_may_be_the_stand_in_of_two_targets(tmp_path):
    inner = tmp_path / "Shared" / "version 2"
    inner.mkdir(parents=True)
    mark(inner, "one two", 0)
    assert stand_ins(tmp_path) == {"one", "two"}


def test_one_targets_stand_in_does_not_stand_in_the_way_of_another(tmp_path):
    adapter = Adapter()
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "items").write_text("real")
    (tmp_path / "tiny2").mkdir()
    mark(tmp_path / "tiny2", "tiny2", 0)
    assert locate(adapter, "real", tmp_path).ready


def test_a_damaged_marker_is_named(tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "items").write_text("whose?")
    (tmp_path / "tiny" / MARKER).write_text("{")
    place = locate(Adapter(), "real", tmp_path)
    assert not place.ready
    assert MARKER in place.instructions


def test_half_a_dataset_counts_as_no_data_and_says_what_is_missing(tmp_path):
    folder = tmp_path / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    for take in range(7):
        (folder / f"3_ada_{take}.wav").write_bytes(b"RIFF")
    place = locate(registry.target("fsdd"), "real", tmp_path)
    assert not place.ready
    assert "partial (2,993 of 3,000 recordings)" in place.instructions


def test_the_order_of_units_never_changes():
    digest = "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029"  # printf ada | sha256sum
    assert name_hashes(["ada"]).tolist() == [int(digest[:16], 16)]


def test_a_target_without_a_stand_in_is_run_on_its_real_data_alone(tmp_path):
    bare = SimpleNamespace(info=Adapter().info, status=Adapter().status)
    place = locate(bare, "stand-in", tmp_path)
    assert (place.ready, place.instructions) == (
        False, "tiny has no generated stand-in; use its real data, with profile=small or profile=paper.",
    )  # fmt: skip
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "items").write_text("whole")
    assert locate(bare, "real", tmp_path).ready


def test_two_plug_ins_of_one_name_have_stand_ins_of_their_own(tmp_path, monkeypatch):
    found = set()
    for folder, content in enumerate(("one", "another", "one")):
        path = tmp_path / str(folder) / "tiny_target.py"
        path.parent.mkdir()
        path.write_text(f"class Plugged:\n    {content} = 1\n    write_sample = print\n", encoding="utf-8")
        spec = spec_from_file_location("tiny_target", path)
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "tiny_target", module)
        spec.loader.exec_module(module)
        adapter = module.Plugged()
        adapter.info = SimpleNamespace(name="tiny", ships_with=None)
        place = locate(adapter, "stand-in", tmp_path)
        found.add((place.root, place.fingerprint))
    assert len(found) == 2
    built_in = locate(registry.target("cifar10"), "stand-in", tmp_path)
    assert built_in.fingerprint == f"stand-in:cifar10:0:v{NUMERICS_VERSION}"
