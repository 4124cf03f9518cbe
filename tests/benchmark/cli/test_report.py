"""``benchmark report`` as it is typed."""

from __future__ import annotations

import json
import shutil

import pytest

from benchmark.leaderboard.formats import to_json
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Store
from benchmark.report.embedded import unpack
from pages import parse_page


def test_the_page_tells_all_of_every_row(benchmark, finished, photo, tmp_path):
    shutil.copy(photo, tmp_path)
    out = tmp_path / "page.html"
    ended = benchmark("report", "profile=small", "--results", finished, "--root", tmp_path, "--out", out)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"wrote {out}\n"
    text = out.read_text(encoding="utf-8")
    page = parse_page(text)
    store = Store(finished / "small")
    records = [record for entry in store.requested_cells() if (record := store.read(entry.id))]
    (done,) = [record for record in records if record.status == "done"]
    details = {one["id"].removeprefix("row-"): one.text for one in page.all("details") if one["id"]}
    assert set(details) == {record.row for record in records}
    command = json.loads(benchmark("why", done.id, "--results", finished, "--format", "json").out)["command"]
    for said in (done.id, command, done.source["sha256"], done.deviations[0], "million for one input"):
        assert " ".join(said.split()) in details[done.row]
    assert len([image for image in page.all("img") if image["alt"].startswith("Segment ")]) == 16
    assert str(finished) not in text
    assert to_json(leaderboard(unpack(out, tmp_path / "again"))) == to_json(leaderboard(store))
    benchmark("report", "--profile", "small", "--results", finished, "--root", tmp_path, "--out", tmp_path / "2.html")
    assert (tmp_path / "2.html").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["profile=small", "--out", "page.txt"], "page.txt does not end in .html"),
        (["profile=smoke"], "holds no results"),
        (["recipe.lr=1"], "cannot be set here"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(benchmark, finished, words, said):
    ended = benchmark("report", "--results", finished, *words)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
