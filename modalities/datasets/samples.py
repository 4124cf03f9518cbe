"""What a sample of a dataset's files has in common, for suggesting settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from modalities.errors import BadInput

T = TypeVar("T")


def read_each(files: Sequence[Path], read: Callable[[Path], T]) -> list[T]:
    """Return what ``read`` finds in each file that can be read. Raises its BadInput if that is none of them."""
    found: list[T] = []
    failure = BadInput("there is no file to look at; name a folder that holds the dataset.")
    for path in files:
        try:
            found.append(read(path))
        except BadInput as error:
            failure = error
    if not found:
        raise failure
    return found
