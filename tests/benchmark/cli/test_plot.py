"""``benchmark plot`` as it is typed."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from benchmark.report.drawn import KINDS, MARKS
from example_report import MEASURED


def texts_of(page):
    """The texts in a page of a report, each once."""
    return {text for svg in re.findall(r"<svg.*?</svg>", page, re.S) for text in re.findall(r"<text[^>]*>([^<]*)", svg)}


@pytest.mark.parametrize("what", KINDS)
def test_every_kind_of_plot_is_made_and_again_with_the_same_bytes(benchmark, tmp_path, what):
    results = MEASURED / "claims" if what in ("ablations", "claims") else MEASURED
    for name in ("one.svg", "two.svg"):
        ended = benchmark(
            "plot", what, "profile=demo", "--results", results, "--out", tmp_path / name, "--width", "page"
        )
        assert (ended.code, ended.err, ended.out) == (0, "", f"wrote {tmp_path / name}\n")
    content = (tmp_path / "one.svg").read_bytes()
    assert content == (tmp_path / "two.svg").read_bytes()
    root = ElementTree.fromstring(content)
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(6.9 * 72)
    assert re.search(rf"<!-- {re.escape(MARKS['stand-in'])} -->", content.decode())


def test_the_default_is_a_pdf_that_is_called_by_kind_and_profile(benchmark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = benchmark("plot", "retention", "--profile", "small", "--results", MEASURED, "--target", "audio/*")
    assert ended.out == f"wrote {tmp_path / 'retention-small.pdf'}\n"
    assert (tmp_path / "retention-small.pdf").read_bytes().startswith(b"%PDF")


def test_filters_leave_only_what_is_asked_for(benchmark, tmp_path):
    words = ["plot", "retention", "profile=small", "--results", MEASURED, "--out", tmp_path / "a.svg"]
    assert benchmark(*words, "--target", "cifar10", "--source", "noise").code == 0
    said = re.findall(r"<!-- (.*?) -->", (tmp_path / "a.svg").read_text())
    assert "Retention, cifar10, image, real data" in said
    assert "noise (control)" in said
    assert "city.jpg" not in " ".join(said)


def test_a_report_gives_the_plots_that_its_records_hold(benchmark, finished, tmp_path):
    page = tmp_path / "page.html"
    assert benchmark("report", "profile=small", "--results", finished, "--out", page).code == 0
    for name, place in (("a.png", [page]), ("b.png", ["profile=small", "--results", finished])):
        assert benchmark("plot", "retention", *place, "--out", tmp_path / name).code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    ended = benchmark("plot", "curves", page)
    assert ended.code == 2
    assert "page.html holds no training curves" in ended.err
    assert "Retention, " in " ".join(texts_of(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bars"], "no kind of plot named 'bars'; known are ablations, claims, curves, retention, segments"),
        (["retentoin"], "did you mean retention?"),
        (["retention", "--out", "page.jpg"], "page.jpg does not end in .pdf, .png or .svg"),
        (["retention", "--width", "a4"], "--width a4 is not known; choose column or page"),
        (["retention", "--target", "cifra10"], "did you mean cifar10"),
        (["retention", "--target", "cifar10", "--source", "speech"], "has target cifar10, source speech; ask for less"),
        (["ablations"], "holds no suite that varies something"),
        (["ablations", "--target", "fsdd"], "about target fsdd"),
        (["claims"], "holds no suite with claims"),
        (["claims", "--source", "noise"], "claims compare two of them"),
        (["retention", "profile=smoke"], "holds no results"),
        (["retention", "recipe.lr=1"], "cannot be set here"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(benchmark, words, said):
    ended = benchmark(
        "plot", *words, *([] if "profile=smoke" in words else ["--profile", "small"]), "--results", MEASURED
    )
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
