"""Splits of our own for datasets that have no official one: a unit's name alone decides its side."""

from __future__ import annotations

import hashlib
from pathlib import Path

TEST_SHARE = 0.2


def held_out(unit: str, split: str) -> bool:
    """Whether a leak unit (speaker, file, utterance) is a test one: the first 64 bits of its SHA-256 are in the
    lowest fifth. So a unit that is missing moves no other.

    Args:
        unit: name of the unit, the same on every machine.
        split: name and version of the split; another one cuts anew.
    """
    first = int.from_bytes(hashlib.sha256(f"{split}/{unit}".encode("utf-8", "backslashreplace")).digest()[:8], "big")
    return first < TEST_SHARE * 2**64


def versioned(fingerprint: str, split: str) -> str:
    """Fingerprint of data under a split; of no data it stays empty."""
    return hashlib.sha256(f"{split} {fingerprint}".encode()).hexdigest() if fingerprint else ""


def home(root: Path, name: str, folder: str) -> Path:
    """A dataset's own folder: below ``root/NAME``, or in the root itself, as its archive unpacks."""
    inside, beside = root / name / folder, root / folder
    return beside if beside.is_dir() and not inside.is_dir() else inside
