"""Paths that users name, and where the cache and the datasets are by default."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from modalities.errors import BadInput

APPLICATION = "single-datum-benchmark"


def user_path(given: str | os.PathLike[str]) -> Path:
    """Return the path that a user named, with ``~`` and ``~NAME`` as the home folder; it need not exist.

    A file is found too if its name is stored in the other Unicode form, composed or decomposed. Raises BadInput if
    there is no user of that name.
    """
    path = Path(given)
    if os.path.lexists(path):  # a name may begin with ~
        return path
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise BadInput(
            f"{path} begins with the home folder of a user whom this machine does not know; write the folder in full."
        ) from error
    return stored(path)


def stored(path: Path) -> Path:
    """Return the path under which a file exists: this one, or one whose names are composed or decomposed otherwise."""
    if str(path).isascii() or os.path.lexists(path):
        return path
    for form in ("NFC", "NFD"):
        other = Path(unicodedata.normalize(form, str(path)))
        if os.path.lexists(other):
            return other
    return path


def cache_root() -> Path:
    """Return the folder for what can be recreated: BENCHMARK_CACHE, else a per-user default. It need not exist."""
    if given := os.environ.get("BENCHMARK_CACHE"):
        return user_path(given)
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION, appauthor=False)


def data_root(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all datasets: ``given``, else BENCHMARK_DATA, else a per-user default. It need not exist."""
    if chosen := given or os.environ.get("BENCHMARK_DATA"):
        return user_path(chosen)
    return usual_data_root()


def usual_data_root() -> Path:
    """Return the folder of all datasets if nobody names one: a per-user default. It need not exist."""
    from platformdirs import user_data_path

    return user_data_path(APPLICATION, appauthor=False) / "data"
