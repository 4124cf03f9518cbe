"""The harness and the shared distillation core of the single-datum benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import run
    from benchmark.records.record import Record
    from modalities.errors import BadInput

__all__ = ["BadInput", "Record", "run"]

_HOMES = {"BadInput": "modalities.errors", "Record": "benchmark.records.record", "run": "benchmark.api"}


def __getattr__(name: str) -> Any:
    """Names of the Python interface, imported at first use so that the command line starts quickly."""
    if name not in _HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
