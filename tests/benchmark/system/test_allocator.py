"""Freed memory stays with the processes of a run."""

import os
import platform
import subprocess
import sys

import pytest

from benchmark.system import allocator

FAULTS = """
import resource
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(64 << 20)
before = faults()
for _ in range(20): bytearray(64 << 20)
print(faults() - before)
"""
GNU = platform.libc_ver()[0] == "glibc"


def faults() -> int:
    command = [sys.executable, "-c", FAULTS]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_users_own_settings_stand(monkeypatch):
    monkeypatch.setenv(allocator.VARIABLE, "glibc.malloc.check=1")
    with allocator.for_children():
        assert os.environ[allocator.VARIABLE] == "glibc.malloc.check=1"
    assert os.environ[allocator.VARIABLE] == "glibc.malloc.check=1"


@pytest.mark.skipif(not GNU, reason="the C library is not GNU's")
def test_blocks_that_come_and_go_cause_no_page_faults(monkeypatch):
    monkeypatch.delenv(allocator.VARIABLE, raising=False)
    with allocator.for_children():
        in_children = faults()
    assert allocator.VARIABLE not in os.environ
    # 20 times 64 MiB are 327,680 pages of 4 KiB, which some libraries fetch again each time.
    assert in_children < 2000
