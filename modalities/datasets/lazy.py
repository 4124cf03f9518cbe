"""Sequences whose entries are made on access, for splits with so many items that lists would fill the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Lazy(Sequence[T]):
    """``make(source[i])`` for every i of ``indices``, in that order; a slice of it is lazy too."""

    def __init__(self, source: Sequence[Any], indices: range | NDArray[np.int64], make: Callable[[Any], T]) -> None:
        self.source, self.indices, self.make = source, indices, make

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Lazy[T]: ...

    def __getitem__(self, index: int | slice) -> T | Lazy[T]:
        if isinstance(index, slice):
            return Lazy(self.source, self.indices[index], self.make)
        return self.make(self.source[int(self.indices[index])])

    def __iter__(self) -> Iterator[T]:
        if isinstance(self.indices, range) and self.indices == range(len(self.source)):
            return map(self.make, self.source)  # a source may iterate faster than it is indexed
        return super().__iter__()
