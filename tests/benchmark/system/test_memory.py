"""The peak of a cell's memory is that cell's."""

import subprocess
import sys

import pytest

from benchmark.system import allocator

PROGRAM = """
import numpy, torch
from benchmark.system.memory import peak, reset_peak
cpu = torch.device("cpu")
for size in (512, 64):
    reset_peak(cpu)
    numpy.ones(size << 20, numpy.uint8)
    print(peak(cpu) >> 20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets a process reset its peak")
def test_what_an_earlier_cell_used_is_not_in_the_peak_of_a_later_one(monkeypatch):
    """Also with the allocator of the workers, which keep what they free."""
    monkeypatch.delenv(allocator.VARIABLE, raising=False)
    with allocator.for_children():
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    assert first - second == pytest.approx(512 - 64, abs=30)
