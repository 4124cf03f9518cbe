"""A name is not an identity: files of one name are rows of their own in every table, and none is called unwanted."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from benchmark.config.schema import Suite
from benchmark.launch.display import Live, PlainLines
from benchmark.launch.progress import Step
from benchmark.planning import plan as planning
from benchmark.planning.cell import describe_all, write_manifest
from benchmark.planning.expected import Expected
from benchmark.planning.select import Request
from benchmark.records.store import Store


@pytest.fixture
def namesakes(photo, tmp_path):
    """Two pictures of one name in two folders, one of them reflected."""
    from PIL import Image, ImageOps

    paths = [tmp_path / folder / "photo.png" for folder in ("a", "b")]
    for path, change in zip(paths, (lambda picture: picture, ImageOps.flip), strict=True):
        path.parent.mkdir()
        change(Image.open(photo)).save(path)
    return paths


@pytest.fixture
def tables(benchmark, tmp_path):
    """Every table of the results, with the lines or rows that belong to the digits."""

    def read() -> dict[str, list[str]]:
        found = {}
        for format in ("markdown", "html", "latex", "csv"):
            text = benchmark("table", "--results", tmp_path, "--profile", "small", "--format", format).out
            found[format] = [line for line in text.splitlines() if re.match(r"(\| |<tr><td>|.*,|)digits\b", line)]
        return found

    return read


def test_two_sources_of_one_name_are_two_rows_of_every_table(benchmark, inline, small, namesakes, tables, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    for path in namesakes:
        ended = benchmark(*words, f"source.image={path}")
        assert ended.code == 0, ended.err
    assert len(inline.ran) == 2
    rows = json.loads((tmp_path / "small" / "leaderboard.json").read_text())["rows"]
    assert [row["source"] for row in rows] == ["photo.png"] * 2
    hashes = {row["source_sha256"] for row in rows}
    assert len(hashes) == 2
    assert {row["differs"] for row in rows} == {f"source {sha256[:8]}" for sha256 in hashes}
    for format, lines in tables().items():
        assert len(lines) == 2, format
        for sha256 in hashes:
            assert sum(f"source {sha256[:8]}" in line for line in lines) == 1, format
    on_screen = [line for line in ended.out.splitlines() if line.startswith("digits")]
    assert len({line[:40] for line in on_screen}) == 2
    leftovers = json.loads(benchmark("clean", "--results", tmp_path, "--root", tmp_path, "--format", "json").out)
    assert not [entry for entry in leftovers if str(tmp_path) in entry["path"]]
    markdown = (tmp_path / "small" / "leaderboard.md").read_text()
    assert len(re.findall(r"Mean retention, source photo\.png \([0-9a-f]{8}\), 1 row: \d", markdown)) == 2


def test_a_run_whose_file_changed_in_place_keeps_the_row_of_what_it_was(benchmark, inline, small, namesakes, tmp_path):
    words = ("run", "--results", tmp_path, "--exclude", "cifar10", *small, f"source.image={namesakes[0]}")
    assert benchmark(*words).code == 0
    namesakes[0].write_bytes(namesakes[1].read_bytes())
    assert benchmark(*words).code == 0
    assert len(json.loads((tmp_path / "small" / "leaderboard.json").read_text())["rows"]) == 2


# --- the same kind, without running ----------------------------------------------------------------------------


def written(cells, store, **request):
    """Write manifest and records of cells as a run does."""
    write_manifest(store, Suite(name="all"), Request(**request).selection(), cells)
    for cell in cells:
        metrics = {"top1": 0.5, "items": 4.0}
        store.write(cell.record("done", provenance={}, metrics=metrics, controls={"teacher_top1": 0.9, "chance": 0.1}))


def rows_of(store):
    from benchmark.leaderboard.formats import to_csv
    from benchmark.leaderboard.table import leaderboard

    return list(csv.DictReader(io.StringIO(to_csv(leaderboard(store)))))


def test_two_teachers_of_one_file_name_are_two_rows(cells, tmp_path):
    store, hashes = Store(tmp_path / "smoke"), []
    for folder, value in (("a", 0.0), ("b", 1.0)):
        path = tmp_path / folder / "teacher.safetensors"
        path.parent.mkdir()
        save_file({"w": torch.full((2,), value)}, path)
        override = f"teacher.weights={path}"
        written(cells(override), store, overrides=(override,))
        hashes.append(cells(override)[0].identity["teacher"]["weights"][:8])
    assert sorted(row["differs"] for row in rows_of(store)) == sorted(f"teacher.weights {sha256}" for sha256 in hashes)


def test_two_folders_with_different_data_are_two_rows_and_absent_data_replace_neither(cells, tmp_path, monkeypatch):
    store, (cell,) = Store(tmp_path / "smoke"), cells()
    for fingerprint in ("a" * 64, "b" * 64, "absent"):
        found = replace(cell.data, kind="real", fingerprint=fingerprint, ready=fingerprint != "absent")
        monkeypatch.setattr(planning, "locate", lambda *given, found=found, **options: found)
        monkeypatch.setattr(planning, "examine", lambda *given, found=found: found)
        again = cells()
        if fingerprint == "absent":
            write_manifest(store, Suite(name="all"), Request().selection(), again)
            store.write(again[0].record("no data", "get it", provenance={}))
        else:
            written(again, store)
    assert sorted(row["differs"] for row in rows_of(store)) == ["data aaaaaaaa", "data bbbbbbbb"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("policy.rotation=5", ["policy.rotation 30", "policy.rotation 5"]),
        ("recipe.lr=0.5", ["recipe.lr 0.008", "recipe.lr 0.5"]),
        ("threads=2", ["threads 1", "threads 2"]),
        ("view.size=9", ["view.size 8", "view.size 9"]),
        ("data.train_per_class=7", ["data.train_per_class 0", "data.train_per_class 7"]),
    ],
)
def test_rows_that_differ_in_one_setting_name_it(cells, tmp_path, change, words):
    store = Store(tmp_path / "smoke")
    for overrides in ((), (change,)):
        written(cells(*overrides), store, overrides=overrides)
    assert sorted(row["differs"] for row in rows_of(store)) == sorted(words)


def test_a_row_that_has_not_run_is_told_apart_too(cells, tmp_path):
    store = Store(tmp_path / "smoke")
    written(cells(), store)
    write_manifest(store, Suite(name="all"), Request(overrides=("threads=2",)).selection(), cells("threads=2"))
    assert {row["differs"]: row["status"] for row in rows_of(store)} == {"threads 1": "done", "threads 2": "to run"}


def test_a_manifest_and_records_of_an_earlier_version_are_told_apart_by_their_records(cells, namesakes, tmp_path):
    store = Store(tmp_path / "smoke")
    first, second = (cells(f"source.image={path}") for path in namesakes)
    selection = Request(overrides=(f"source.image={namesakes[0]}",)).selection()
    written(first, store)
    (manifest,) = store.manifests.glob("*.json")
    manifest.unlink()
    path = store.write_manifest("all", selection, [cell.manifest_entry() for cell in first])
    content = json.loads(path.read_text())
    del content["settings"]
    path.write_text(json.dumps(content))
    assert [row["source_sha256"] for row in rows_of(store)] == [first[0].source.sha256]
    written(second, store, overrides=(f"source.image={namesakes[1]}",))
    assert len(list(store.manifests.glob("*.json"))) == 1, "files of one name are one call"
    assert len({row["differs"] for row in rows_of(store)}) == 2


def test_a_row_whose_numbers_do_not_count_any_more_is_replaced_by_the_same_call(
    cells, namesakes, tmp_path, monkeypatch
):
    store = Store(tmp_path / "smoke")
    first, second = (cells(f"source.image={path}") for path in namesakes)
    selection = Request(overrides=(f"source.image={namesakes[0]}",)).selection()
    write_manifest(store, Suite(name="all"), selection, first)
    monkeypatch.setattr("benchmark.records.identity.NUMERICS_VERSION", 99)
    second = cells(f"source.image={namesakes[1]}")
    write_manifest(store, Suite(name="all"), selection, second)
    assert [cell.id for cell in store.requested_cells()] == [second[0].id]


def test_a_target_that_the_same_call_does_not_mean_any_more_leaves(cells, tmp_path):
    store, (cell,) = Store(tmp_path / "smoke"), cells()
    other = replace(cell, id="x", row="y", key=replace(cell.key, target="letters"))
    write_manifest(store, Suite(name="all"), {}, [cell, other])
    write_manifest(store, Suite(name="all"), {}, [cell])
    assert [entry.target for entry in store.requested_cells()] == ["digits"]


def test_cells_that_are_called_alike_are_told_apart_while_they_run(cells, namesakes, capsys):
    alike = [cell for path in namesakes for cell in cells(f"source.image={path}")]
    names = describe_all(alike)
    assert sorted(names.values()) == sorted(
        f"digits · photo.png (source {cell.source.sha256[:8]}) · seed 0" for cell in alike
    )
    record = cells()[0].record("failed", "why", provenance={})
    times = {cell.id: Expected(0.0, 1.0, True) for cell in alike}
    for display in (PlainLines(alike, 1, times), Live(alike, 1, times)):
        for number, cell in enumerate(alike):
            display.started(number, cell)
            display.moved(number, Step("distill", 1, 2))
            display.ended(number, cell, record)
    shown = capsys.readouterr().err
    for name in names.values():
        assert shown.count(name) >= 3


def test_the_plan_tells_cells_apart(cells, namesakes, monkeypatch, benchmark, tmp_path):
    alike = [cell for path in namesakes for cell in cells(f"source.image={path}")]
    monkeypatch.setattr("benchmark.cli.plan.make_plan", lambda request: alike)
    text = benchmark("plan", "--results", tmp_path).out
    for cell in alike:
        assert f"photo.png (source {cell.source.sha256[:8]})" in text


def test_a_network_whose_name_has_a_slash_keeps_its_name_in_the_selection():
    overrides = ("teacher.network=timm:hf-hub:timm/one", "student.network=timm:hf-hub:other/one")
    assert Request(overrides=overrides).selection()["overrides"] == list(overrides)
