"""Tests of a copy of the project, each run in a process forked from one that has the heavy libraries loaded."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRONG_COPY = 70  # exit status
WAIT = 20  # times the limit of processor time: a busy machine may be as slow as that
OWN = ("benchmark", "modalities", "tests", "conftest", "scripts")


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended: ``passed``, ``failed`` (at the test ``first``), ``timeout`` or ``crashed``."""

    how: str
    first: str
    seconds: float  # of processor time
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


def run_tests(copy: Path, tests: Sequence[str], cache: Path | None, limit: int) -> Outcome:
    """Run tests in a copy of the project until one fails, or ``limit`` seconds of processor time are over.

    ``cache`` has compiled kernels; None: compile all anew. A run that waits for ever ends after WAIT times the limit.
    Raise RuntimeError if it tested another copy.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            os.setsid()  # so that what it starts ends with it
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            code = WRONG_COPY
            try:
                code = _test_in_child(copy, tests, cache or Path(folder) / "kernels", told)
            finally:
                os._exit(code)
        ended, status, usage = os.wait4(child, os.WNOHANG)
        while not ended and time.monotonic() - started < WAIT * limit:
            time.sleep(0.02)
            ended, status, usage = os.wait4(child, os.WNOHANG)
        _end_group(child)
        if not ended:
            _, status, usage = os.wait4(child, 0)
        notes = json.loads(told.read_text()) if told.exists() else {}
    code = os.waitstatus_to_exitcode(status)
    if code == WRONG_COPY:
        raise RuntimeError(f"{copy} was not what its tests imported")
    over = not ended or code in (-signal.SIGKILL, -signal.SIGXCPU)
    how = "timeout" if over else {0: "passed", 1: "failed", 2: "failed", 4: "failed"}.get(code, "crashed")
    return Outcome(how, notes.get("first", ""), usage.ru_utime + usage.ru_stime, tuple(notes.get("imported", ())))


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
    if project is not None and not Path(str(project.__file__)).is_relative_to(copy):
        return WRONG_COPY
    imported = [name for name, module in sys.modules.items() if _is_library(name, module)]
    told.write_text(json.dumps({"first": watch.first, "imported": imported}))
    return code


def _is_library(name: str, module: Any) -> bool:
    return name.partition(".")[0] not in (*OWN, "__main__") and getattr(module, "__spec__", None) is not None
