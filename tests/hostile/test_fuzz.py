"""Damaged files are decoded or refused in one sentence; and the fuzzer itself notices everything else."""

from __future__ import annotations

import faulthandler
import json
import os
import random
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modalities.errors import BadInput

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "fuzz"
QUICK = (
    "jpeg", "png", "wav", "vorbis", "mp4", "cifar", "mat-labels-zip", "tar", "zip", "safetensors", "record",
    "files-csv",
)  # fmt: skip


@pytest.fixture
def fuzzer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of the fuzzer, by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setenv("BENCHMARK_CACHE", os.environ["BENCHMARK_CACHE"])  # which the fuzzer changes
    return SimpleNamespace(**{name: import_module(name) for name in ("blind", "decoders", "judge", "mutate")})


def run(*words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "run.py"), *words], capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return rows


def test_a_few_damaged_files_of_every_kind_are_decoded_or_refused(tmp_path: Path) -> None:
    rows = run("--files", "30", "--decoders", ",".join(QUICK), "--jobs", "1", "--keep", str(tmp_path))
    assert [row["decoder"] for row in rows] == list(QUICK)
    for row in rows:
        assert row["decoded"] + row["refused"] == row["files"] == 30, row
        assert row["refused"] > 0, "not every damaged file can still decode"


def test_every_decoder_reads_the_whole_files_that_are_damaged_for_it(tmp_path: Path) -> None:
    """A whole file that the code no longer reads would otherwise go unnoticed until everything is fuzzed again."""
    rows = run("--files", "0", "--jobs", "1", "--keep", str(tmp_path))
    assert len(rows) > 40
    assert all(row["seeds"] > 0 for row in rows)


@pytest.mark.slow
def test_ten_thousand_damaged_files_per_decoder_are_decoded_or_refused(tmp_path: Path) -> None:
    for row in run("--files", "10000", "--keep", str(tmp_path)):
        assert row["decoded"] + row["refused"] == row["files"] == 10_000, row


def log_of(name: str) -> list[dict[str, Any]]:
    rows = json.loads((ROOT / "results" / "measured" / "robustness" / f"{name}.json").read_text())["decoders"]
    assert all(row["files"] >= 10_000 for row in rows)
    return rows


def test_the_log_in_the_repository_has_ten_thousand_files_for_every_decoder_and_no_fault(fuzzer: Any) -> None:
    rows = log_of("fuzz")
    assert [row["decoder"] for row in rows] == list(fuzzer.decoders.DECODERS)
    assert not any(map(fuzzer.judge.faults_in, rows))


def test_the_log_of_guided_files_has_ten_thousand_for_each_decoder_in_it_and_no_fault(fuzzer: Any) -> None:
    rows, decoders = log_of("guided"), fuzzer.decoders.DECODERS
    assert (
        {"cifar", "mat-kit", "tar", "zip", "checkpoint", "record"} <= {row["decoder"] for row in rows} <= set(decoders)
    )
    assert not any(map(fuzzer.judge.faults_in, rows))


def test_a_log_is_continued_and_keeps_the_rows_of_other_decoders(fuzzer: Any, tmp_path: Path) -> None:
    log = tmp_path / "fuzz.json"
    log.write_bytes((ROOT / "results" / "measured" / "robustness" / "fuzz.json").read_bytes())
    before = json.loads(log.read_text())
    png = {**next(row for row in before["decoders"] if row["decoder"] == "png"), "decoded": 0, "refused": 9_999}
    fuzzer.judge.write_log(tmp_path, fuzzer.blind, [png], "a command")
    after = json.loads(log.read_text())
    assert after["decoders"] == [png if row["decoder"] == "png" else row for row in before["decoders"]]
    assert (after["files"], after["faults"]) == (before["files"], 1)


def test_guided_files_are_decoded_or_refused_and_reach_more_of_the_code(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed (extra 'fuzz')")
    (row,) = run("--guided", "--files", "300", "--decoders", "tar", "--keep", str(tmp_path))
    assert row["decoded"] + row["refused"] == row["files"] >= 300
    assert row["coverage"] > row["first_coverage"] > 0


def test_a_damaged_file_depends_on_seed_and_number_alone(fuzzer: Any) -> None:
    mutated = fuzzer.mutate.mutated
    whole = [bytes(range(256)), b"another" * 30]
    made = [mutated(whole, random.Random(f"0/x/{number}")) for number in range(50)]
    assert made == [mutated(whole, random.Random(f"0/x/{number}")) for number in range(50)]
    assert len(set(made)) > 45
    assert whole == [bytes(range(256)), b"another" * 30]


def _refuse(root: Path) -> None:
    raise BadInput("it is refused")


def _raise(root: Path) -> None:
    raise KeyError("a fault")


def _crash(root: Path) -> None:
    faulthandler.disable()  # pytest's, which would fill the log
    os.kill(os.getpid(), signal.SIGSEGV)


def _spin(root: Path) -> None:
    while True:
        pass


def _grow(root: Path) -> None:
    assert bytearray(4 << 30)


def _grow_and_refuse(root: Path) -> None:
    try:
        _grow(root)
    except Exception as error:
        raise BadInput("it is damaged") from error


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (_refuse, {"refused": 3, "other_exceptions": 0, "crashes": 0, "hangs": 0}),
        (_raise, {"refused": 0, "other_exceptions": 3, "crashes": 0, "hangs": 0}),
        (_crash, {"refused": 0, "other_exceptions": 0, "crashes": 3, "hangs": 0}),
        (_spin, {"refused": 0, "other_exceptions": 0, "crashes": 0, "hangs": 3}),
        (_grow, {"refused": 0, "other_exceptions": 3, "crashes": 0, "hangs": 0}),
        (_grow_and_refuse, {"refused": 0, "other_exceptions": 3, "crashes": 0, "hangs": 0}),
    ],
    ids=["refusal", "exception", "crash", "hang", "memory", "memory behind a refusal"],
)
def test_the_fuzzer_distinguishes_a_refusal_from_every_kind_of_fault_and_keeps_the_file(
    fuzzer: Any, read: Any, expected: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def whole_first(root: Path) -> None:  # the whole file decodes; the damaged ones meet the fault
        seen.append(root)
        if len(seen) > 1:
            read(root)

    own = fuzzer.decoders.Decoder("own", "a test", "item.bin", lambda root: [b"whole" * 20], whole_first)
    monkeypatch.setitem(fuzzer.decoders.DECODERS, "own", own)
    monkeypatch.setattr(fuzzer.blind, "CPU_SECONDS", 0.3)
    row = fuzzer.blind.fuzz("own", 3, 0, tmp_path / "kept")
    assert {name: row[name] for name in expected} == expected
    faults = 3 - row["refused"]
    assert fuzzer.judge.faults_in(row) == faults
    assert len(list(tmp_path.glob("kept/*.why"))) == len(list(tmp_path.glob("kept/*.bin"))) == faults
