"""Which files of a dataset are hidden: no adapter reads them, and they count in no fingerprint."""

from __future__ import annotations


def is_hidden(name: str | bytes) -> bool:
    """Return whether a file's or folder's name begins with a dot, such as ``.lock``, ``.x.tmp`` or ``._photo.jpg``."""
    return name[:1] in (".", b".")
