"""Shared by all tests: a cache of their own, one thread, and where real data are."""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy with other things is no fault of a test.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
# Before anything imports torch: two workers share two cores, and sums depend on the number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Generated data are made once per state of the code and shared by all workers, but never with the user's own cache.
_code = sorted((Path(__file__).parents[1] / "modalities").rglob("*.py"))
_state = hashlib.sha256(b"".join(path.read_bytes() for path in _code)).hexdigest()[:12]
os.environ["BENCHMARK_CACHE"] = str(Path(tempfile.gettempdir()) / f"single-datum-tests-{os.getuid()}-{_state}")
os.environ.pop("BENCHMARK_DATA", None)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real data (cifar10.tar.xz, fsdd.tar.xz, clips/, sources/), or skip."""
    given = os.environ.get("BENCHMARK_REAL_DATA")
    if not given or not Path(given).is_dir():
        pytest.skip("BENCHMARK_REAL_DATA names no folder of real data")
    return Path(given)


@pytest.fixture(scope="session")
def installed() -> Callable[[Path, Path], None]:
    """What ``pip install -e PACKAGE`` leaves behind in a folder SITE, without the network that its build needs."""

    def install(package: Path, site: Path) -> None:
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        name, version = project["name"], project["version"]
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        for group, points in project["entry-points"].items():
            lines = "".join(f"{key} = {value}\n" for key, value in points.items())
            (folder / "entry_points.txt").write_text(f"[{group}]\n{lines}")

    return install


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str, str], None]]:
    """What an installed entry point does for the target NAME: a folder on the path, and ``MODULE:OBJECT``."""
    from modalities import registry

    caches = (registry._origins, registry.target, registry.usable)
    installed, added = registry.entry_points, []
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [*installed(group=group), *added])

    def add(folder: Path, name: str, place: str) -> None:
        monkeypatch.syspath_prepend(str(folder))
        added.append(EntryPoint(name, place, registry.PLUGIN_GROUP))
        for cached in caches:
            cached.cache_clear()

    yield add
    for cached in caches:
        cached.cache_clear()
