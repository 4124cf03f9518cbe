"""Boxes of MP4 files (ISO/IEC 14496-12), rewritten as phones, editors and cutting tools write them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ONE = 1 << 16  # in a display matrix


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes that follow each other."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        yield kind, data[at + head : at + (size or len(data) - at)]
        at += size or len(data) - at


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def inside(data: bytes, path: Sequence[bytes], change: Callable[[bytes], bytes]) -> bytes:
    """Return boxes of which the first at a path has its content changed; sizes follow."""
    out, done = b"", False
    for kind, content in boxes(data):
        if kind == path[0] and not done:
            done = True
            content = inside(content, path[1:], change) if path[1:] else change(content)
        out += box(kind, content)
    assert done, path
    return out


def set_edits(path: Path, edits: Sequence[tuple[int, int]]) -> None:
    """Give the first track an edit list of (milliseconds shown, first tick of the media; -1 for nothing)."""
    entries = b"".join(struct.pack(">IiHH", shown, first, 1, 0) for shown, first in edits)
    edit_list = box(b"edts", box(b"elst", struct.pack(">II", 0, len(edits)) + entries))

    def change(track: bytes) -> bytes:
        kept = [box(kind, content) for kind, content in boxes(track) if kind != b"edts"]
        return kept[0] + edit_list + b"".join(kept[1:])

    path.write_bytes(inside(path.read_bytes(), (b"moov", b"trak"), change))


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Give the first track a display matrix; 1 is ``ONE``."""
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(
        inside(path.read_bytes(), (b"moov", b"trak", b"tkhd"), lambda head: head[:40] + matrix + head[76:])
    )
