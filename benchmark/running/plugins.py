"""The plug-ins of a cell, loaded if they are still those by which it was planned."""

from __future__ import annotations

from typing import Any

from benchmark.distillation.methods import BUILT_IN
from benchmark.planning.cell import Cell
from benchmark.planning.plugins import described, plugins_of
from benchmark.running.networks import changed_since
from benchmark.system.ranks import Ranks
from modalities.errors import BadInput


def check_plugins(cell: Cell) -> None:
    """Raise BadInput if a plug-in is not the one by which the cell was planned and named."""
    found, planned = plugins_of(cell.config), cell.identity.get("plugins", {})
    for key, now in described(found).get("plugins", {}).items():
        if now != planned.get(key):
            raise changed_since(found[key].place)


def load_plugin(cell: Cell, key: str, ranks: Ranks) -> Any:
    """Return the loss or the method of a cell, by its setting; None for a loss of the recipe, and for segments alone.

    Raises BadInput if it cannot be used, or for a method on several ranks.
    """
    plugin = plugins_of(cell.config).get(key)
    if key == "method" and cell.config.method != "segments" and ranks.world_size > 1:
        raise BadInput(f"the method {cell.config.method} runs in one process only; start the cell without torchrun.")
    if plugin is None:
        return BUILT_IN.get(cell.config.method) if key == "method" else None
    return plugin.load()
