"""``benchmark clean``: lists what can be removed, with sizes; removes only what is named, and no record by accident."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from benchmark.cli import clean as clean_module
from benchmark.cli.app import app
from benchmark.cli.clean import KINDS
from benchmark.records.provenance import provenance
from benchmark.records.store import Store
from modalities.errors import BadInput
from modalities.storage.locks import lock_path, path_lock


@pytest.fixture
def place(cells, tmp_path, monkeypatch) -> SimpleNamespace:
    """Folders with one leftover of each kind, and beside each something that must stay."""
    results, cache, root, downloads = (tmp_path / name for name in ("results", "cache", "data", "downloads"))
    monkeypatch.setenv("BENCHMARK_CACHE", str(cache))
    monkeypatch.setenv("BENCHMARK_DOWNLOADS", str(downloads))
    store = Store(results / "smoke")
    made = SimpleNamespace(results=results, root=root, store=store, paths={})
    done, stopped, dropped, ended = cells("seeds=[0,1,2,3]")
    stays = [
        _write(root / "cifar10" / "data.tar", 5), _write(cache / "stand-ins" / "a.lock", 0),
        _write(store.root / "teachers" / done.teacher_key / "teacher.json", 2),
    ]  # fmt: skip
    for cell in (done, dropped, ended):
        store.write(cell.record("done", provenance=provenance("cpu", 1), metrics={"top1": 0.5}))
    store.write_manifest("all", {}, [cell.manifest_entry() for cell in (done, stopped, ended)])
    stays.append(store.cell(done.id) / "record.json")
    stays.append(store.cell(ended.id) / "record.json")
    for kind, path, size in (
        ("stand-ins", cache / "stand-ins" / "a-v1", 1000), ("sources", cache / "sources" / "d.png", 2000),
        ("indexes", cache / "indexes" / "0.npz", 3000), ("compiled", cache / "compiled" / "fx", 3500),
        ("parts", root / "pets37" / "images.tar.part", 4000),
        ("checkpoints", store.cell(stopped.id) / "attempt", 5000),
        ("attempts", store.cell(ended.id) / "attempt", 6000), ("teachers", store.root / "teachers" / "f00", 7000),
        ("jobs", store.root / "jobs", 8000), ("downloads", downloads / "kept.zip", 9000),
        ("records", store.cell(dropped.id), 10000),
    ):  # fmt: skip
        folder = "." not in path.name.removeprefix(".") or kind == "records"
        if kind == "teachers":
            _write(path / "teacher.json", 0)
        _write(path / "student-000000001.ckpt" if folder else path, size)
        made.paths[kind] = path
    made.stays = stays
    return made


def _write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


@pytest.fixture
def clean(place) -> Callable[..., list[dict]]:
    def call(*words: str) -> list[dict]:
        words = ("clean", *words, "--results", str(place.results), "--root", str(place.root), "--format", "json")
        answer = CliRunner().invoke(app, words)
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    return call


def test_every_kind_is_listed_with_its_size_and_nothing_is_removed(place, clean):
    rows = clean()
    assert {row["kind"]: Path(row["path"]) for row in rows} == place.paths
    assert len(rows) == len(KINDS)
    sizes = {row["kind"]: row["bytes"] for row in rows}
    assert [sizes[kind] for kind in KINDS if kind not in ("downloads", "records")] == [
        1000, 2000, 3000, 3500, 4000, 5000, 6000, 7000, 8000,
    ]  # fmt: skip
    assert sizes["records"] > 10000  # the record itself counts
    assert not any(row["removed"] for row in rows)
    assert all(path.exists() for path in place.paths.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("downloads", "records")])
def test_what_is_named_is_removed_and_everything_else_stays(kind, place, clean):
    (row,) = clean(kind, "--yes")
    assert (row["kind"], row["removed"]) == (kind, True)
    assert {name for name, path in place.paths.items() if not path.exists()} == {kind}
    assert all(path.exists() for path in place.stays)
    assert clean(kind) == []


def test_a_record_is_removed_only_with_records_and_only_if_no_manifest_lists_it(place, clean):
    for kind in KINDS:
        if kind not in ("downloads", "records"):
            clean(kind, "--yes")
    assert place.paths["records"].exists()
    clean("--records", "--yes")
    assert not place.paths["records"].exists()
    assert all(path.exists() for path in place.stays)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--yes",), "--yes needs the kinds to remove"),
        (("records", "--yes"), "removed only with --records"),
        (("downloads", "--yes"), "remove them yourself"),
        (("standins",), "stand-ins"),
    ],
)
def test_what_clean_refuses_is_one_sentence(words, sentence, place, clean):
    with pytest.raises(BadInput, match=re.escape(sentence)):
        clean(*words)
    assert all(path.exists() for path in place.paths.values())


def test_a_folder_in_which_a_process_works_is_left_alone(place, clean):
    cell, teacher = place.paths["checkpoints"].parent, place.paths["teachers"]
    with FileLock(cell / ".lock"), FileLock(teacher / ".lock"):
        kinds = {row["kind"] for row in clean("checkpoints", "teachers", "attempts", "--yes")}
    assert kinds == {"attempts"}
    assert place.paths["checkpoints"].exists()
    assert teacher.exists()


def test_what_a_process_starts_to_use_after_it_was_listed_is_left_alone(place, clean, monkeypatch):
    path = place.paths["checkpoints"]
    lock, (entry,) = FileLock(path.parent / ".lock"), [
        entry for entry in clean_module._entries(place.results, place.root) if entry.kind == "checkpoints"
    ]  # fmt: skip
    with lock:
        assert not clean_module._remove(entry)
    assert path.exists()
    assert clean_module._remove(entry)
    assert not path.exists()


def test_the_teacher_of_a_requested_cell_without_a_record_stays(place, clean, cells):
    (cell,) = cells("seeds=[0]", "teacher.training.steps=61")
    teacher = _write(place.store.root / "teachers" / cell.teacher_key / "teacher.json", 2).parent
    assert str(teacher) in {row["path"] for row in clean("teachers")}
    place.store.write_manifest("other", {}, [cell.manifest_entry()])
    assert str(teacher) not in {row["path"] for row in clean("teachers", "--yes")}
    assert teacher.exists()


def test_every_teacher_stays_while_an_old_manifest_lists_a_cell_without_a_record(place, clean, cells):
    *_, cell = cells("seeds=[0,1]", "teacher.training.steps=61")
    path = place.store.write_manifest("other", {}, [cell.manifest_entry()])
    manifest = json.loads(path.read_text())
    for entry in manifest["cells"]:
        del entry["teacher_key"]  # which earlier versions did not write
    path.write_text(json.dumps(manifest))
    assert clean("teachers") == []
    place.store.write(cell.record("done", provenance=provenance("cpu", 1)))
    assert [Path(row["path"]) for row in clean("teachers")] == [place.paths["teachers"]]


def test_every_teacher_stays_while_a_process_works_on_a_cell_that_no_manifest_lists(place, clean):
    folder = place.store.root / "cells" / "digits-x-s0-0"
    folder.mkdir()
    with FileLock(folder / ".lock"):
        assert clean("teachers") == []
    assert [Path(row["path"]) for row in clean("teachers")] == [place.paths["teachers"]]


def test_a_stand_in_that_is_being_written_is_left_alone(place, clean):
    path = place.paths["stand-ins"]
    half = _write(path.with_name(f".{path.name}.77.tmp") / "items", 5).parent
    with FileLock(lock_path(path)):
        assert clean("stand-ins", "--yes") == []
        assert not clean_module._remove(clean_module.Entry("stand-ins", path, 0, lock_path(path)))
    assert path.exists() and half.exists()
    assert {Path(row["path"]) for row in clean("stand-ins", "--yes")} == {path, half}
    assert not path.exists() and not half.exists()


def test_a_removal_of_a_stand_in_that_is_killed_leaves_no_half_of_it(place, clean, monkeypatch):
    def killed(path: Path) -> None:
        (path / "student-000000001.ckpt").unlink()
        raise KeyboardInterrupt

    path = place.paths["stand-ins"]
    _write(path / "more", 5)
    with monkeypatch.context() as change:
        change.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            clean_module.clean(["stand-ins"], place.results, place.root, records=False, yes=True, format="json")
    assert not path.exists()
    (left,) = [Path(row["path"]) for row in clean("stand-ins")]
    assert left.name.startswith(f".{path.name}.")
    clean("stand-ins", "--yes")
    assert clean("stand-ins") == []


def test_interrupted_downloads_and_extractions_are_found_three_levels_down(place, clean):
    left = [
        _write(place.root / ".ucf.unpacking" / "ucf" / "a.avi", 5).parents[1],
        _write(place.root / "voxforge6" / ".de.unpacking" / "a", 5).parent,
        _write(place.root / "voxforge6" / "de" / ".de.unpacking" / "a", 5).parent,
        _write(place.root / "voxforge6" / "de" / "a.tgz.part", 5),
        place.paths["parts"],
    ]
    assert {Path(row["path"]) for row in clean("parts")} == set(left)
    clean("parts", "--yes")
    assert not any(path.exists() for path in left)
    assert clean("parts") == []


def test_a_running_download_and_a_running_extraction_are_left_alone(place, clean):
    part = _write(place.root / "a.zip.part", 5)
    unpacking = _write(place.root / ".ucf.unpacking" / "a.avi", 5).parent
    with FileLock(lock_path(place.root / "a.zip")), FileLock(lock_path(place.root / "ucf")):
        assert [Path(row["path"]) for row in clean("parts", "--yes")] == [place.paths["parts"]]
    assert part.exists() and unpacking.exists()
    assert {Path(row["path"]) for row in clean("parts", "--yes")} == {part, unpacking}


def test_a_hidden_lock_is_not_listed_as_a_download(place, clean):
    with path_lock(place.paths["downloads"]):
        pass
    assert [Path(row["path"]) for row in clean("downloads")] == [place.paths["downloads"]]


def test_jobs_that_may_be_in_a_queue_keep_their_files(place, clean):
    _write(place.store.root / "jobs" / "x-0001.job", 2)
    assert clean("jobs", "--yes") == []
    assert place.paths["jobs"].exists()


def test_a_damaged_record_keeps_its_cell_and_every_teacher_it_may_have_had(place, clean):
    _write(place.store.root / "cells" / "digits-x-s0-0" / "record.json", 3)
    kinds = {row["kind"] for row in clean()}
    assert kinds == set(KINDS) - {"teachers"}


def test_a_damaged_manifest_stops_everything(place, clean):
    _write(place.store.root / "manifests" / "all-x.json", 3)
    with pytest.raises(BadInput, match="is not a manifest"):
        clean("attempts", "--yes")
    assert place.paths["attempts"].exists()


def test_a_link_is_removed_and_not_followed(place, clean, tmp_path):
    treasure = _write(tmp_path / "elsewhere" / "treasure", 10)
    shutil.rmtree(place.paths["stand-ins"])
    place.paths["stand-ins"].symlink_to(treasure.parent, target_is_directory=True)
    clean("stand-ins", "--yes")
    assert not os.path.lexists(place.paths["stand-ins"])
    assert treasure.exists()


def test_the_text_gives_totals_and_the_next_step(place):
    words = ["clean", "--results", str(place.results), "--root", str(place.root)]
    text = CliRunner().invoke(app, words).stdout
    assert "1.0 kB in 1 stand-ins" in text
    assert "nothing was removed" in text
    assert "records that no manifest lists" in text


def test_nothing_to_remove_is_not_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    words = ["clean", "--results", str(tmp_path / "none"), "--root", str(tmp_path / "none")]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0
    assert "0 B in total" in answer.stdout
