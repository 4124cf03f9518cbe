"""What a decoder is to ``fuzz.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Seeds = Callable[[Path], list[bytes]]


@dataclass(frozen=True)
class Decoder:
    """One way in.

    Args:
        what: in words.
        place: of the file below the root; its name tells some libraries what it is.
        seeds: writes what else must lie below the root and returns whole files.
        read: decodes the file at its place, as the suite does.
        text: whether the file is text.
        mend: gives a damaged file right checksums, behind which the deeper layers are.
    """

    name: str
    what: str
    place: str
    seeds: Seeds
    read: Callable[[Path], object]
    text: bool = False
    mend: Callable[[bytes], bytes] | None = None
