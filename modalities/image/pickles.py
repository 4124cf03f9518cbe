"""Reads pickles of plain data (CIFAR's) without ever running what a pickle may ask for."""

from __future__ import annotations

import codecs
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modalities.base import BadInput


class _DType:
    """Stands for numpy.dtype while a pickle is read: keeps the name and the byte order."""

    def __init__(self, name: str, *flags: object) -> None:
        self.name, self.order = name, "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    def real(self) -> np.dtype[Any]:
        """The dtype meant, if it is one of whole or floating numbers."""
        found = np.dtype(f"{self.order}{self.name}")
        if found.kind not in "uif":
            raise pickle.UnpicklingError(f"an array of type {self.name}")
        return found


class _Array:
    """Stands for an array while a pickle is read; its bytes are interpreted by us."""

    value: np.ndarray[Any, Any]

    def __init__(self, *ignored: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, column_major, content = state
        raw = content.encode("latin1") if isinstance(content, str) else content
        flat = np.frombuffer(raw, dtype.real())
        self.value = flat.reshape(shape, order="F" if column_major else "C")


def _encode(text: str, encoding: str) -> bytes:
    return codecs.latin_1_encode(text)[0]


def _no_bytes() -> bytes:
    """What protocol 2 calls bytes() for."""
    return b""


# Python 2 and old and new numpy name the same things differently.
_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ADMITTED[module, name]


def load_plain(path: Path) -> Any:
    """What a pickle holds, if that is arrays of numbers, strings, numbers, lists and dicts and nothing else.

    Python 2's strings are read as Latin-1.

    Raises:
        BadInput: for a pickle that is damaged or holds or asks for anything else; nothing of it is run.
    """
    try:
        with path.open("rb") as file:
            return _plain(_Unpickler(file, encoding="latin1").load())
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise BadInput(
            f"{path} cannot be read as plain data ({type(error).__name__}: {error}); fetch it again."
        ) from error


def _plain(value: Any) -> Any:
    """The value with arrays in the place of what stood for them."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {_plain(key): _plain(inside) for key, inside in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inside) for inside in value]
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")
