"""The command that mutates what the numbers rest on: its plan fits the project, and its figures are good enough."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "mutation"


@pytest.fixture
def script(monkeypatch):
    """Import one of the scripts by its name."""
    monkeypatch.syspath_prepend(SCRIPTS)
    yield lambda name: __import__(name)
    for name in ("modules", "mutants"):
        sys.modules.pop(name, None)


def test_every_module_and_every_test_of_the_plan_is_there(script):
    plan = script("modules")
    assert set(plan.MODULES) >= plan.IN_KERNELS
    for module, tests in plan.MODULES.items():
        assert tests
        for path in (module, *tests):
            assert (ROOT / path).is_file(), path


def test_every_judged_mutant_is_of_lines_that_are_there(script):
    judged = tomllib.loads((SCRIPTS / "equivalent.toml").read_text(encoding="utf-8"))["mutant"]
    for known in judged:
        assert set(known) == {"module", "before", "after", "reason"}
        lines = " ".join(line.strip() for line in (ROOT / known["module"]).read_text(encoding="utf-8").splitlines())
        assert known["before"] in lines, known
        assert known["before"] != known["after"] and known["reason"]


def test_nine_of_ten_mutants_are_killed_and_no_survivor_is_unjudged(script):
    found = json.loads((ROOT / "results/measured/mutation/mutation.json").read_text(encoding="utf-8"))
    assert set(found["modules"]) == set(script("modules").MODULES)
    assert found["share"] >= 0.9
    for module, of in found["modules"].items():
        assert of["killed"] + len(of["survivors"]) == of["tried"] <= of["mutants"], module
        assert all(survivor["verdict"].startswith("equivalent: ") for survivor in of["survivors"]), module


SOURCE = '''\
def grow(size: int | None, by: float = 2) -> int | None:
    """A docstring with 7 and a | b."""
    return size + by if size is not None and size > 0 else None
'''


def test_mutants_change_code_and_neither_annotations_nor_arithmetic_into_bits(script, tmp_path):
    pytest.importorskip("cosmic_ray")
    mutants = script("mutants")
    (tmp_path / "grow.py").write_text(SOURCE)
    found, number = mutants.sample(tmp_path, "grow.py", 100, 0)
    assert 6 < len(found) < number
    assert len({(mutant.operator.split("_")[0], mutant.place) for mutant in found}) == len(found)
    changes = [mutant.change(SOURCE) for mutant in found]
    assert all(before != after for before, after in changes)
    for before, after in changes:
        assert "int | None" in after or before.startswith("return"), "annotations are as they were"
        assert not any(bits in after for bits in ("size | by", "size & by", "size ^ by", "size << by", "size >> by"))
    few, _ = mutants.sample(tmp_path, "grow.py", 3, 0)
    assert len(few) == 3 and set(few) < set(found)
    assert few == mutants.sample(tmp_path, "grow.py", 3, 0)[0]
    assert few != mutants.sample(tmp_path, "grow.py", 3, 1)[0]


def test_a_run_that_fails_ends_in_a_signal_or_never_ends_is_told_from_one_that_passes(tmp_path):
    bodies = {
        "passed": "assert True", "failed": "assert False", "crashed": "import os; os.abort()",
        "timeout": "while True: pass",
    }  # fmt: skip
    for how, body in bodies.items():
        (tmp_path / f"test_{how}.py").write_text(f"def test_it():\n    {body}\n")
    (tmp_path / "test_broken.py").write_text("import nothing_of_this_name\n")
    code = (
        "import sys; from pathlib import Path; import numba, hypothesis, pytest, warm\n"
        "for how in sys.argv[2:]: print(warm.run_tests(Path(sys.argv[1]), [f'test_{how}.py'], None, 8).how)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *bodies, "broken"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=SCRIPTS)
    assert done.stdout.split() == [*bodies, "failed"]
