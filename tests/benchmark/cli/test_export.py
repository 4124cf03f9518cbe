"""``benchmark export``: a cell by a part of its id, files in a folder, a table on the terminal."""

from __future__ import annotations

import json

import pytest

from benchmark.export import onnx_files


def words(ran, *more):
    return ["export", ran.record.id[-8:], "--results", ran.store.root.parent, "--source", ran.cell.source_path, *more]


def test_a_student_is_written_and_its_figures_printed(benchmark, ran, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = benchmark(*words(ran, "--format", "safetensors"))
    assert code == 0, err
    folder = tmp_path / f"export-{ran.record.id}"
    assert {path.name for path in folder.iterdir()} == {"student.safetensors", "model-card.md", "report.json"}
    assert f"{100 * ran.record.metrics['top1']:.2f}" in out and "student.safetensors" in out
    assert out.endswith(f"wrote export-{ran.record.id}\n")


def test_formats_and_calibrations_are_lists(benchmark, ran, tmp_path):
    for package in onnx_files.PACKAGES:
        pytest.importorskip(package, reason="needs the extra 'export'")
    code, out, err = benchmark(*words(ran, "--out", tmp_path, "--format", "onnx,int8", "--calibrate", "datum,noise"))
    assert code == 0, err
    names = {"student.onnx", "student-int8.onnx", "student-int8-noise.onnx", "model-card.md", "report.json"}
    assert {path.name for path in tmp_path.iterdir()} == names and all(name in out for name in names if "onnx" in name)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["cell"] == ran.record.id
    assert "WARNING" not in out + err and "Warning" not in out + err


def test_wrong_requests_exit_2_with_one_sentence_before_anything_is_loaded(benchmark, ran, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.running.finished.load_finished", lambda *a, **k: pytest.fail("it was loaded"))
    code, _, err = benchmark(*words(ran, "--out", tmp_path, "--format", "onx"))
    assert (code, err.count("\n")) == (2, 1) and "there is no format named 'onx'" in err
    monkeypatch.setattr(onnx_files, "find_spec", lambda name: None)
    code, _, err = benchmark(*words(ran, "--out", tmp_path))
    assert (code, err.count("\n")) == (2, 1) and "[export]" in err


def test_a_cell_that_is_not_there_exits_2(benchmark, ran):
    code, _, err = benchmark("export", "nothing", "--results", ran.store.root.parent, "--format", "safetensors")
    assert code == 2 and "there is no cell named 'nothing'" in err
