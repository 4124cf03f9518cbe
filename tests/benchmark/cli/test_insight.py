"""``benchmark insight``: a page and its figures, and one sentence for what cannot be done."""

from __future__ import annotations

import json

import pytest

from benchmark.records.prototypes import read_recognised
from modalities.errors import BadInput


def call(benchmark, ran, *words):
    return benchmark(
        "insight", *words, "--results", ran.store.root.parent, "--source", ran.cell.source_path, "--device", "cpu"
    )


def test_a_page_and_its_figures_are_written(benchmark, ran, tmp_path):
    page = tmp_path / "folder" / "page.html"
    ended = call(benchmark, ran, ran.record.id[-8:], "--out", page)
    assert ended.code == 0, ended.err
    assert ended.out == f"wrote {page}\nwrote {page.with_suffix('.json')}\n"
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(page.with_suffix(".json").read_text())["id"] == ran.record.id
    assert [line.partition(" ")[0] for line in ended.err.splitlines()] == ["insight:"] * 6
    kept = read_recognised(ran.store, ran.record.id)
    figures = json.loads(page.with_suffix(".json").read_text())["prototypes"]
    assert kept.labels == figures["labels"] and kept.cells == {}
    assert {name: sum(right) / len(right) for name, right in kept.right.items()} == {
        name: pytest.approx(found["share"]) for name, found in figures["networks"].items()
    }


def test_results_that_cannot_be_written_still_get_their_page(benchmark, ran, tmp_path, monkeypatch):
    def refuse(*given):
        raise BadInput("prototypes.json cannot be written")

    monkeypatch.setattr("benchmark.records.prototypes.write_recognised", refuse)
    ended = call(benchmark, ran, ran.record.id, "--out", tmp_path / "page.html")
    assert ended.code == 0 and (tmp_path / "page.html").is_file()
    assert "claims about prototypes will not know of these: prototypes.json cannot be written" in ended.err


def test_the_page_is_named_after_the_cell(benchmark, ran, tmp_path, monkeypatch):
    from benchmark.insight import collect

    monkeypatch.chdir(tmp_path)
    for part in ("find_prototypes", "find_layers", "find_calibration"):
        monkeypatch.setattr(collect, part, lambda subject, found: {})
    monkeypatch.setattr("benchmark.insight.page.to_html", lambda found: "page")
    assert call(benchmark, ran, ran.record.id).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"insight-{ran.record.id}.{kind}" for kind in ("html", "json")
    ]


@pytest.mark.parametrize("name", ["page.png", "page", "page.html.gz"])
def test_other_endings_are_refused_before_anything_is_loaded(benchmark, ran, tmp_path, name):
    ended = call(benchmark, ran, ran.record.id, "--out", tmp_path / name)
    assert ended.code == 2 and ended.err == (
        f"benchmark: --out {tmp_path / name} does not end in .html; the page is an HTML file.\n"
    )
    assert not (tmp_path / name).exists()


def test_what_cannot_be_done_is_one_sentence(benchmark, ran, tmp_path):
    ended = call(benchmark, ran, "nonsense")
    assert ended.code == 2 and "there is no cell named" in ended.err
    ended = benchmark("insight", ran.record.id, "--results", tmp_path)
    assert ended.code == 2 and "has no cells" in ended.err and "--results" in ended.err
