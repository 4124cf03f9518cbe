"""Indexes of files: what a walk finds, looked at anew when something changes, small, whatever became of the cache."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.datasets import index as module
from modalities.datasets.index import Index, Names, Paths, index
from modalities.datasets.listing import Columns, Listing, Row
from modalities.datasets.lookup import look_up
from modalities.errors import BadInput
from modalities.storage import array_cache as cache
from modalities.storage.array_cache import cached_arrays

FOLDERS = ("b", "a/deep", "empty", "absent")
SUFFIXES = (".jpg", ".jpeg")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has an empty cache that keeps the smallest index."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "MIN_BYTES", 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Folders with pictures, and with what is none."""
    home = tmp_path / "tree"
    for folder in FOLDERS[:3]:
        (home / folder).mkdir(parents=True)
    for number, name in enumerate(("z.jpg", "ä.JPG", "b.jpeg", ".hidden.jpg", "notes.txt")):
        (home / "b" / name).write_bytes(b"x" * number)
    for name in ("10.jpg", "9.jpg", "m.jpg"):
        (home / "a/deep" / name).write_bytes(name.encode())
    (home / "b" / "folder.jpg").mkdir()
    (home / "b" / "dangling.jpg").symlink_to(home / "nowhere")
    aged(home)
    return home


def aged(home: Path) -> None:
    """Let every folder have changed last an hour ago, or yet an hour earlier than it says now."""
    for folder in [home, *(path for path in home.rglob("*") if path.is_dir())]:
        moment = min(folder.stat().st_mtime_ns, module.time.time_ns()) - 3600 * 10**9
        os.utime(folder, ns=(moment, moment))


def look(home: Path) -> Index:
    """As a fresh process would."""
    module._cached_index.cache_clear()
    return index(home, FOLDERS, SUFFIXES)


def walked(home: Path) -> list[tuple[str, int]]:
    """What a plain walk finds."""
    found = []
    for folder in FOLDERS:
        files = [path for path in (home / folder).glob("*") if path.is_file() and not path.name.startswith(".")]
        wanted = [path for path in files if path.suffix.lower() in SUFFIXES]
        found += [(f"{folder}/{path.name}", path.stat().st_size) for path in sorted(wanted, key=lambda p: p.name)]
    return found


