"""Where things lie: what is given first, then the environment, then a folder of the user's own."""

from __future__ import annotations

import os
import pwd
import unicodedata
from pathlib import Path

import pytest

from modalities.errors import BadInput
from modalities.storage.paths import cache_root, data_root, user_path


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


def test_every_path_of_a_user_may_begin_with_a_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_path("~") == home
    assert user_path("~/a/é") == home / "a" / "é"
    name = pwd.getpwuid(os.getuid()).pw_name
    assert user_path(f"~{name}/x") == Path(pwd.getpwuid(os.getuid()).pw_dir) / "x"
    with pytest.raises(BadInput, match="~nobody-of-this-name/x begins with the home folder of a user"):
        user_path("~nobody-of-this-name/x")
    monkeypatch.chdir(home)
    Path("~nobody-of-this-name").write_text("a file whose name begins like that", encoding="utf-8")
    assert user_path("~nobody-of-this-name") == Path("~nobody-of-this-name")


@pytest.mark.parametrize(("on_disk", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_file_is_found_in_whichever_form_its_name_is_stored(tmp_path: Path, on_disk: str, typed: str) -> None:
    path = tmp_path / unicodedata.normalize(on_disk, "é/ñ.png")
    path.parent.mkdir()
    path.write_bytes(b"found")
    assert user_path(tmp_path / unicodedata.normalize(typed, "é/ñ.png")).read_bytes() == b"found"
    assert user_path(tmp_path / "absent é") == tmp_path / "absent é"
