"""The model card: its code runs, its figures are the record's, and a stand-in is not mistaken for the dataset."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.export.card import model_card


@pytest.fixture(scope="session")
def card(exported) -> str:
    return (exported.folder / "model-card.md").read_text(encoding="utf-8")


def with_record(found, **changed):
    return replace(found, record=replace(found.record, **changed))


def test_the_code_of_the_card_runs_and_gives_the_students_logits(found, exported, card, monkeypatch, capsys):
    monkeypatch.chdir(exported.folder)
    by_torch, by_onnx = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(by_torch, "model-card.md", "exec"), names)  # the card is ours
    black = torch.zeros((1, 3, 8, 8), dtype=torch.uint8)
    with torch.inference_mode():
        wanted = found.student(found.cell.modality.prepare(black, found.cell.config.view))
    torch.testing.assert_close(names["logits"], wanted)
    assert capsys.readouterr().out == f"{int(wanted.argmax())}\n"

    names = {}
    exec(compile(by_onnx, "model-card.md", "exec"), names)
    with torch.inference_mode():
        wanted = found.student(torch.zeros(1, 3, 8, 8))
    np.testing.assert_allclose(names["logits"], wanted.numpy(), rtol=1e-4, atol=1e-4)
    assert capsys.readouterr().out == f"{int(wanted.argmax())}\n"


def test_it_says_what_the_student_is_and_how_good(found, card):
    record, metrics = found.record, found.record.metrics
    for text in (
        "(`digits`), 10 classes", record.source["sha256"], f"`{record.student}`", f"`{record.teacher}`",
        f"`{record.recipe}`", f"{record.segments:,} (40 steps of 16)", f"`{record.id}`", "CC BY 4.0",
        f"| top-1 | {100 * metrics['top1']:.1f} % [{100 * metrics['top1_low']:.1f}–{100 * metrics['top1_high']:.1f}] |",
        f"| the teacher's top-1 | {100 * metrics['teacher_top1']:.1f} % |", "@misc{alpaydin1998optical",
        "`student-int8.onnx`", "trained on the target's training split",
    ):  # fmt: skip
        assert text in card, text
    assert record.deviations and all(f"- {text}\n" in card for text in record.deviations)


def test_a_stand_in_and_a_control_are_marked_and_nothing_else_is(found, exported, card):
    assert not any(word in card for word in ("STAND-IN", "CONTROL", "METHOD"))
    assert "> **STAND-IN.**" in model_card(with_record(found, data="stand-in"), exported.report)
    source = {**found.record.source, "name": "real-training-items:one-per-class"}
    assert "> **CONTROL.**" in model_card(with_record(found, source=source), exported.report)


def test_a_method_and_a_network_of_ones_own_are_named_without_their_folders(found, exported):
    config = deepcopy(found.cell.config)
    config.method, config.student.network = "/home/someone/mine.py", "/home/someone/net.py"
    text = model_card(replace(found, cell=replace(found.cell, config=config)), exported.report)
    assert "> **METHOD.** Its inputs were made by `mine`" in text
    assert 'modality.network("net.py", view' in text and "someone" not in text


def test_a_name_from_outside_stays_within_its_code(found, exported):
    source = {**found.record.source, "name": "a`b\n# heading"}
    assert "\n- datum: `a'b\\n# heading`, " in model_card(with_record(found, source=source), exported.report)


def test_records_of_earlier_versions_have_a_card_too(found, exported):
    metrics = {key: value for key, value in found.record.metrics.items() if not key.startswith("mean_per_class_")}
    text = model_card(with_record(found, metrics=metrics), exported.report)
    assert f"| mean over classes | {100 * metrics['mean_per_class']:.1f} % |" in text
