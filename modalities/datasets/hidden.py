"""Which files of a dataset are hidden or empty: no adapter reads them, and they count in no fingerprint."""

from __future__ import annotations

from pathlib import Path

from modalities.storage.paths import stored


def is_hidden(name: str | bytes) -> bool:
    """Return whether a file's or folder's name begins with a dot, such as ``.lock``, ``.x.tmp`` or ``._photo.jpg``."""
    return name[:1] in (".", b".")


def holds_item(folder: Path, name: str) -> bool:
    """Return whether a path below a folder is a file with content that is not hidden, nor in a hidden folder."""
    path = stored(folder / name)
    return not any(map(is_hidden, name.split("/"))) and path.is_file() and path.stat().st_size > 0
