"""Raw items from which segments are cut: those in which there is something to see or hear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modalities.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor


def not_flat(pieces: Tensor, least: int, name: str) -> Tensor:
    """Return the pieces, (n, channels, …) of whole numbers, in one channel of which values differ by ``least`` or more.

    Raises BadInput if there are none.
    """
    values = pieces.flatten(2)
    spread = values.amax(2).int() - values.amin(2).int()
    kept = pieces[(spread >= least).any(1)]
    if not len(kept):
        raise BadInput(f"{name}: all {len(pieces):,} items are flat or silent; nothing can be learned from them.")
    return kept
