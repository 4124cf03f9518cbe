"""Python's garbage collector is left as it was found."""

from __future__ import annotations

import gc

import pytest

from benchmark.system.collector import paused_collector


@pytest.fixture(autouse=True)
def restored():
    yield
    gc.enable()


def test_the_collector_is_paused_and_goes_on_afterwards_even_after_an_error():
    with paused_collector():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(OSError, match="gone"), paused_collector():
        raise OSError("gone")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    with paused_collector():
        pass
    assert not gc.isenabled()
