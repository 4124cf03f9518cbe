"""A saved teacher judges sources without a student, and only a whole teacher does."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.evaluation.teacher_only import teacher_only
from benchmark.records.store import TEACHER_NOTES, TEACHER_WEIGHTS, Store
from benchmark.running.screening import SEGMENTS, saved_teacher, screen
from modalities.errors import BadInput

CPU = torch.device("cpu")


def test_figures_are_those_of_the_cells_teacher_on_the_cells_segments(ran):
    teacher = saved_teacher(ran.cell, ran.store, CPU)
    assert teacher is not None and not teacher.training
    cell, modality = ran.cell, ran.cell.modality
    source = modality.load_source(cell.source_path, cell.config.view, CPU)
    stream = modality.stream(
        source, cell.config.view, cell.config.policy, batch_size=64, seed=cell.key.seed, device=CPU
    )
    with torch.no_grad():
        parts = [torch.softmax(teacher(stream.batch(step)), 1).numpy() for step in range(SEGMENTS // 64)]
    expected = teacher_only(np.concatenate(parts))
    assert screen(cell, cell.source_path, teacher, CPU) == pytest.approx(expected, rel=1e-5)
    assert screen(cell, "noise", teacher, CPU) != expected


def test_the_policy_and_its_steps_count(ran):
    teacher = saved_teacher(ran.cell, ran.store, CPU)
    off = replace(ran.cell.config.policy, off=("crop",))
    other = replace(ran.cell, config=replace(ran.cell.config, policy=off))
    assert screen(other, "china", teacher, CPU) != screen(ran.cell, "china", teacher, CPU)


def test_a_source_that_cannot_be_used_is_refused(ran):
    with pytest.raises(BadInput, match="there is no file"):
        screen(ran.cell, "missing.png", saved_teacher(ran.cell, ran.store, CPU), CPU)


@pytest.mark.parametrize("damaged", [TEACHER_NOTES, TEACHER_WEIGHTS])
def test_a_teacher_that_is_missing_or_damaged_is_none(ran, tmp_path, damaged):
    store = Store(tmp_path / "smoke")
    assert saved_teacher(ran.cell, store, CPU) is None
    folder = store.teacher(ran.cell.teacher_key)
    shutil.copytree(ran.store.teacher(ran.cell.teacher_key), folder)
    assert saved_teacher(ran.cell, store, CPU) is not None
    content = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(content[:-9] + b"000000000")
    assert saved_teacher(ran.cell, store, CPU) is None
