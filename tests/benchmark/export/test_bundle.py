"""The folder of an exported cell: what is in it, that every file was checked, and that test items calibrate nothing."""

from __future__ import annotations

import json
import re
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmark.data.batches import Batches
from benchmark.export import bundle, onnx_files
from benchmark.export.bundle import CALIBRATIONS, FILES, FORMATS, export_cell
from benchmark.export.onnx_files import to_onnx
from benchmark.export.quantise import BATCH, STEPS
from benchmark.running.finished import FinishedCell
from modalities.errors import BadInput


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_format_is_a_file_and_the_report_says_what_is_in_it(found, exported):
    folder, report = exported
    assert files(folder) == {*FILES.values(), "report.json", "model-card.md"}
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == json.loads(json.dumps(report))
    models = report["models"]
    assert list(models) == [*FILES, "teacher"]
    for name, file in FILES.items():
        assert models[name]["file"] == file and models[name]["bytes"] == (folder / file).stat().st_size
        assert 0 < models[name]["seconds_per_item"] < 60
    assert models["torch"]["top1"] == report["recorded_top1"] == found.record.metrics["top1"]
    assert models["onnx"]["agreement"] == 1 and models["onnx"]["largest_difference"] < 1e-4
    assert models["int8"]["bytes"] < models["onnx"]["bytes"] and models["int8"]["agreement"] > 0.9
    assert models["teacher"]["top1"] == found.record.controls["teacher_top1"]
    assert report["classes"] == [str(digit) for digit in range(10)] and report["input"] == [3, 8, 8]
    assert report["test_items"] == 365 and report["calibration_segments"] == BATCH * STEPS
    assert report["student"]["parameters"] == sum(weight.numel() for weight in found.student.parameters())
    assert set(report["made"]["libraries"]) == {"torch", "onnx", "onnxscript", "onnxruntime"}


def test_weights_are_those_of_the_student(found, exported):
    weights = load_file(exported.folder / FILES["torch"])
    state = found.student.state_dict()
    assert weights.keys() == state.keys() and all(torch.equal(weights[name], state[name]) for name in state)


def test_an_onnx_model_that_differs_from_torch_is_refused_and_no_file_is_left(found, needs_onnx, tmp_path, monkeypatch):
    def wrong(network, shape):
        other = found.new_student(0)
        other.load_state_dict(network.state_dict())
        with torch.no_grad():
            list(other.parameters())[-1][0] += 0.05
        return to_onnx(other.eval(), shape)

    monkeypatch.setattr(bundle, "to_onnx", wrong)
    for formats in (("onnx",), ("safetensors", "int8")):
        with pytest.raises(BadInput, match="computes other logits than torch"):
            export_cell(found, tmp_path / "new", formats)
        assert not (tmp_path / "new").exists()


class Blank:
    """The test items of a cell, all of them black."""

    def __init__(self, data) -> None:
        self.labels, self.item_ids, self.groups, self._data = data.labels, data.item_ids, data.groups, data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index):
        item = self._data[index]
        return item._replace(data=torch.zeros_like(item.data))


def test_int8_is_the_same_file_whatever_the_test_items_are(found, exported, tmp_path, monkeypatch):
    usual = found.test_items()
    monkeypatch.setattr(FinishedCell, "test_items", lambda self: Batches(Blank(usual.data), usual.order, usual.steps))
    report = export_cell(found, tmp_path, ("int8",), CALIBRATIONS)
    assert report["models"]["torch"]["top1"] != exported.report["models"]["torch"]["top1"], "they were replaced"
    for name in ("int8", "int8-noise"):
        assert (tmp_path / FILES[name]).read_bytes() == (exported.folder / FILES[name]).read_bytes()
    assert not (tmp_path / FILES["onnx"]).exists() and not (tmp_path / FILES["torch"]).exists()
    assert report["models"]["onnx"]["file"] is None and report["models"]["torch"]["file"] is None


