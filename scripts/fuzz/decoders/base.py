"""A decoder to fuzz, and how several readers of one file are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modalities.errors import BadInput


@dataclass(frozen=True)
class Decoder:
    """One way for bytes from outside to come in.

    Args:
        what: a description.
        place: of the file below the root; some libraries look at its name.
        seeds: writes what must exist below the root; returns whole files, or nothing if it wrote the only one.
        read: decodes the file at its place below the root, as the suite does.
        text: whether the file is text.
        fix_checksums: gives a damaged file correct checksums, so that it reaches the deeper layers.
    """

    name: str
    what: str
    place: str
    seeds: Callable[[Path], list[bytes] | None]
    read: Callable[[Path], object]
    text: bool = False
    fix_checksums: Callable[[bytes], bytes] | None = None


def item(root: Path) -> Path:
    """Return the path of the file under test, if that is all a decoder reads."""
    return next(root.glob("item.*"))


def read_all(*readers: Callable[[], object]) -> None:
    """Call every reader, also after one has refused the file; then raise the last refusal (BadInput)."""
    refusal = None
    for read in readers:
        try:
            read()
        except BadInput as error:
            refusal = error
    if refusal:
        raise refusal
