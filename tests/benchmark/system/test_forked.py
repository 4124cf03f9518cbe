"""Work that is shared among copies of the process: the same results, in order, and errors that arrive."""

from __future__ import annotations

import os
import sys

import pytest

from benchmark.system import forked
from benchmark.system.forked import map_forked
from modalities.errors import BadInput

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "cores", lambda: 3)


@pytest.mark.parametrize("count", [0, 1, 2, 23, 24, 25, 1000])
def test_results_are_in_the_order_of_the_items(count: int) -> None:
    assert map_forked(lambda item: item * item, range(count), least=1) == [item * item for item in range(count)]


def test_many_items_are_shared_among_processes_and_few_are_not() -> None:
    ids = set(map_forked(lambda item: os.getpid(), range(24), least=24))
    assert os.getpid() not in ids
    assert set(map_forked(lambda item: os.getpid(), range(24), least=25)) == {os.getpid()}


def test_items_need_not_be_picklable() -> None:
    assert map_forked(lambda make: make(), [lambda: 1, lambda: 2], least=1) == [1, 2]


def test_an_error_arrives_as_it_was_raised() -> None:
    def refuse(item: int) -> int:
        if item == 17:
            raise BadInput("item 17 is damaged.")
        return item

    with pytest.raises(BadInput, match=r"item 17 is damaged\."):
        map_forked(refuse, range(24), least=1)
    assert map_forked(abs, [-1], least=1) == [1]  # and nothing is left behind
