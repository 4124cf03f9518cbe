"""A hash of the code and the values of an object that was passed from Python."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

LIBRARIES = ("builtins", "numpy", "PIL", "torch", "torchaudio", "torchvision")  # what is theirs counts by its name


def object_sha256(value: Any) -> str:
    """Return a hash of what a function, an instance or an array is.

    Of a function it covers code, defaults, closure, and the functions and plain values that its code names; of an
    instance its class's code and its attributes; of arrays and tensors their bytes. Libraries count by their names.
    """
    digest = hashlib.sha256()
    _update(digest, value, {})
    return digest.hexdigest()


def _update(digest: Any, value: Any, seen: dict[int, Any]) -> None:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        digest.update(f"{type(value).__name__} {value!r};".encode("utf-8", "backslashreplace"))
        return
    if id(value) in seen:
        digest.update(b"again;")
        return
    seen[id(value)] = value  # which keeps it, so that no other object gets its address
    digest.update(f"{type(value).__name__}:".encode())
    if isinstance(value, CodeType):
        digest.update(value.co_code + repr(value.co_names).encode())
        _update(digest, value.co_consts, seen)
    elif isinstance(value, FunctionType):
        _function(digest, value, seen)
    elif isinstance(value, MethodType):
        _update(digest, (value.__func__, value.__self__), seen)
    elif isinstance(value, ModuleType):
        digest.update(value.__name__.encode())
    elif isinstance(value, type):
        digest.update(f"{value.__module__}.{value.__qualname__}".encode())
        if value.__module__.partition(".")[0] not in LIBRARIES:
            _update(digest, [vars(value)[name] for name in sorted(vars(value)) if _own(vars(value)[name])], seen)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            _update(digest, (key, value[key]), seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            _update(digest, item, seen)
    else:
        _instance(digest, value, seen)


def _own(value: Any) -> bool:
    return isinstance(value, FunctionType | int | float | str | tuple | list | dict)


def _function(digest: Any, function: FunctionType, seen: dict[int, Any]) -> None:
    _update(digest, (function.__code__, function.__defaults__, function.__kwdefaults__), seen)
    _update(digest, [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)], seen)
    _update(digest, {key: value for key, value in vars(function).items() if not key.startswith("__")}, seen)
    named = inspect.getclosurevars(function).globals if _is_users(function) else {}
    _update(digest, named, seen)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # of a name that has no value yet
        return False


def _is_users(value: Any) -> bool:
    """Return whether code is a user's own: not that of the standard library, nor of an installed package."""
    file = getattr(getattr(value, "__code__", None), "co_filename", "")
    return "site-packages" not in file and "/lib/python" not in file


def _instance(digest: Any, value: Any, seen: dict[int, Any]) -> None:
    if hasattr(value, "detach"):  # a tensor
        value = value.detach().cpu().contiguous().numpy()
    if hasattr(value, "tobytes") and hasattr(value, "shape"):  # an array
        digest.update(f"{value.dtype} {value.shape}".encode() + value.tobytes())
        return
    if hasattr(value, "tobytes"):  # a Pillow image
        digest.update(f"{getattr(value, 'mode', '')} {getattr(value, 'size', '')}".encode() + value.tobytes())
        return
    kind = type(value)
    digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())
    if hasattr(value, "state_dict") and hasattr(value, "forward"):  # a network
        _update(digest, (repr(value), dict(value.state_dict()), kind), seen)
        return
    if kind.__module__.partition(".")[0] in LIBRARIES:
        digest.update(repr(value).encode())
        return
    _update(digest, kind, seen)
    _update(digest, getattr(value, "__dict__", {}), seen)
