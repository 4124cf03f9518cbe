"""Records refuse wrong values in one sentence, and keep loading when they are old."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from benchmark.records.record import Record
from example_records import record
from modalities.errors import BadInput

HISTORIC = Path(__file__).parent / "fixtures"


def test_a_record_comes_back_from_its_text_unchanged():
    assert Record.from_json(record().to_json()) == record()


def test_a_whole_number_stays_whole_so_that_a_record_is_written_as_it_was_read():
    text = record(metrics={"items": 4, "top1": 1.0}).to_json()
    assert '"items": 4,' in text
    assert '"top1": 1.0' in text
    assert Record.from_json(text).to_json() == text


REQUIRED = {entry.name for entry in fields(Record)} - {"schema_version", "metric", "test_set", "costs"}


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_missing_key_is_refused_by_name_and_file(name):
    content = json.loads(record().to_json())
    del content[name]
    with pytest.raises(BadInput, match=rf"here\.json .*missing: {name}\b.*run its cell again"):
        Record.from_json(json.dumps(content), "here.json")


@pytest.mark.parametrize("name", [entry.name for entry in fields(Record) if entry.name != "schema_version"])
def test_a_value_of_the_wrong_type_is_refused_in_every_field(name):
    for wrong in (0.5, [{}], {"x": [1]} if name not in ("config", "provenance") else 3):
        content = json.loads(record().to_json())
        content[name] = wrong
        with pytest.raises(BadInput, match=rf"here\.json .*'{name}[^']*': \w+ should "):
            Record.from_json(json.dumps(content), "here.json")


@pytest.mark.parametrize(
    "change",
    [{"status": "great"}, {"data": "fake"}, {"fold": 0}, {"segments": -1}, {"seed": True}, {"metrics": {"top1": "0.9"}},
     {"controls": {"luck": 1.0}}, {"source": {"name": "x"}}, {"target": ""}],
)  # fmt: skip
def test_values_outside_their_range_are_neither_written_nor_read(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        record(**change).to_json()
    with pytest.raises(BadInput, match=next(iter(change))):
        Record.from_json(json.dumps({**json.loads(record().to_json()), **change}))


def test_an_unknown_key_is_refused():
    with pytest.raises(BadInput, match="unknown: surprise"):
        Record.from_json(json.dumps({**json.loads(record().to_json()), "surprise": 1}))


def test_nan_is_never_written_nor_read():
    with pytest.raises(ValueError, match="metrics"):
        record(metrics={"top1": float("nan")}).to_json()
    with pytest.raises(BadInput, match="NaN"):
        Record.from_json(record().to_json().replace("0.5", "NaN"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"a": 1}', "\x00"])
def test_text_that_is_not_a_record_is_refused_in_one_sentence(text):
    with pytest.raises(BadInput, match=r"^here\.json ") as caught:
        Record.from_json(text, "here.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version_is_refused_and_says_what_to_do(version):
    content = {**json.loads(record().to_json()), "schema_version": version, "other": "keys"}
    with pytest.raises(BadInput, match=r"schema version .* reads 1; use the version of the package that wrote it"):
        Record.from_json(json.dumps(content))


@pytest.mark.parametrize("path", sorted(HISTORIC.glob("*.json")), ids=lambda path: path.stem)
def test_historic_records_still_load(path):
    loaded = Record.from_json(path.read_text(encoding="utf-8"), path)
    assert loaded.id == path.stem
    added = {"metric": "top-1", "test_set": {}, "costs": {}}
    assert json.loads(loaded.to_json()) == added | json.loads(path.read_text(encoding="utf-8"))


def test_there_is_a_historic_record():
    assert list(HISTORIC.glob("*.json"))
