"""What was measured is kept, the newest of each kind of work, and a file that cannot be used is as good as none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from benchmark.records import speeds
from benchmark.records.speeds import FILE, Work, keep_speeds, read_speeds

WORK = Work(
    kind="step", role="student", device="a CPU", threads=1, modality="image", networks="a → b", view="v", target="",
    batch=64, mode="float32, none",
)  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_kept_is_read_and_nothing_else():
    other = replace(WORK, batch=128)
    assert read_speeds() == {}
    keep_speeds({WORK: (0.5, 3e9), other: (2.0, 0.0)})
    found = read_speeds()
    assert list(found) == [WORK, other]
    assert (found[WORK].median, found[WORK].flops) == (0.5, 3e9)


def test_the_median_of_the_newest_counts():
    for seconds in (100.0, 100.0, 1.0, 2.0, 3.0, 4.0, 50.0):
        keep_speeds({WORK: (seconds, 0.0)})
    assert read_speeds()[WORK].seconds == [1.0, 2.0, 3.0, 4.0, 50.0]
    assert read_speeds()[WORK].median == 3.0


def test_the_kinds_of_work_measured_longest_ago_are_dropped(monkeypatch):
    monkeypatch.setattr(speeds, "MOST", 2)
    works = [replace(WORK, batch=batch) for batch in (1, 2, 3)]
    for work in (works[0], works[1], works[0], works[2]):
        keep_speeds({work: (1.0, 0.0)})
    assert list(read_speeds()) == [works[0], works[2]]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"version": 1', '"version": 0'),
        lambda text: text.replace("0.5", "-0.5"),
        lambda text: text.replace("0.5", "NaN"),
        lambda text: text.replace('"batch"', '"batches"'),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_or_old_file_is_ignored_and_replaced(cache, change):
    keep_speeds({WORK: (0.5, 0.0)})
    text = (cache / FILE).read_text()
    assert change(text) != text
    (cache / FILE).write_text(change(text))
    assert read_speeds() == {}
    keep_speeds({WORK: (0.25, 0.0)})
    assert read_speeds()[WORK].seconds == [0.25]


def test_no_measurement_of_several_writers_is_lost():
    works = [replace(WORK, batch=batch) for batch in range(1, 17)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda work: keep_speeds({work: (1.0, 0.0)}), works))
    assert set(read_speeds()) == set(works)


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_figures(cache):
    cache.write_text("a file")
    keep_speeds({WORK: (0.5, 0.0)})
    assert read_speeds() == {}
