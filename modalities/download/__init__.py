"""Downloads that resume and verify, and archives that are unpacked safely."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Answer functions that lived here once with where they are now."""
    if name in ("download", "fetch_archive", "verify"):
        raise ImportError(f"{name} has moved: write `from modalities.download.fetch import {name}`.")
    if name == "extract":
        raise ImportError("extract has moved: write `from modalities.download.archives import extract`.")
    raise AttributeError(f"module 'modalities.download' has no attribute '{name}'")
