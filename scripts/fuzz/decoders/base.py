"""A decoder to fuzz, and how several readers of one file are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Seeds = Callable[[Path], list[bytes]]


@dataclass(frozen=True)
class Decoder:
    """One way for bytes from outside to come in.

    Args:
        what: a description.
        place: of the file below the root; some libraries look at its name.
        seeds: writes what else must exist below the root and returns whole files.
        read: decodes the file at its place, as the suite does.
        text: whether the file is text.
        fix_checksums: gives a damaged file correct checksums, so that it reaches the deeper layers.
    """

    name: str
    what: str
    place: str
    seeds: Seeds
    read: Callable[[Path], object]
    text: bool = False
    fix_checksums: Callable[[bytes], bytes] | None = None


def read_all(*readers: Callable[[], object]) -> None:
    """Call every reader, also after one has refused the file.

    Raises:
        BadInput: the last refusal, if there was one.
    """
    from modalities.errors import BadInput

    refusal = None
    for read in readers:
        try:
            read()
        except BadInput as error:
            refusal = error
    if refusal:
        raise refusal
