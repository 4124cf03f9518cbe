"""Temporary files of killed writers are removed; those of living ones stay."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from modalities.assembly.generators import Generated
from modalities.storage.cleanup import final_name, remove_atomically, remove_stale, remove_stale_of, temporary_name


def old(path: Path, seconds: float) -> Path:
    path.write_text("half")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_stale_files_are_removed_and_everything_else_stays(tmp_path):
    old(tmp_path / ".a.json.0123.tmp", 7200)
    stays = {old(tmp_path / name, age) for name, age in ((".b.json.4567.tmp", 60), ("c.tmp", 7200), ("d.json", 7200))}
    remove_stale(tmp_path)
    assert set(tmp_path.iterdir()) == stays


def test_the_only_process_in_a_folder_removes_them_at_once(tmp_path):
    old(tmp_path / ".a.json.0123.tmp", 0)
    remove_stale(tmp_path, older_than=0)
    assert not list(tmp_path.iterdir())


def test_temporary_folders_are_removed_too_and_links_are_not_followed(tmp_path):
    (tmp_path / "treasure").mkdir()
    (tmp_path / ".a.0123.tmp" / "deep").mkdir(parents=True)
    (tmp_path / ".b.0123.tmp").symlink_to("treasure", target_is_directory=True)
    remove_stale(tmp_path, older_than=0)
    assert [path.name for path in tmp_path.iterdir()] == ["treasure"]


def test_no_process_sees_half_of_a_removed_folder(tmp_path, monkeypatch):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    with monkeypatch.context() as killed:
        killed.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            remove_atomically(tmp_path / "a")
    (left,) = tmp_path.iterdir()
    assert left.name != "a"
    remove_stale(tmp_path, older_than=0)
    assert not list(tmp_path.iterdir())


def test_a_half_written_picture_in_the_cache_is_removed_with_the_next_one(tmp_path, monkeypatch):
    from modalities.image import source

    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    (tmp_path / "sources").mkdir()
    old(tmp_path / "sources" / ".noise-0-v1.png.77.tmp", 7200)
    living = old(tmp_path / "sources" / ".sparse-0-v1.png.78.tmp", 5)
    made = source._cached(Generated("noise:3", "noise", 3, {}))
    assert set((tmp_path / "sources").iterdir()) == {made, living}


@pytest.mark.parametrize(
    ("name", "final"),
    [
        (".a.zip.0123abcd.tmp", "a.zip"), (".a.77.tmp", "a"), (".a.unpacking", "a"), ("a.zip.part", "a.zip.part"),
        ("a.tmp", "a.tmp"), (".a.lock", ".a.lock"), (".a.b c.tmp", ".a.b c.tmp"),
    ],
)  # fmt: skip
def test_a_temporary_name_tells_what_it_stands_for(tmp_path, name, final):
    assert final_name(tmp_path / name) == tmp_path / final
    assert final_name(temporary_name(tmp_path / final)) == tmp_path / final


def test_what_is_left_of_one_path_goes_and_what_is_left_of_others_stays(tmp_path):
    for name in ("a", ".a.0123abcd.tmp", ".a.unpacking", ".a.zip.0123abcd.tmp", ".a.lock", ".b.0123abcd.tmp"):
        (tmp_path / name).mkdir()
    remove_stale_of(tmp_path / "a")
    assert {path.name for path in tmp_path.iterdir()} == {"a", ".a.zip.0123abcd.tmp", ".a.lock", ".b.0123abcd.tmp"}