@pytest.fixture
def no_scan(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, folders cannot be listed."""

    def refuse(*_: object) -> list[tuple[bytes, int]]:
        raise AssertionError("a folder was listed")

    return lambda: monkeypatch.setattr(module, "_files", refuse)


# --- one scan ----------------------------------------------------------------------------------------------------


def test_an_index_holds_what_a_walk_finds(tree: Path) -> None:
    found, expected = look(tree), walked(tree)
    assert [Path(name).name for name, _ in expected] == ["b.jpeg", "z.jpg", "ä.JPG", "10.jpg", "9.jpg", "m.jpg"]
    assert list(zip(found.names, found.sizes.tolist(), strict=True)) == expected
    assert found.folders.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.bytes == sum(size for _, size in expected)
    lines = "".join(f"{name} {size}\n" for name, size in expected)
    assert found.fingerprint == hashlib.sha256(lines.encode()).hexdigest()


def test_without_sizes_no_file_is_asked_for_its_own(tree: Path) -> None:
    found = index(tree, FOLDERS, SUFFIXES, sizes=False)
    assert list(found.names) == [name for name, _ in walked(tree)]
    assert (found.sizes.size, found.bytes) == (0, 0)
    assert found.fingerprint not in ("", look(tree).fingerprint)


def test_other_names_for_folders_change_the_fingerprint_alone(tree: Path) -> None:
    aliases = [f"class {i}" for i in range(len(FOLDERS))]
    found, other = look(tree), index(tree, FOLDERS, SUFFIXES, aliases=aliases)
    assert list(found.names) == list(other.names)
    assert found.fingerprint != other.fingerprint
    (tree / "b").rename(tree / "c")
    moved = index(tree, ("c", *FOLDERS[1:]), SUFFIXES, aliases=aliases)
    assert moved.fingerprint == other.fingerprint


def test_nothing_is_an_empty_index(tmp_path: Path) -> None:
    for below in ([], ["absent"], ["."]):
        found = index(tmp_path / "nowhere", below, ".wav")
        assert (len(found), list(found.names), found.fingerprint, found.bytes) == (0, [], "", 0)
        assert found.folders.shape == (0,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_is_named(tree: Path) -> None:
    (tree / "b").chmod(0)
    with pytest.raises(BadInput, match=r"tree/b cannot be listed \(Permission denied\); make it readable"):
        look(tree)


# --- the cache ---------------------------------------------------------------------------------------------------


def test_a_second_process_lists_no_folder(tree: Path, no_scan: Callable[[], None]) -> None:
    first = look(tree)
    no_scan()
    second = look(tree)
    assert list(second.names) == list(first.names)
    assert second.sizes.tolist() == first.sizes.tolist()
    assert second.fingerprint == first.fingerprint
    assert look(tree) is not second and index(tree, FOLDERS, SUFFIXES) is index(tree, FOLDERS, SUFFIXES)


@pytest.mark.parametrize(
    "change",
    [
        lambda home: (home / "b" / "new.jpg").touch(),
        lambda home: (home / "b" / "z.jpg").unlink(),
        lambda home: (home / "b" / "z.jpg").rename(home / "b" / "y.jpg"),
        lambda home: (home / "absent").mkdir() or (home / "absent" / "a.jpg").touch(),
        lambda home: (home / "empty").rmdir() or (home / "a/deep").rename(home / "empty"),
    ],
)
@pytest.mark.parametrize("then_old", [False, True])
def test_files_and_folders_that_come_or_go_are_seen(
    change: Callable[[Path], object], then_old: bool, tree: Path
) -> None:
    before = look(tree)
    change(tree)
    if then_old:
        aged(tree)
    after = look(tree)
    assert list(zip(after.names, after.sizes.tolist(), strict=True)) == walked(tree)
    assert after.fingerprint != before.fingerprint


def test_a_folder_that_changed_just_now_is_listed_again_for_its_clock_may_stand_still(tree: Path) -> None:
    (tree / "b" / "one.jpg").touch()
    look(tree)
    moment = (tree / "b").stat().st_mtime_ns
    (tree / "b" / "two.jpg").touch()
    os.utime(tree / "b", ns=(moment, moment))  # as within one tick of a coarse clock
    assert list(look(tree).names) == [name for name, _ in walked(tree)]


def cache_file(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "cache" / "indexes").iterdir()
    return file


@pytest.mark.parametrize("left", [0, 1, 100, -1])
def test_a_cache_that_was_cut_short_is_made_again(left: int, tree: Path, tmp_path: Path) -> None:
    expected = list(look(tree).names)
    whole = cache_file(tmp_path).read_bytes()
    cache_file(tmp_path).write_bytes(whole[:left])
    assert list(look(tree).names) == expected
    assert len(cache_file(tmp_path).read_bytes()) == len(whole)


def test_a_cache_with_any_byte_changed_gives_the_same_index(tree: Path, tmp_path: Path) -> None:
    expected = look(tree)
    whole = cache_file(tmp_path).read_bytes()
    for place in np.random.default_rng(0).choice(len(whole), 120, replace=False):
        cache_file(tmp_path).write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        found = look(tree)
        assert list(found.names) == list(expected.names)
        assert found.sizes.tolist() == expected.sizes.tolist()
        assert found.fingerprint == expected.fingerprint


def test_a_cache_that_holds_a_pickle_is_not_opened(tmp_path: Path) -> None:
    cached_arrays("subject", "stamp", lambda: {"a": np.arange(3)})
    np.savez(cache_file(tmp_path), a=np.array([{"an": "object"}], object), stamp=np.array("stamp"))
    assert cached_arrays("subject", "stamp", lambda: {"a": np.arange(3)})["a"].tolist() == [0, 1, 2]


def test_arrays_are_kept_until_their_stamp_differs_and_small_ones_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def make() -> dict[str, np.ndarray]:
        made.append(0)
        return {"a": np.arange(len(made)), "b": np.ones((2, 3))}

    for stamp in ("one", "one", "two", "two", "one"):
        assert cached_arrays("subject", stamp, make)["a"].tolist() == list(range(len(made)))
    assert len(made) == 3
    monkeypatch.setattr(cache, "MIN_BYTES", 10**6)
    for _ in range(2):
        cached_arrays("another", "one", make)
    assert len(made) == 5


def test_without_a_cache_that_can_be_written_an_index_is_the_same(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert list(look(tree).names) == [name for name, _ in walked(tree)]


# --- names -------------------------------------------------------------------------------------------------------

trees = st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=6), max_size=5)


def built(folders: list[list[str]]) -> tuple[Names, list[str]]:
    """Names over folders and the list they stand for."""
    files = [file.encode() for folder in folders for file in folder]
    firsts = np.cumsum([0, *map(len, folders)])[:-1].tolist()
    starts = np.cumsum([0, *map(len, files)])
    names = Names([f"{k}/" for k in range(len(folders))], firsts, b"".join(files), starts)
    return names, [f"{k}/{file}" for k, folder in enumerate(folders) for file in folder]


@given(trees, st.data())
def test_names_behave_as_the_list_they_stand_for(folders: list[list[str]], data: st.DataObject) -> None:
    names, plain = built(folders)
    if plain:
        places = data.draw(st.lists(st.integers(0, len(plain) - 1), max_size=9))
        names, plain = data.draw(
            st.sampled_from([(names, plain), (names.take(np.array(places, int)), [plain[i] for i in places])])
        )
    part = data.draw(st.slices(len(plain)))
    assert len(names) == len(plain)
    assert list(names) == plain == [names[i] for i in range(len(plain))]
    assert list(names[part]) == plain[part]
    assert [names[-i - 1] for i in range(len(plain))] == plain[::-1]
    assert list(pickle.loads(pickle.dumps(names))) == plain
    assert list(Paths(Path("home"), names)[part]) == [Path("home") / name for name in plain[part]]
    with pytest.raises(IndexError):
        names[len(plain)]


@given(trees.map(lambda folders: [[f"{file}.mp4" for file in folder] for folder in folders]))
def test_names_may_stand_behind_other_heads_without_their_ends(folders: list[list[str]]) -> None:
    names, plain = built(folders)
    assert list(names.with_prefixes([""] * len(folders), cut=4)) == [name.partition("/")[2][:-4] for name in plain]


def test_iterating_crosses_from_one_chunk_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    names, plain = built([["a", "b"], ["c", "d", "e", "f"], [], ["g"]])
    assert list(names) == plain
    assert list(names.take(np.array([6, 0, 5, 1]))) == [plain[i] for i in (6, 0, 5, 1)]


# --- splits of many items ----------------------------------------------------------------------------------------


def first_letter(where: Path) -> str:
    return where.name[0]


@pytest.fixture(scope="module")
def many() -> Iterator[Path]:
    """3,000 names like those of ImageNet, in ten folders."""
    with tempfile.TemporaryDirectory() as folder:
        for k in range(10):
            (Path(folder) / f"n{k:08d}").mkdir()
            for i in range(300):
                (Path(folder) / f"n{k:08d}" / f"n{k:08d}_{i}.JPEG").touch()
        yield Path(folder)


def test_a_listing_of_columns_is_one_of_rows_in_a_fraction_of_the_memory(many: Path) -> None:
    found = index(many, sorted(path.name for path in many.iterdir()), SUFFIXES, sizes=False)
    columns = Columns(Paths(many, found.names), found.folders, found.names, found.names)
    rows = [
        Row(many / name, label, name, name) for name, label in zip(found.names, found.folders.tolist(), strict=True)
    ]
    lean, plain = Listing(columns, first_letter), Listing(rows, first_letter)
    assert list(columns) == rows and list(columns[5:9]) == rows[5:9] and columns[-1] == rows[-1]
    assert np.array_equal(lean.labels, plain.labels) and lean.labels.dtype == np.int64
    assert list(lean.item_ids) == list(plain.item_ids) and list(lean.groups) == list(plain.groups)
    assert [lean[i] for i in (0, 1500, -1)] == [plain[i] for i in (0, 1500, -1)]
    size = len(pickle.dumps(lean))  # as to a worker: the letters, where they start, the label
    assert size < 45 * len(lean) < len(pickle.dumps(plain)) / 2


# --- an authors' list --------------------------------------------------------------------------------------------


def lines(path: Path) -> list[tuple[str, int]]:
    return [(name, int(label)) for name, label in (line.split() for line in path.read_text().splitlines())]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 9)), max_size=30))
def test_listed_files_that_are_there_come_in_the_lists_order(asked: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "here").mkdir()
        for i in range(10):
            (home / "here" / f"{i}.jpg").touch()
        (home / "list.txt").write_text("".join(f"class/{i}.jpg {label}\n" for i, label in asked))
        aged(home)
        found = index(home, ["here"], ".jpg")
        for _ in range(2):
            here = look_up(home / "list.txt", lines, found, home, ["class/"])
            assert here.lines == len(asked)
            assert here.labels.tolist() == [label for i, label in asked if i < 10]
            assert list(found.names.take(here.places)) == [f"here/{i}.jpg" for i, _ in asked if i < 10]


def test_a_list_that_changes_is_read_again(tree: Path) -> None:
    file, found = tree / "list.txt", look(tree)
    file.write_text("b/z.jpg 3\n")
    assert look_up(file, lines, found, tree, found.names.prefixes).labels.tolist() == [3]
    file.write_text("b/z.jpg 4\n")
    os.utime(file, (0, 0))
    assert look_up(file, lines, found, tree, found.names.prefixes).labels.tolist() == [4]
