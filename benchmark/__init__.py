"""The harness and the shared distillation core of the single-datum benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api.cells import run
    from benchmark.api.loaded import Loaded
    from benchmark.api.results import CellFailed, Records, RunRecord, compare, find
    from benchmark.leaderboard import frame_of as leaderboard
    from benchmark.records.record import Record
    from modalities.errors import BadInput

__all__ = [
    "BadInput", "CellFailed", "Loaded", "Record", "Records", "RunRecord", "compare", "find", "leaderboard", "run",
]  # fmt: skip

_HOMES = {
    "BadInput": "modalities.errors",
    "CellFailed": "benchmark.api.results",
    "Loaded": "benchmark.api.loaded",
    "Record": "benchmark.records.record",
    "Records": "benchmark.api.results",
    "RunRecord": "benchmark.api.results",
    "compare": "benchmark.api.results",
    "find": "benchmark.api.results",
    "run": "benchmark.api.cells",
}


def __getattr__(name: str) -> Any:
    """Names of the Python interface, imported at first use so that the command line starts quickly."""
    from importlib import import_module

    if name == "leaderboard":  # a package that can be called
        return import_module("benchmark.leaderboard")
    if name not in _HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
