"""The page: its structure, its figures, what is said of stand-ins and of what is missing, and hostile names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from benchmark.leaderboard.formats import COMPACT, to_json
from benchmark.leaderboard.references import references
from benchmark.report.datum import Datum
from benchmark.report.drawn import MARKS
from example_leaderboard import cell, filled
from example_report import MEASURED, page_of
from pages import Element, parse_page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def boards(page: Element) -> list[Element]:
    return [table for table in page.all("table") if table["class"] == "board"]


def rows_of(table: Element) -> list[list[Element]]:
    (body,) = table.all("tbody")
    return [row.all("th", "td") for row in body.all("tr")]


def with_networks(entry, record, **networks):
    return replace(entry, **networks), replace(record, **networks)


# --- structure --------------------------------------------------------------------------------------------------


def test_the_page_refers_to_nothing_outside_itself(measured):
    page = parse_page(measured[1])
    for element in page.walk():
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert re.match(r"(#|data:|$)", element[name]), element[name]
    assert not re.search(r"@import|url\((?!#)|https?:", measured[1].partition('<script type="application/json"')[0])
    (policy,) = [meta["content"] for meta in page.all("meta") if "Policy" in meta["http-equiv"]]
    assert "default-src 'none'" in policy


def test_links_within_the_page_lead_somewhere_and_ids_are_unique(measured):
    page = parse_page(measured[1])
    ids = [element["id"] for element in page.walk() if element["id"]]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)
    labelled = {element["aria-labelledby"] for element in page.walk() if element["aria-labelledby"]}
    assert labelled
    assert labelled <= set(ids)


def test_every_table_has_a_caption_and_every_head_a_scope(measured):
    page = parse_page(measured[1])
    for table in page.all("table"):
        assert table.all("caption")[0].text
    for head in page.all("th"):
        assert head["scope"] == ("col" if head.inside("thead") else "row")
    for table in boards(page):
        assert all(row[0].name == "th" for row in rows_of(table))
        assert table.parent["role"] == "region"
        assert table.parent["tabindex"] == "0"
        assert table.parent["aria-label"]


def test_heads_of_the_leaderboard_are_buttons_and_no_column_is_sorted_at_first(measured):
    page = parse_page(measured[1])
    assert boards(page)
    for table in boards(page):
        heads = table.all("thead")[0].all("th")
        assert [head.text for head in heads] == list(COMPACT.values())
        assert all(len(head.all("button")) == 1 for head in heads)
    assert not [element for element in page.walk() if "aria-sort" in element.attributes]
    (live,) = [element for element in page.walk() if element["aria-live"]]
    assert (live["role"], live["aria-live"]) == ("status", "polite")


def test_filters_are_labelled_and_hidden_until_a_script_can_use_them(measured):
    (form,) = parse_page(measured[1]).all("form")
    assert "hidden" in form.attributes
    selects = form.all("select")
    assert [select["name"] for select in selects] == ["modality", "target", "source"]
    assert all(select.inside("label") for select in selects)
    targets = {option["value"] for option in selects[1].all("option")} - {""}
    assert targets == {row.row["target"] for row in measured[0].rows}


def test_every_drawing_and_picture_has_words(measured):
    page = parse_page(measured[1])
    for image in page.all("svg"):
        assert image["aria-hidden"] or (image["role"] == "img" and image["aria-label"] and image.all("title")[0].text)
    assert all(image["alt"] for image in page.all("img"))


# --- figures ----------------------------------------------------------------------------------------------------


def test_figures_are_those_of_the_leaderboard(measured):
    found, text = measured
    expected = {row["row"]: row for row in json.loads(to_json(found.frame))["rows"]}
    seen = set()
    for table in boards(parse_page(text)):
        for cells in rows_of(table):
            row = expected[cells[0].all("a")[0]["href"].removeprefix("#row-")]
            seen.add(row["row"])
            for name, shown in zip(COMPACT, cells, strict=True):
                if name in ("target", "source"):
                    assert shown["data-sort"].startswith(row[name])
                elif row[name] is None:
                    assert shown["data-sort"] == ""
                else:
                    assert shown["data-sort"] == str(row[name]) or float(shown["data-sort"]) == row[name]
    assert seen == set(expected)


def test_every_row_has_its_cells_and_the_command(measured):
    found, text = measured
    details = {one["id"]: one.text for one in parse_page(text).all("details")}
    for row in found.rows:
        about = details[f"row-{row.id}"]
        assert all(cell.entry.id in about for cell in row.cells)
        assert "benchmark run it" in about


def test_claims_are_there_with_their_verdicts(measured):
    found, text = measured
    shown = parse_page(text).all("section")
    (section,) = [one for one in shown if one["id"] == "claims"]
    for comparison, judged in found.claims:
        assert f"{comparison.claim.name}: {comparison.claim.hypothesis}" in section.text
        assert judged.verdict in section.text
    assert bool(found.claims) != ("No suite with claims" in section.text)


def test_the_same_records_give_the_same_bytes_and_few_of_them(measured, request):
    found, text = measured
    folder = MEASURED / request.node.callspec.params["measured"]
    assert page_of(folder.parent, found.profile)[1] == text
    assert len(text.encode()) < 1_000_000  # leaves as much again for the datum


def test_results_of_others_stand_by_themselves_with_their_sources_and_are_not_measured_here(tmp_path):
    pair = {"teacher": "wrn-40-2", "student": "wrn-16-2"}
    filled(tmp_path, with_networks(*cell(target="cifar100"), **pair), cell(target="digits", data="stand-in"))
    page = parse_page(page_of(tmp_path, "demo")[1])
    (section,) = [one for one in page.all("section") if one["id"] == "published"]
    (table,) = section.all("table")
    assert "not measured here, not ranked" in table.all("caption")[0].text
    known = [one for one in references() if one.target == "cifar100" and one.pair == tuple(pair.values())]
    rows = rows_of(table)
    assert len(rows) == len(known) > 1
    for reference, cells in zip(known, rows, strict=True):
        texts = [cell.text for cell in cells]
        assert texts[1].startswith(reference.method)
        assert (texts[0], texts[2], texts[3]) == ("cifar100", reference.source, f"{100 * reference.top1:.2f}")
    assert not [text for board in boards(page) for text in board.text.split() if text in ("CMI", "DFQ")]


def test_without_results_of_others_the_page_says_so(tmp_path):
    filled(tmp_path, cell())
    assert "No result that others published is known" in parse_page(page_of(tmp_path, "demo")[1]).text


# --- stand-ins, failures, missing data --------------------------------------------------------------------------


def test_every_fragment_with_stand_ins_says_so(tmp_path):
    filled(tmp_path, cell(data="stand-in"), cell(target="stl10", data="real"))
    page = parse_page(page_of(tmp_path, "demo")[1])
    marked = MARKS["stand-in"]
    of_rows = [table for table in page.all("table") if any("digits" in row.text for row in table.all("tr"))]
    assert len(of_rows) >= 3
    assert all(
        marked in (table.text + (table.parent.parent.text if table.inside("details") else "")) for table in of_rows
    )
    drawings = [image for image in page.all("svg") if "digits" in image["aria-label"]]
    assert drawings
    assert all(marked in image["aria-label"] for image in drawings)
    assert not [table for table in page.all("table") if "stl10" in table.text and marked in table.text]


def test_rows_without_a_result_are_there_with_their_reasons(tmp_path):
    failed = cell(target="stl10", status="failed", reason="the disk is full")
    absent = cell(target="cifar10", status="no data", reason="put it there")
    waiting = cell(target="pets37")
    filled(tmp_path, cell(), failed, absent, unwritten=[waiting])
    found, text = page_of(tmp_path, "demo")
    page = parse_page(text)
    reasons = {"stl10": "failed: the disk is full", "cifar10": "no data: put it there", "pets37": "not run yet"}
    for target, reason in reasons.items():
        rows = [
            row for table in page.all("table") for row in table.all("tr") if row.all("th")[0].text.split()[0] == target
        ]
        assert len(rows) == 2  # of the leaderboard and costs
        assert all(reason in row.text for row in rows)
        (kept,) = [image for image in page.all("svg") if image["aria-label"].startswith("Retention")]
        assert reason in kept["aria-label"].partition(f"{target}, deadleaves: ")[2].partition("leaves")[0]
        (row,) = [row for row in found.rows if row.target == target]
        assert reason in next(one.text for one in page.all("details") if one["id"] == f"row-{row.id}")
    assert "1 of 4 rows are complete" in page.text


def test_a_damaged_record_costs_only_its_row(tmp_path):
    store = filled(tmp_path, cell(), cell(target="stl10"))
    (broken,) = [entry for entry in store.requested_cells() if entry.target == "stl10"]
    store.record_file(broken.id).write_text("{", encoding="utf-8")
    _, text = page_of(tmp_path, "demo")
    assert "is not a record" in text
    assert str(tmp_path) not in text


def test_noise_is_marked_as_a_control(tmp_path):
    filled(tmp_path, cell(), cell(source="noise", settings=2))
    page = parse_page(page_of(tmp_path, "demo")[1])
    (kept,) = [image for image in page.all("svg") if image["aria-label"].startswith("Retention")]
    assert "noise (control): " in kept["aria-label"]
    assert len([one for one in kept.all("path") if "stroke-dasharray:2.7" in one["style"]]) == 1


def test_a_row_names_its_nearest_neighbour_and_what_differs(tmp_path):
    cells = []
    for settings, recipe in ((1, {"lr": 0.1, "steps": 5}), (2, {"lr": 0.2, "steps": 5}), (3, {"lr": 0.3, "steps": 6})):
        entry, record = cell(settings=settings)
        cells.append((entry, replace(record, config={"recipe": recipe})))
    filled(tmp_path, *cells)
    page = parse_page(page_of(tmp_path, "demo")[1])
    first = next(one for one in page.all("details") if one["id"] == f"row-{cells[0][0].row}")
    assert "recipe.lr: 0.1 here, 0.2 there" in first.text
    assert "steps" not in first.text


# --- hostile names ----------------------------------------------------------------------------------------------


def test_names_from_outside_stay_text(tmp_path):
    bad = cell(source=HOSTILE, policy=HOSTILE, status="failed", reason=HOSTILE)
    filled(tmp_path, bad, cell(source=HOSTILE, settings=2, policy=HOSTILE))
    datum = Datum(HOSTILE, "image", "ab", HOSTILE, HOSTILE, (HOSTILE,), ("real",), missing=HOSTILE)
    _, text = page_of(tmp_path, "demo", [datum])
    page = parse_page(text)
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not [name for element in page.walk() for name in element.attributes if name.startswith("on")]
    assert "alert(1)" in page.text


# --- in a browser -----------------------------------------------------------------------------------------------

CLICKS = """<script>
const table = document.querySelector(".board"), heads = [...table.tHead.rows[0].cells];
const head = heads.find((one) => one.textContent.trim() === "retention %"), at = head.cellIndex;
const column = () => [...table.tBodies[0].rows].map((row) => row.cells[at].textContent.trim());
const found = [];
for (const _ of [1, 2]) { head.firstElementChild.click(); found.push(column(), head.getAttribute("aria-sort")); }
heads[0].firstElementChild.click();
found.push(heads.filter((one) => one.hasAttribute("aria-sort")).length, document.getElementById("said").textContent);
const select = document.querySelector("select[name=target]");
select.value = "stl10"; select.dispatchEvent(new Event("change", {bubbles: true}));
found.push([...table.tBodies[0].rows].filter((row) => !row.hidden).length, document.getElementById("said").textContent);
found.push(document.documentElement.scrollWidth <= innerWidth);
document.title = JSON.stringify(found);
</script></body>"""


@pytest.mark.skipif(not (shutil.which("chromium") or shutil.which("google-chrome")), reason="no Chromium here")
def test_sorting_and_filtering_work_in_a_browser(tmp_path):
    waiting = cell(target="cifar10")
    filled(
        tmp_path, cell(top1=0.9), cell(target="stl10", top1=0.1), cell(target="pets37", top1=0.5), unwritten=[waiting]
    )
    path = tmp_path / "page.html"
    path.write_text(page_of(tmp_path, "demo")[1].replace("</body>", CLICKS), encoding="utf-8")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=500,900",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, encoding="utf-8", check=True)
    title = parse_page(done.stdout).all("title")[0]
    down, first, up, second, sorted_columns, said, shown, filtered, fits = json.loads(title.text)
    assert (down, first) == (["93.8", "52.1", "10.4", "–"], "descending")
    assert (up, second) == (["10.4", "52.1", "93.8", "–"], "ascending")
    assert (sorted_columns, shown) == (1, 1)
    assert "sorted by target, A to Z" in said
    assert "1 of 4 rows" in filtered
    assert fits  # nothing is wider than the window, but for tables, which scroll
