"""The page: well-formed, complete in itself, the same bytes every time, and honest about stand-ins."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from benchmark.insight.page import SMOKE, STAND_IN, to_html, to_json

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects ids, addresses and texts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.addresses, self.tags, self.texts, self.closed = [], [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        assert len(of) == len(attrs), "an attribute stands twice"
        self.tags.append((tag, of))
        self.ids += [of["id"]] if "id" in of else []
        self.addresses += [of[key] for key in ("src", "href", "srcset", "action", "data", "poster") if key in of]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def page(found):
    return to_html(found)


def test_the_page_is_well_formed_and_needs_nothing_else(page):
    outline = Outline(page)
    assert page.startswith("<!DOCTYPE html>\n<html lang=") and outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.addresses and all(
        address.startswith(("#", "data:image/png;base64,")) for address in outline.addresses
    )
    names = {tag for tag, _ in outline.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base"}
    assert "://" not in page and "@import" not in page and not re.search(r"url\((?!#)", page)
    assert len(page) < 2_000_000


def test_every_picture_has_a_description_and_every_heading_its_place(page):
    outline = Outline(page)
    assert all(of.get("alt") for tag, of in outline.tags if tag == "img")
    assert [tag for tag, _ in outline.tags if tag == "h1"] == ["h1"]
    assert sum(tag == "h2" for tag, _ in outline.tags) == 6
    assert sum(tag == "svg" for tag, _ in outline.tags) == 7
    assert all("scope" in of for tag, of in outline.tags if tag == "th")
    assert any(of.get("name") == "viewport" for _, of in outline.tags)
    assert "prefers-color-scheme:dark" in page and "@media print" in page


def test_the_same_findings_give_the_same_bytes(page, found):
    assert to_html(found) == page and to_json(found) == to_json(found)
    assert json.loads(to_json(found))["id"] == found.figures["id"] and to_json(found).isascii()


def test_figures_stand_in_the_page(page, found):
    figures, text = found.figures, " ".join("".join(Outline(page).texts).split())
    for share in (figures["teacher_top1"], figures["student_top1"], figures["fidelity"]):
        assert f"{100 * share:.1f} %" in text
    for network in figures["prototypes"]["networks"].values():
        assert f"{100 * network['share']:.0f} %" in text
    assert all(item["id"] in text for item in figures["agreement"]["items"])
    assert f"{figures['calibration']['after']['brier']:.3f}" in text
    assert all(sentence in text for sentence in figures["missing"].values()) and len(figures["missing"]) == 2


def changed(found, **figures):
    return replace(found, figures={**deepcopy(found.figures), **figures})


def test_stand_ins_and_smoke_are_marked(found):
    assert SMOKE in to_html(changed(found, profile="smoke")) and STAND_IN not in to_html(found)
    page = to_html(changed(found, data="stand-in", profile="demo"))
    assert STAND_IN in page and SMOKE not in page and "real test items" not in page
    real = to_html(changed(found, data="real", profile="small"))
    assert "caveat" not in real.partition("</style>")[2] and "real test items" in real


def test_names_from_outside_are_text(found):
    evil = "<script>alert(1)</script>&\x1b[2J"
    figures = deepcopy(found.figures)
    figures.update(source=evil, title=evil, classes=[evil] * 10, id=evil)
    figures["agreement"]["items"][0]["id"] = evil
    page = to_html(replace(found, figures=figures))
    assert "<script" not in page and "\x1b" not in page
    assert Outline(page).open == []


def test_the_control_over_real_items_is_not_called_a_single_datum(found):
    page = to_html(changed(found, source="real-training-items", single_datum=False))
    assert "one datum" not in page.partition("<section>")[0] and "never saw a single" not in page


def test_a_method_that_makes_inputs_of_its_own_is_named(found):
    assert "by the method" not in to_html(found)
    assert "by the method <b>" not in to_html(changed(found, method="<b>"))
    assert "by the method inverted, which" in to_html(changed(found, method="inverted"))


def test_sounds_can_be_played(found):
    sounds = (8000, np.zeros((10, 80), np.float32))
    outline = Outline(to_html(replace(changed(found, modality="audio"), sounds=sounds)))
    players = [of for tag, of in outline.tags if tag == "audio"]
    assert len(players) == 10 and all(of["src"].startswith("data:audio/wav;base64,") for of in players)


def test_a_page_without_layers_says_why(found):
    page = to_html(changed(found, layers={"missing": "3 test items are too few to compare layers."}))
    assert "too few to compare" in page and Outline(page).open == []