def test_int8_is_calibrated_on_the_segments_that_the_student_saw_or_on_those_of_noise(found, needs_onnx, monkeypatch):
    seen = []

    def spy(model, segments):
        seen.append([segments.batch(step) for step in range(STEPS)])
        return model

    monkeypatch.setattr(bundle, "quantise", spy)
    monkeypatch.setattr(bundle, "to_onnx", lambda network, shape: b"")
    bundle._models(found, ("int8",), CALIBRATIONS)
    datum, noise = seen
    stream = found.segments(BATCH)
    assert all(torch.equal(batch, stream.batch(step)) for step, batch in enumerate(datum))
    config, cpu = found.cell.config, torch.device("cpu")
    modality = found.cell.modality
    of_noise = modality.stream(
        modality.load_source("noise", config.view, cpu), config.view, config.policy, batch_size=BATCH, seed=0,
        device=cpu,
    )  # fmt: skip
    assert all(torch.equal(batch, of_noise.batch(step)) for step, batch in enumerate(noise))


def test_items_are_scored_on_the_threads_of_the_cell_and_timed_on_one(found, monkeypatch):
    threads = []

    def spy(model, count):
        threads.append(count)
        return found.student

    monkeypatch.setattr(bundle, "onnx_function", spy)
    config = deepcopy(found.cell.config)
    config.threads = 2
    two = replace(found, cell=replace(found.cell, config=config))
    rows = bundle._measured(two, {"torch": b"", "onnx": b"model"})
    assert threads == [2, 1] and rows["onnx"]["bytes"] == 5


def test_a_student_of_bfloat16_is_exported_in_float32(cells, tmp_path, needs_onnx):
    from benchmark.records.store import Store
    from benchmark.running.finished import load_finished
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import IgnoreProgress

    (cell,) = cells("recipe.precision=bfloat16", "student.network=resnet-s-8", "recipe.steps=4")
    record = run_cell(cell, Store(tmp_path / "smoke"), device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    found = load_finished(tmp_path, record.id, Path("nowhere"), torch.device("cpu"), source=cell.source_path)
    report = export_cell(found, tmp_path / "out", ("safetensors", "onnx"))
    assert {weight.dtype for weight in load_file(tmp_path / "out" / FILES["torch"]).values()} <= {
        torch.float32, torch.int64
    }  # fmt: skip
    assert report["models"]["onnx"]["largest_difference"] < 1e-4
    assert report["models"]["torch"]["top1"] == record.metrics["top1"]


def test_safetensors_alone_need_no_further_package(found, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_files, "find_spec", lambda name: None)
    report = export_cell(found, tmp_path, ("safetensors",))
    assert files(tmp_path) == {FILES["torch"], "report.json", "model-card.md"}
    assert list(report["models"]) == ["torch", "teacher"] and set(report["made"]["libraries"]) == {"torch"}
    for formats in (("onnx",), ("safetensors", "int8")):
        with pytest.raises(BadInput, match=r"need onnx and onnxscript and onnxruntime; pip install '[\w-]+\[export\]'"):
            export_cell(found, tmp_path, formats)


@pytest.mark.parametrize(
    ("formats", "calibrations", "message"),
    [
        (("onx",), ("datum",), "there is no format named 'onx'; did you mean onnx"),
        (FORMATS, ("nois",), "there is no calibration named 'nois'; did you mean noise"),
        ((), ("datum",), "name at least one format: safetensors, onnx, int8"),
        (FORMATS, (), "name at least one calibration: datum, noise"),
    ],
)
def test_names_that_do_not_exist_are_refused(found, tmp_path, formats, calibrations, message):
    with pytest.raises(BadInput, match=message):
        export_cell(found, tmp_path / "new", formats, calibrations)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_named(found, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadInput, match=r"taken.* cannot be written .*; choose another folder"):
        export_cell(found, tmp_path / "taken", ("safetensors",))


def test_the_python_of_the_docs_runs_as_it_stands(ran, needs_onnx, tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[3] / "docs/export.md").read_text(encoding="utf-8")
    (page,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shutil.copytree(ran.store.root, tmp_path / "results/local/smoke")
    shutil.copy(ran.cell.source_path, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(page, "export.md", "exec"), {})  # the page is ours
    assert capsys.readouterr().out == "1.0\n"
    assert files(tmp_path / "student") == {FILES["torch"], FILES["onnx"], "report.json", "model-card.md"}
