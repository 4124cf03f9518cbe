"""Damage to whole files: bit flips, cuts, splices, edited lengths and hostile pieces."""

from __future__ import annotations

import random
from typing import Literal

_NUMBERS = (0, 1, 2, 3, 7, 8, 15, 16, 100, 255, 256, 1000, 4095, 65_535, 1 << 16, 1 << 20, (1 << 24) - 1, 1 << 28,
            (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_PIECES = (
    b"\0", b"\xff", b"\xff" * 9, b"\0" * 64, b"\n", b"\r\n", b'"', b"'", b",", b";", b" ", b"\t", b"/", b"../", b"..",
    b"\\", b"=1+1", b"+1", b"-1", b"@x", b"\x1b[31m", b"\x07", b"\xc2\xb2", b"\xd9\xa3", b"\xe2\x80\xae", b"\xc3\x28",
    b"\xef\xbb\xbf", b"\xed\xa0\x80", b"9" * 30, b"9" * 5000, b"NaN", b"-Infinity", b"1e999", b"1e-999", b"-0", b"0x1",
    b"[" * 20_000, b'{"a":' * 5000, b"(" * 200, b"<script>", b"${oc.env:HOME}", b"%s%n", b"None", b"null", b"true",
    b"a" * 140_000,
)  # fmt: skip


def mutated(whole: list[bytes], rng: random.Random, *, text: bool = False) -> bytes:
    """Return a damaged file, made from whole ones."""
    base = bytearray(rng.choice(whole))
    first = rng.choice((0, 0, min(64, len(base) // 2)))  # half of the time the head is spared
    last = rng.choice((len(base), len(base), max(first, min(128, len(base)))))  # and sometimes everything but the head
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        kind = rng.choices(range(9), (1, 1, 1, 1, 1, 1, 6, 3, 1) if text else (5, 3, 6, 2, 2, 2, 1, 0, 2))[0]
        _damage(base, kind, first, min(last, len(base)), whole, rng)
    return bytes(base)


def _damage(data: bytearray, kind: int, first: int, last: int, whole: list[bytes], rng: random.Random) -> None:
    if not data:
        return
    at = rng.randrange(first, last) if first < last else rng.randrange(len(data))
    length = rng.choice((1, 2, 4, 16, rng.randrange(1, 1 + len(data))))
    if kind == 0:  # flip bits
        for _ in range(rng.choice((1, 1, 4, 16))):
            data[rng.randrange(first, last) if first < last else at] ^= 1 << rng.randrange(8)
    elif kind == 1:  # overwrite
        data[at : at + min(length, 32)] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * min(length, 32)
    elif kind == 2:  # edit what may be a length, a size or a count
        width, order = rng.choice((1, 2, 4, 4, 8)), rng.choice(_ORDERS)
        value = int.from_bytes(data[at : at + width], order)
        value = rng.choice((*_NUMBERS, value + 1, value - 1, value * 2, value // 2, len(data), -value))
        data[at : at + width] = (value % (1 << (8 * width))).to_bytes(width, order)
    elif kind == 3:  # cut off
        del data[at:]
    elif kind == 4:  # remove a part
        del data[at : at + length]
    elif kind == 5:  # splice: continue with the end of another file
        other = rng.choice(whole)
        data[at:] = other[rng.randrange(len(other) + 1) :]
    elif kind == 6:  # insert or overwrite with a hostile piece
        piece = rng.choice(_PIECES)
        data[at : at + rng.choice((0, len(piece)))] = piece
    elif kind == 7:  # replace a number or word with a hostile piece
        end = at
        while end < len(data) and chr(data[end]).isalnum():
            end += 1
        data[at:end] = rng.choice(_PIECES)
    else:  # repeat a part
        data[at:at] = data[at : at + length]
