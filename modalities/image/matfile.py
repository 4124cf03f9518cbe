"""Reads MATLAB files (level 5) of numbers, texts and structs; scipy's more general reader crashes on damaged files.

The format is that of MathWorks' "MAT-File Format". Classes, functions, sparse and complex arrays are refused.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from modalities.errors import BadInput

MAX_BYTES = 1 << 26  # bytes of an unpacked variable; lists of datasets are thousands of times smaller
MAX_DEPTH = 4  # structs within structs
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin1", 2: "latin1", 4: "utf-16-{}", 16: "utf-8", 17: "utf-16-{}", 18: "utf-32-{}"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}


def load_mat(path: Path, key: str, content: bytes | None = None) -> Any:
    """Read a variable of a MATLAB file: an array without axes of length 1, a text, or a list for structs and cells.

    ``content`` is the file's, if it lies within an archive at ``path``.

    Raises BadInput if the file is damaged, or the variable is missing or of another type.
    """
    try:
        content = path.read_bytes() if content is None else content
        order = {b"IM": "<", b"MI": ">"}[content[126:128]]
        for kind, data in _elements(content[128:], order):
            if kind == _COMPRESSED:
                ((kind, data),) = _elements(_unpacked(data), order)
            if kind == _MATRIX and (value := _variable(data, order, key)) is not None:
                return value
        raise ValueError("it is missing")
    except Exception as error:  # damaged files raise nearly anything
        raise BadInput(
            f"{path} has no readable variable '{key}' ({type(error).__name__}: {error}); fetch it again."
        ) from error


def _unpacked(data: bytes) -> bytes:
    reader = zlib.decompressobj()
    content = reader.decompress(data, MAX_BYTES)
    if not reader.eof:
        raise ValueError("it is truncated, or larger than any list")
    return content


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield type and bytes of each element of a sequence."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # up to four bytes are inside the tag itself
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
        else:
            start, step = at + 8, 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)
        if start + size > len(data):
            raise ValueError("it is truncated")
        yield kind, data[start : start + size]
        at += step


def _variable(data: bytes, order: str, key: str) -> Any:
    """Return what the matrix holds if it has that name, else None."""
    elements = _elements(data, order)
    next(elements), next(elements)
    return _matrix(data, order, 0) if next(elements)[1].decode("ascii") == key else None


def _matrix(data: bytes, order: str, depth: int) -> Any:
    if not data:
        return np.empty(0)
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    elements = _elements(data, order)
    (flags,) = struct.unpack_from(f"{order}I", next(elements)[1])
    shape = np.frombuffer(next(elements)[1], f"{order}i4").tolist()
    next(elements)  # its name
    count = math.prod(shape)
    if flags & 0x0800 or min(shape) < 0 or count > MAX_BYTES:
        raise ValueError("it is complex or of impossible size")
    kind = flags & 0xFF
    if kind == _CELL:
        return [_inner(elements, order, depth) for _ in range(count)]
    if kind == _STRUCT:
        (length,) = struct.unpack(f"{order}i", next(elements)[1])
        names = next(elements)[1]
        fields = [names[at : at + length].rstrip(b"\0").decode("ascii") for at in range(0, len(names), length)]
        return [{field: _inner(elements, order, depth) for field in fields} for _ in range(count if fields else 0)]
    stored, values = next(elements)
    if kind == _CHAR:
        return values.decode(_TEXTS[stored].format("le" if order == "<" else "be"))
    numbers = np.frombuffer(values, f"{order}{_STORED[stored]}").astype(_NUMBERS[kind])
    return numbers.reshape(shape, order="F").squeeze()


def _inner(elements: Iterator[tuple[int, bytes]], order: str, depth: int) -> Any:
    kind, data = next(elements)
    if kind != _MATRIX:
        raise ValueError("it holds something other than arrays")
    return _matrix(data, order, depth + 1)
