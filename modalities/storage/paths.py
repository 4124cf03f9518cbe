"""Where the cache and the datasets are on disk by default."""

from __future__ import annotations

import os
from pathlib import Path

APPLICATION = "single-datum-benchmark"


def cache_root() -> Path:
    """Return the folder for what can be recreated: BENCHMARK_CACHE, else a per-user default. It need not exist."""
    if given := os.environ.get("BENCHMARK_CACHE"):
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION, appauthor=False)


def data_root(given: str | Path | None = None) -> Path:
    """Return the folder of all datasets: ``given``, else BENCHMARK_DATA, else a per-user default. It need not exist."""
    if chosen := given or os.environ.get("BENCHMARK_DATA"):
        return Path(chosen).expanduser()
    from platformdirs import user_data_path

    return user_data_path(APPLICATION, appauthor=False) / "data"
