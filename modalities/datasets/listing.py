"""A labelled split as rows and one reader: what most target adapters return from train() and test()."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from modalities.base import Item
from modalities.datasets.lazy import Lazy
from modalities.errors import BadInput, readable_name

if TYPE_CHECKING:
    from torch import Tensor


class Row(NamedTuple):
    """One item before it is decoded. ``where`` is the reader's argument: a path, an index."""

    where: Any
    label: int
    item_id: str
    group: str


@dataclass(frozen=True, eq=False)
class Columns(Sequence[Row]):
    """Rows stored as columns and made on access, for splits with so many items that rows would fill the memory."""

    where: Sequence[Any]
    labels: NDArray[np.int64]
    item_ids: Sequence[str]
    groups: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Columns: ...

    def __getitem__(self, index: int | slice) -> Row | Columns:
        if isinstance(index, slice):
            return Columns(self.where[index], self.labels[index], self.item_ids[index], self.groups[index])
        return Row(self.where[index], int(self.labels[index]), self.item_ids[index], self.groups[index])

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Columns:
        """Return the columns of rows."""
        if isinstance(rows, cls):
            return rows
        labels = np.fromiter((row.label for row in rows), np.int64, len(rows))
        return cls([row.where for row in rows], labels, [row.item_id for row in rows], [row.group for row in rows])

    def readable(self) -> Columns:
        """Return the same rows with ids and groups that do not depend on how a system stores the names of files."""
        every = range(len(self))
        ids, groups = (Lazy(names, every, readable_name) for names in (self.item_ids, self.groups))
        return Columns(self.where, self.labels, ids, groups)


@dataclass
class Listing:
    """A map-style, picklable dataset over rows (implements ``modalities.base.LabelledData``)."""

    rows: Sequence[Row]  # in a stable order; ``Columns`` if there are very many
    # Picklable; turns ``Row.where`` into the raw tensor (clips, *raw). Its own BadInput and a MemoryError pass through;
    # any other exception becomes a BadInput that names the item.
    read: Callable[[Any], Tensor]
    files: int = 0  # labelled files that the items are cut from, if one gives several; by default each is its own

    def __post_init__(self) -> None:
        self.files = self.files or len(self.rows)
        columns = Columns.of(self.rows)
        self.labels, self.item_ids, self.groups = columns.labels, columns.item_ids, columns.groups

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        row = self.rows[index]
        try:
            return Item(self.read(row.where), row.label, row.item_id)
        except (BadInput, MemoryError):
            raise
        except Exception as error:
            raise BadInput(
                f"{row.where} cannot be read ({type(error).__name__}: {error}); replace the file or fetch it again."
            ) from error
