"""Networks of plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modalities.errors import BadInput
from modalities.plugins.find import Plugin

if TYPE_CHECKING:
    from torch import nn


def plugin_network(plugin: Plugin, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Build a plug-in's network for inputs (B, *shape). Raises BadInput if that fails, or if it is not a module."""
    from torch import nn

    maker = plugin.load()
    try:
        network = maker(shape, classes)
    except Exception as error:
        raise BadInput(
            f"the network {plugin.name} cannot be built for {shape}, {classes} classes: {error!r}."
        ) from error
    if not isinstance(network, nn.Module):
        raise BadInput(f"the network {plugin.name} is a {type(network).__name__}; NETWORK returns a torch.nn.Module.")
    return network
