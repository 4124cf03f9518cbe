"""Shared by all tests: a cache of their own, one thread, and where real data are."""

from __future__ import annotations

import hashlib
import os
import tempfile
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
