"""The audit of dependencies: known vulnerabilities are reported, and a silent source is never taken for good news."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit.sh"
KNOWN = '{"dependencies": [{"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "X", "fix_versions": ["2.7"]}]}]}'
SILENT = '{"dependencies": [{"name": "jinja2", "skip_reason": "not found"}]}'
GOOD = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}'
BAD = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "GHSA-1", "fix_versions": ["2"]}]}]}'

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the script is one for bash")


@pytest.fixture
def audit(tmp_path) -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    """Run the script beside a pip-audit that gives one answer for the canary and one for what is installed."""

    def run(canary: str, installed: str) -> subprocess.CompletedProcess[str]:
        for name, text in (("canary", canary), ("installed", installed)):
            (tmp_path / name).write_text(text)
        program = tmp_path / "pip-audit"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *canary.txt*) cat {tmp_path}/canary ;; *) cat {tmp_path}/installed ;; esac\n'
        )
        program.chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
        return subprocess.run([SCRIPT], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("answer", [SILENT, ""], ids=["a mirror with packages only", "no network"])
def test_a_source_that_does_not_know_the_canary_counts_as_out_of_reach_and_fails_nothing(answer, audit):
    found = audit(answer, GOOD)
    assert found.returncode == 0
    assert found.stdout == "audit: the source of advisories cannot be reached from here, so NOTHING was audited\n"


def test_known_vulnerabilities_are_named_and_the_exit_code_is_one(audit):
    found = audit(KNOWN, BAD)
    assert found.returncode == 1
    assert "audit: a 1: GHSA-1, fixed in 2" in found.stdout


def test_good_news_says_how_many_packages_it_is_about(audit):
    found = audit(KNOWN, GOOD)
    assert found.returncode == 0
    assert "1 packages looked up, 0 with known vulnerabilities" in found.stdout
    assert "not known to the source: b" in found.stdout


def test_a_source_that_stops_answering_is_not_taken_for_good_news(audit):
    found = audit(KNOWN, "")
    assert found.returncode == 0
    assert "stopped answering" in found.stdout
    assert "looked up" not in found.stdout
