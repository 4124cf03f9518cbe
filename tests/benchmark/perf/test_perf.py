"""``benchmark perf``: functions under comparison alternate, ratios are those of one run, tables show the figures."""

import json
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
import torch

from benchmark.cli.perf import show_perf
from benchmark.perf import measure as perf
from benchmark.perf import steps, timing
from benchmark.perf.report import tables, to_markdown
from modalities.errors import BadInput

CPU = torch.device("cpu")
OF_DEPENDENCIES = ("published chain", "torchvision", "torchaudio", "librosa")  # other ways that are always there


def test_functions_take_turns_and_their_first_call_does_not_count(monkeypatch):
    calls = []
    now = count()
    monkeypatch.setattr(timing, "clock", lambda device: float(next(now)))
    ways = {name: lambda number, name=name: calls.append((name, number)) for name in ("a", "b")}
    seconds = timing.alternate(ways, CPU, rounds=3)
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert seconds == {"a": 1.0, "b": 1.0}


def test_the_median_of_the_rounds_is_kept(monkeypatch):
    moments = iter([0.0, 5.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(timing, "clock", lambda device: next(moments))
    assert timing.alternate({"a": lambda number: None}, CPU, rounds=3) == {"a": 2.0}


@pytest.fixture
def small(monkeypatch):
    """One profile with quick cells, and one round."""
    monkeypatch.setattr(perf, "PROFILES", ("smoke",))
    targets = {"image": "digits", "audio": "fsdd", "video": "ucf101"}
    monkeypatch.setattr(perf, "TARGETS", {name: {"smoke": (target,)} for name, target in targets.items()})
    monkeypatch.setattr(perf, "COMPARED", ())
    once = timing.alternate
    for module in (perf, steps):
        monkeypatch.setattr(module, "alternate", lambda ways, device, rounds=1: once(ways, device, rounds=1))


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_every_policy_is_timed_and_the_ratios_are_those_of_the_figures(small, modality, monkeypatch):
    found = perf.measure([modality], ["recipe.batch=8"], CPU, lambda text: None)
    policies = perf.registry.modality(modality).policies()
    assert [row["policy"] for row in found["segments"]] == list(policies)
    assert all(row["per_second"] > 0 for row in found["segments"])
    compared = [row for row in found["segments"] if row["others"]]
    assert len(compared) == 1
    for row in compared:
        for other in row["others"]:
            installed = find_spec(other["name"].partition(",")[0]) or other["name"].startswith(OF_DEPENDENCIES)
            if installed:
                assert other["ratio"] == pytest.approx(row["per_second"] / other["per_second"])
            else:
                assert other["per_second"] is other["ratio"] is None
    (step,) = found["steps"]
    assert list(step["parts"]) == [*steps.PARTS, "other"]
    assert sum(step["parts"].values()) == pytest.approx(step["step_seconds"])
    rate = (step["teacher_flops"] + step["student_flops"]) / step["step_seconds"]
    assert step["flops_per_second"] == pytest.approx(rate)
    assert step["utilisation"] == pytest.approx(rate / step["matrix_flops_per_second"])
    assert step["overhead"] == pytest.approx(step["step_seconds"] / step["networks_seconds"] - 1)
    assert step["segments_per_second"] == pytest.approx(8 / step["step_seconds"])


def test_the_parts_of_a_step_are_medians_and_add_up_to_the_whole():
    taken = [[1.0, 1.5, 2.0, 3.0, 4.0, 0.5], [1.0, 1.25, 2.5, 3.0, 5.0, 0.5], [2.0, 2.25, 9.0, 1.0, 4.5, 0.5]]
    assert steps.composition(taken, 15.0) == {
        "segments": 1.0, "mixing": 0.25, "teacher forward": 2.5, "student forward": 3.0, "backward": 4.5,
        "update": 0.5, "other": 3.25,
    }  # fmt: skip


def test_the_operations_of_a_step_grow_with_its_batch(small):
    def flops(batch):
        (step,) = perf.measure(["audio"], [f"recipe.batch={batch}"], CPU, lambda text: None)["steps"]
        return step["teacher_flops"], step["student_flops"]

    few, many = flops(4), flops(12)
    assert many == (3 * few[0], 3 * few[1])
    assert few[1] > 2.5 * few[0], "the student's pass backward costs about two passes forward"


def test_an_unknown_modality_is_refused_with_the_nearest():
    with pytest.raises(BadInput, match="image"):
        show_perf(["imagery"], [], device="cpu", format="text", out=None)


def test_a_refused_setting_comes_back_from_the_process_that_measures():
    with pytest.raises(BadInput, match=r"recipe\.batch"):
        show_perf(["image"], ["recipe.bacth=8"], device="cpu", format="text", out=None)


def test_a_process_that_ends_early_is_one_sentence():
    with pytest.raises(BadInput, match="ended early, with exit code 1"):
        show_perf(["image"], [], device="nowhere", format="text", out=None)


def test_the_tables_and_the_files_hold_what_was_measured(tmp_path, monkeypatch, capsys):
    row = {"modality": "image", "profile": "demo", "policy": "published", "shape": [3, 32, 32], "per_second": 51234.5,
           "peak_memory_bytes": 3 * 2**20,
           "others": [{"name": "another", "per_second": 12.34, "ratio": 4151.9},
                      {"name": "a third", "per_second": None, "ratio": None}]}  # fmt: skip
    step = {"modality": "image", "profile": "demo", "target": "cifar10", "teacher": "a", "student": "b", "batch": 128,
            "step_seconds": 0.05, "networks_seconds": 0.04, "overhead": 0.25, "segments_per_second": 2560.0,
            "peak_memory_bytes": 5 * 2**20, "precision": "float32", "parts": {"segments": 0.01, "other": 0.04},
            "teacher_flops": 1e9, "student_flops": 2.5e9, "flops_per_second": 70e9, "matrix_flops_per_second": 100e9,
            "utilisation": 0.7}  # fmt: skip
    item = {
        "modality": "image",
        "profile": "demo",
        "target": "cifar10",
        "network": "b",
        "items": 500,
        "items_per_second": 8203.0,
        "peak_memory_bytes": 7 * 2**20,
    }
    found = {"segments": [row], "steps": [step], "evaluation": [item], "machine": {"device": "a CPU", "clock": "CPU"}}
    monkeypatch.setattr("benchmark.perf.child_process.measure_in_subprocess", lambda *given: dict(found))
    show_perf(["image"], [], device="cpu", format="json", out=tmp_path)
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "perf-image-cpu.json").read_text())
    assert printed["segments"] == [row]
    page = (tmp_path / "perf-image-cpu.md").read_text()
    assert page == to_markdown(printed)
    assert "`benchmark perf --modality image`" in page
    assert "| image | demo | published | 3×32×32 | another | 12.3 | 4151.9 |  |" in page
    assert "| image | demo | cifar10 | a → b | 128 | 50.0 | 40.0 | 25.0 | 2,560 | 5 |" in page
    assert "| image | demo | published | 3×32×32 | a third | not installed |  |  |" in page
    assert "| image | demo | cifar10 | 50.0 | 10.0 [20] | 40.0 [80] |" in page
    assert "| image | demo | cifar10 | float32 | 1 | 2.5 | 70.0 | 100.0 | 70 |" in page
    assert [title.split()[0] for title, _, _ in tables(printed)] == [
        "Segments", "Steps", "What", "Operations", "Evaluation"
    ]  # fmt: skip


def test_the_page_in_the_repository_is_that_of_its_figures():
    (path,) = (Path(__file__).parents[3] / "results" / "measured" / "perf").glob("*.json")
    assert path.with_suffix(".md").read_text() == to_markdown(json.loads(path.read_text()))
