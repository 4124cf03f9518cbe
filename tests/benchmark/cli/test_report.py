"""``benchmark report`` as it is typed."""

from __future__ import annotations

import json

import pytest

from benchmark.leaderboard.formats import to_json
from benchmark.leaderboard.table import leaderboard
from benchmark.report.embedded import unpack
from pages import parse_page


def test_a_report_of_a_cell_that_ran(benchmark, ran, tmp_path):
    out = tmp_path / "page.html"
    said = benchmark("report", "profile=smoke", "--results", ran.store.root.parent, "--root", tmp_path, "--out", out)
    assert said.exit_code == 0, said.output
    assert said.output.split()[-1] == str(out)
    page = parse_page(out.read_text(encoding="utf-8"))
    (details,) = [one for one in page.all("details") if one["id"]]
    assert ran.record.id in details.text
    assert "benchmark run --target digits" in details.text
    assert ran.record.source["sha256"] in details.text
    assert "million for one input" in details.text
    assert "smoke profile: the numbers mean nothing" in details.text
    rows = json.loads(to_json(leaderboard(unpack(out, tmp_path / "out"))))["rows"]
    assert rows[0]["score"] == pytest.approx(ran.record.metrics["top1"], abs=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "page.txt"], "page.txt does not end in .html"),
        (["profile=small"], "holds no results"),
        (["recipe.lr=1"], "cannot be set here"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(benchmark, ran, words, said):
    done = benchmark("report", "--results", ran.store.root.parent, *words)
    assert done.exit_code == 2
    assert said in done.output
