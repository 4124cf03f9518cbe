"""Reads pickles of plain data (CIFAR's) without running any code that a pickle may call for."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modalities.errors import BadInput


class _DType:
    """Placeholder for numpy.dtype while a pickle is read: holds the name and the byte order."""

    def __init__(self, name: str, *flags: object) -> None:
        self.name, self.order = name, "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    def real(self) -> np.dtype[Any]:
        """Return the dtype if it is one of integers or floats."""
        dtype = np.dtype(f"{self.order}{self.name}")
        if dtype.kind not in "uif":
            raise pickle.UnpicklingError(f"an array of type {self.name}")
        return dtype


class _Array:
    """Placeholder for an array while a pickle is read; its bytes are interpreted here."""

    value: np.ndarray[Any, Any]

    def __init__(self, *ignored: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, column_major, content = state
        raw = content.encode("latin1") if isinstance(content, str) else content
        flat = np.frombuffer(raw, dtype.real())
        self.value = flat.reshape(shape, order="F" if column_major else "C")


class _Encoded:
    """Replaces codecs.encode and bytes, by which protocol 2 writes bytes and empty ones.

    A pickle cannot change a class that has a state.
    """

    def __new__(cls, text: str = "", encoding: str = "latin1") -> bytes:  # type: ignore[misc]
        return text.encode("latin1")

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a state of bytes")


# Python 2 and old and new numpy name the same things differently.
_ADMITTED: dict[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _Encoded,
    ("__builtin__", "bytes"): _Encoded,
}


# Opcodes of plain data; the others make objects, sets or references to the outside.
_OPERATIONS = """
PROTO FRAME STOP MARK POP NONE NEWTRUE NEWFALSE INT LONG LONG1 FLOAT BININT BININT1 BININT2 BINFLOAT
STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8
EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS
PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
"""


# The unpickler in Python: the one in C allocates memory for any number of items that a file claims to hold.
_InPython: Any = vars(pickle)["_Unpickler"]


class _Unpickler(_InPython):  # type: ignore[misc]
    dispatch: ClassVar[dict[int, Callable[..., None]]] = {
        number: _InPython.dispatch[number] for number in (getattr(pickle, name)[0] for name in _OPERATIONS.split())
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it calls for {module}.{name}")
        return _ADMITTED[module, name]

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set(key, value)

    def load_setitems(self) -> None:
        items = self.pop_mark()
        for key, value in zip(items[::2], items[1::2], strict=True):
            self._set(key, value)

    def _set(self, key: object, value: object) -> None:
        # Hashing deeply nested tuples may never end, or overflow the stack.
        if not isinstance(key, (str, bytes, int)):
            raise pickle.UnpicklingError(f"a {type(key).__name__} is a key")
        self.stack[-1][key] = value

    dispatch[ord(pickle.SETITEM)], dispatch[ord(pickle.SETITEMS)] = load_setitem, load_setitems


def load_plain(path: Path) -> Any:
    """Read a pickle of arrays of numbers, strings, numbers, lists and dicts and nothing else.

    Python 2's strings are read as Latin-1.

    Raises BadInput if the pickle is damaged, or holds or calls for anything else; none of its code is run.
    """
    try:
        content = io.BytesIO(path.read_bytes())  # so that no more is allocated than the file holds
        return _plain(_Unpickler(content, encoding="latin1").load(), {})
    except Exception as error:  # damaged pickles raise nearly anything
        raise BadInput(
            f"{path} cannot be read as plain data ({type(error).__name__}: {error}); fetch it again."
        ) from error


def _plain(value: Any, seen: dict[int, Any]) -> Any:
    """Replace placeholders by their arrays; an object that occurs twice stays one object."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, (dict, list, tuple)):
        if id(value) not in seen:
            if isinstance(value, dict):
                seen[id(value)] = {_plain(key, seen): _plain(inside, seen) for key, inside in value.items()}
            else:
                seen[id(value)] = [_plain(inside, seen) for inside in value]
        return seen[id(value)]
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")
