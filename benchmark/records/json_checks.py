"""Strict checks, by pydantic, of what is read from disk or sent by another process, and one sentence on a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic takes a tenth of a second to import
    from pydantic import ConfigDict, ValidationError

STRICT: ConfigDict = {"strict": True, "extra": "forbid", "allow_inf_nan": False}
"""For every type whose values come from a file: nothing is converted, no unknown key, no infinity, no NaN."""


def first_problem(error: ValidationError) -> str:
    """Return what pydantic found first, such as ``'seed': input should be a valid integer``, as part of a sentence."""
    found = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in found["loc"] if part != "[key]")  # pydantic's mark of a wrong key
    if found["type"].startswith("missing"):
        return f"missing: {name}"
    if found["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"unknown: {name}"
    message = found["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"'{name}': {message}" if name else message
