"""``benchmark perf``: functions under comparison alternate, ratios are those of one run, tables show the figures."""

import json
from itertools import count
from pathlib import Path

import pytest
import torch

from benchmark.cli.perf import show_perf
from benchmark.perf import measure as perf
from benchmark.perf import timing
from benchmark.perf.report import tables, to_markdown
from modalities.errors import BadInput

CPU = torch.device("cpu")


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
    monkeypatch.setattr(perf, "alternate", lambda ways, device, rounds=1: once(ways, device, rounds=1))


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
            assert other["ratio"] == pytest.approx(row["per_second"] / other["per_second"])
    (step,) = found["steps"]
    assert step["overhead"] == pytest.approx(step["step_seconds"] / step["networks_seconds"] - 1)
    assert step["segments_per_second"] == pytest.approx(8 / step["step_seconds"])


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
           "others": [{"name": "another", "per_second": 12.34, "ratio": 4151.9}]}  # fmt: skip
    step = {"modality": "image", "profile": "demo", "target": "cifar10", "teacher": "a", "student": "b", "batch": 128,
            "step_seconds": 0.05, "networks_seconds": 0.04, "overhead": 0.25, "segments_per_second": 2560.0,
            "peak_memory_bytes": 5 * 2**20}  # fmt: skip
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
    assert [title for title, _, _ in tables(printed)] == ["Segments", "Steps", "Evaluation of stand-ins"]


def test_the_page_in_the_repository_is_that_of_its_figures():
    (path,) = (Path(__file__).parents[3] / "results" / "measured" / "perf").glob("*.json")
    assert path.with_suffix(".md").read_text() == to_markdown(json.loads(path.read_text()))
