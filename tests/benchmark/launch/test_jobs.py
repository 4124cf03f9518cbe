"""The files of jobs: reports and notes are read as they were written, and damaged ones never pass for others."""

from __future__ import annotations

import json
import math

import pytest

from benchmark.launch.job_files import JobNote, Report, read_note, read_report, write_note, write_report
from modalities.errors import BadInput

STEP = {"cell": "x", "phase": "distill", "done": 3, "total": 40, "loss": 1.0, "per_second": 9.0}
REPORT = {"begun": ["x"], "ended": {"y": "done"}, "now": {"0": STEP}, "starts": 1, "left": False}
DAMAGED = {
    "not an object": "[]",
    "an unknown key": json.dumps({**REPORT, "more": 1}),
    "cells begun that are a text": json.dumps({**REPORT, "begun": "x"}),
    "a status that is a list": json.dumps({**REPORT, "ended": {"y": ["done"]}}),
    "statuses in a list": json.dumps({**REPORT, "ended": ["y"]}),
    "steps in a list": json.dumps({**REPORT, "now": [STEP]}),
    "a step that is a text": json.dumps({**REPORT, "now": {"0": "distill"}}),
    "a step without its cell": json.dumps({**REPORT, "now": {"0": {k: v for k, v in STEP.items() if k != "cell"}}}),
    "a step with an unknown key": json.dumps({**REPORT, "now": {"0": {**STEP, "more": 1}}}),
    "a cell that is a list": json.dumps({**REPORT, "now": {"0": {**STEP, "cell": ["x"]}}}),
    "a phase that is a number": json.dumps({**REPORT, "now": {"0": {**STEP, "phase": 3}}}),
    "steps that are a text": json.dumps({**REPORT, "now": {"0": {**STEP, "done": "3"}}}),
    "a loss that is null": json.dumps({**REPORT, "now": {"0": {**STEP, "loss": None}}}),
    "starts that are a text": json.dumps({**REPORT, "starts": "1"}),
    "left that is a number": json.dumps({**REPORT, "left": 1}),
    "nested too deeply": "[" * 100_000,
}


def test_a_report_is_read_as_it_was_written(tmp_path):
    report = Report.model_validate_json(json.dumps(REPORT))
    write_report(tmp_path, "g", report)
    assert json.loads((tmp_path / "g.json").read_text()) == REPORT
    assert read_report(tmp_path, "g") == report


def test_a_step_without_a_loss_is_read(tmp_path):
    text = json.dumps({**REPORT, "now": {"0": {**STEP, "loss": float("nan")}}})
    write_report(tmp_path, "g", Report.model_validate_json(text))
    assert math.isnan(read_report(tmp_path, "g").now["0"].loss)


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_report_reads_as_an_empty_one(tmp_path, text):
    (tmp_path / "g.json").write_text(text)
    assert read_report(tmp_path, "g") == Report()


NOTE = {"cluster": "slurm", "id": "77_1", "cells": ["x"], "teacher": "", "needs": ""}


def test_a_note_is_read_as_it_was_written(tmp_path):
    write_note(tmp_path, "g", JobNote.model_validate(NOTE))
    assert json.loads((tmp_path / "g.job").read_text()) == NOTE
    assert read_note(tmp_path / "g.job") == JobNote.model_validate(NOTE)


@pytest.mark.parametrize("id", ["", "../77", "77\n", "7" * 21, "77_", "77; rm"])
def test_an_id_of_a_job_is_a_number(tmp_path, id):
    (tmp_path / "g.job").write_text(json.dumps({**NOTE, "id": id}))
    with pytest.raises(
        BadInput, match=r"g\.job is not a valid job note \('id': .*\); delete it once its job has ended"
    ):
        read_note(tmp_path / "g.job")
