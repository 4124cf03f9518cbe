"""Where things lie: what is given first, then the environment, then a folder of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from modalities.storage.paths import cache_root, data_root


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BENCHMARK_CACHE", "BENCHMARK_DATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_defaults_are_apart_and_below_the_users_home(home: Path) -> None:
    for root in (cache_root(), data_root()):
        assert home in root.parents
        assert "single-datum-benchmark" in root.parts
    assert cache_root() not in data_root().parents
    assert data_root() not in cache_root().parents


def test_asking_makes_no_folder(home: Path) -> None:
    cache_root(), data_root()
    assert list(home.iterdir()) == []


def test_the_environment_goes_before_the_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", "/some/cache")
    monkeypatch.setenv("BENCHMARK_DATA", "~/data")
    assert cache_root() == Path("/some/cache")
    assert data_root() == home / "data"


def test_an_empty_variable_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = cache_root(), data_root()
    monkeypatch.setenv("BENCHMARK_CACHE", "")
    monkeypatch.setenv("BENCHMARK_DATA", "")
    assert (cache_root(), data_root()) == expected


@pytest.mark.parametrize("given", ["/given", Path("/given")])
def test_what_is_given_goes_before_the_environment(given: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_DATA", "/other")
    assert data_root(given) == Path("/given")
