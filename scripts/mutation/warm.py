"""Tests of a copy of the project, each run in a process forked from one that has the heavy libraries loaded."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWN = ("benchmark", "modalities", "tests", "conftest", "scripts")


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended: ``passed``, ``failed`` (at the test ``first``), ``timeout`` or ``crashed``."""

    how: str
    first: str
    seconds: float
    imported: tuple[str, ...]  # modules of others that the run loaded


class _Watch:
    """A pytest plug-in that notes the first test that fails."""

    first = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = f"{report.nodeid} (collection)"


def preload(names: Sequence[str]) -> None:
    """Import modules of others here, so that forked processes need not."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # a module that can be imported as a part of another alone
            continue
    gc.collect()
    gc.freeze()  # forked processes pass over all of this when they collect garbage


def run_tests(copy: Path, tests: Sequence[str], cache: Path | None, timeout: float) -> Outcome:
    """Run tests in a copy of the project until one fails; ``cache`` has compiled kernels, None: compile all anew."""
    with tempfile.TemporaryDirectory() as folder:
        return _run_tests(copy, tests, cache, timeout, Path(folder))


def _run_tests(copy: Path, tests: Sequence[str], cache: Path | None, timeout: float, folder: Path) -> Outcome:
    told = folder / "told.json"
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()  # so that what it starts ends with it
        code = 70
        try:
            code = _test_in_child(copy, tests, cache or folder / "kernels", told)
        finally:
            os._exit(code)
    status = None
    while status is None and time.monotonic() - started < timeout:
        ended, raw = os.waitpid(child, os.WNOHANG)
        status = raw if ended else None
        time.sleep(0.02)
    _end_group(child)
    if status is None:
        os.waitpid(child, 0)
    notes = json.loads(told.read_text()) if told.exists() else {}
    ended_with = None if status is None else os.waitstatus_to_exitcode(status)
    how = {None: "timeout", 0: "passed", 1: "failed", 2: "failed"}.get(ended_with, "crashed")
    return Outcome(how, notes.get("first", ""), time.monotonic() - started, tuple(notes.get("imported", ())))


def _end_group(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def _test_in_child(copy: Path, tests: Sequence[str], cache: Path, told: Path) -> int:
    import hypothesis
    import numba
    import pytest

    # The same examples in every run, and no time spent on making a failing one small.
    checks, phases = [hypothesis.HealthCheck.too_slow], [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "mutants", deadline=None, suppress_health_check=checks, phases=phases, database=None
    )
    numba.config.CACHE_DIR = str(cache)  # type: ignore[attr-defined]
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ["PYTHONPATH"] = str(copy)  # for the processes that tests start
    tempfile.tempdir = os.environ["TMPDIR"] = str(told.parent)  # removed after the run
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    watch = _Watch()
    plain = [f"-pno:{name}" for name in ("cacheprovider", "xdist", "unraisableexception", "threadexception")]
    wanted = ["-o", "addopts=--import-mode=importlib -m 'not slow'", "-x", "-q"]
    options = [*plain, *wanted, "--hypothesis-seed=0", "--hypothesis-profile=mutants"]
    code = int(pytest.main([*options, *tests], plugins=[watch]))
    project = sys.modules.get("modalities")
    if project is None or not Path(str(project.__file__)).is_relative_to(copy):
        return 70  # another copy of the project was tested
    imported = [name for name, module in sys.modules.items() if _is_library(name, module)]
    told.write_text(json.dumps({"first": watch.first, "imported": imported}))
    return code


def _is_library(name: str, module: Any) -> bool:
    return name.partition(".")[0] not in (*OWN, "__main__") and getattr(module, "__spec__", None) is not None
