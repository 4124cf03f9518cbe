"""Records to tables. The package can be called: ``benchmark.leaderboard("results/local")`` gives a DataFrame."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def frame_of(results: str | os.PathLike[str] = "results/local", *, profile: str = "demo") -> pd.DataFrame:
    """Return the leaderboard as a DataFrame: rows, order and columns of ``benchmark table --format csv``, all of them.

    ``docs/tables.md`` says what each column is. Accuracies are fractions in [0, 1], means over the seeds that are done;
    what is not known is missing (NaN or NA). Nothing is run, and nothing is written.

    Args:
        results: folder of results, as ``benchmark.run`` takes it, or that of one profile within it.
        profile: a name, or the path of a profile of your own; without effect if ``results`` is a profile's folder.

    Raises BadInput if nothing was run there, or if a manifest is damaged.
    """
    from benchmark.config.own_files import name_of
    from benchmark.config.published import published_results
    from benchmark.leaderboard.table import leaderboard
    from benchmark.records.store import Store
    from modalities.storage.paths import user_path

    folder = user_path(results)
    if not (folder / "manifests").is_dir():
        folder /= name_of("profile", profile)
    return leaderboard(Store(folder), published_results())


class _Callable(ModuleType):
    """Lets the name ``benchmark.leaderboard`` be a function, as it is meant to be used, and still a package."""

    __call__ = staticmethod(frame_of)


sys.modules[__name__].__class__ = _Callable
