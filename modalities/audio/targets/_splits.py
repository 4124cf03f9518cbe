"""Splits of our own for datasets without an official one: the name of a leak unit alone decides its side."""

from __future__ import annotations

import hashlib

TEST_SHARE = 0.2


def held_out(unit: str, split: str) -> bool:
    """Return whether a leak unit (speaker, file, utterance) is in the test: a fifth of all are.

    The first 64 bits of the SHA-256 of its name decide, so a missing unit moves no other. Another name or version of
    the split gives an independent split.
    """
    first = int.from_bytes(hashlib.sha256(f"{split}/{unit}".encode("utf-8", "backslashreplace")).digest()[:8], "big")
    return first < TEST_SHARE * 2**64


def fingerprint_of_split(fingerprint: str, split: str) -> str:
    """Return the fingerprint of data under a split; empty if there are no data."""
    return hashlib.sha256(f"{split} {fingerprint}".encode()).hexdigest() if fingerprint else ""
