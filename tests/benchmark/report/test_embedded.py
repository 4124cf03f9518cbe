"""The records inside a report: every table can be made of them again, and a change is noticed."""

from __future__ import annotations

import pytest

from benchmark.claims.collect import judged_claims
from benchmark.leaderboard.formats import to_json
from benchmark.leaderboard.table import leaderboard
from benchmark.records.prototypes import Recognised, read_recognised, write_recognised
from benchmark.records.store import PROTOTYPES
from benchmark.report.embedded import read, unpack
from example_leaderboard import cell, filled
from example_report import MEASURED, page_of
from modalities.errors import BadInput


@pytest.mark.parametrize("folder", ["demo", "small", "claims/demo"])
def test_tables_of_an_unpacked_report_are_those_of_the_records(folder, tmp_path, measured_pages):
    path = MEASURED / folder
    page = tmp_path / "page.html"
    page.write_text(measured_pages(folder), encoding="utf-8")
    store = unpack(page, tmp_path / "out")
    found = leaderboard(store)
    assert to_json(found) == to_json(leaderboard(type(store)(path)))
    assert folder != "small" or found["rank"].notna().any()
    if folder == "claims/demo":
        assert judged_claims(tmp_path / "out", "demo") == judged_claims(path.parent, "demo")


def test_what_is_known_of_prototypes_is_in_the_page_and_a_damaged_file_is_left_out(tmp_path):
    (entry, _), (other, _) = made = [cell(), cell(seed=1)]
    store = filled(tmp_path, *made)
    found = Recognised([3, 4], {"student": [True, False]}, {"noise student": "cell"})
    write_recognised(store, entry.id, found)
    (store.cell(other.id) / PROTOTYPES).write_text("{")
    page = tmp_path / "page.html"
    page.write_text(page_of(tmp_path, "demo")[1], encoding="utf-8")
    again = unpack(page, tmp_path / "out")
    assert read_recognised(again, entry.id) == found
    assert read_recognised(again, other.id) is None


@pytest.fixture(scope="module")
def measured_pages():
    return lambda folder: page_of((MEASURED / folder).parent, (MEASURED / folder).name)[1]


@pytest.fixture
def page(tmp_path):
    filled(tmp_path, cell(policy="</script><!--<script>"))
    path = tmp_path / "page.html"
    path.write_text(page_of(tmp_path, "demo")[1], encoding="utf-8")
    return path


def test_a_hostile_name_ends_no_script(page):
    content = read(page)
    (record,) = content["records"].values()
    assert record["policy"] == "</script><!--<script>"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"top1":0.8', '"top1":0.9', "another checksum"),
        ('id="records"', 'id="others"', "embeds no records"),
    ],
)
def test_a_page_that_was_changed_is_refused(page, before, after, said):
    text = page.read_text(encoding="utf-8")
    assert before in text
    page.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        read(page)


def test_a_page_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"none\.html cannot be read"):
        read(tmp_path / "none.html")


def test_nothing_is_written_outside_the_folder(page, tmp_path):
    import hashlib

    text = page.read_text(encoding="utf-8")
    start = text.index('data-sha256="') + len('data-sha256="')
    begin = start + 64 + 2
    content = text[begin : text.index("</script>", begin)].replace(
        '"profile":"demo","manifests"', '"profile":"..","manifests"'
    )
    digest = hashlib.sha256(content.encode()).hexdigest()
    end = text.index("</script>", begin)
    page.write_text(text[:start] + digest + text[start + 64 : begin] + content + text[end:], encoding="utf-8")
    with pytest.raises(BadInput, match="not a report"):
        unpack(page, tmp_path / "out" / "in")
    assert not (tmp_path / "out").exists()
