"""What the layers of a network make of the same items: Gram matrices for their similarity, and features for a map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.insight.cka import Grams, u_centred
from benchmark.training.precision import full_float32

MOST_LAYERS = 12
FEATURES, LOGITS = "features", "logits"


@dataclass(frozen=True)
class Observed:
    """A network's representations of items, in minibatches of one size."""

    layers: tuple[str, ...]  # names, from input to output
    grams: Grams  # (layers, minibatches, n, n), U-centred
    features: NDArray[np.float32]  # (items, width): what the last linear layer is given, or else the logits


def layers_of(network: nn.Module) -> dict[str, nn.Module]:
    """Return the blocks and activations that a network consists of, by name and type, at most MOST_LAYERS - 2 of them.

    Containers are opened; other modules that have parts are blocks. Of more, evenly spaced ones are taken.
    """
    opened = _opened(network, "")
    found = {f"{name} {type(module).__name__}": module for name, module in opened if _is_kept(module)}
    names = list(found)
    most = min(len(names), MOST_LAYERS - 2)
    chosen = [names[place] for place in np.linspace(0, len(names) - 1, most).round().astype(int)]
    return {name: found[name] for name in chosen}


def _opened(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _opened(child, f"{prefix}{name}.")
        else:
            yield prefix + name, child


def _is_kept(module: nn.Module) -> bool:
    return bool(list(module.children())) or type(module).__module__ == nn.ReLU.__module__


@full_float32()
@torch.inference_mode()
def observe(network: nn.Module, batches: Iterable[Tensor]) -> Observed:
    """Run a network in eval mode over minibatches of network inputs, all of one size."""
    grams: list[dict[str, Tensor]] = []
    features: list[Tensor] = []
    for inputs in batches:
        with _watched(network, len(inputs)) as seen:
            logits = network(inputs)
        last = seen.pop(FEATURES, logits)
        ends = {FEATURES: last, LOGITS: logits} if last is not logits else {LOGITS: logits}
        grams.append(seen | {name: gram_of(values) for name, values in ends.items()})
        features.append(last.float().cpu())
    layers = tuple(grams[0])
    stacked = np.stack([np.stack([batch[layer].double().cpu().numpy() for batch in grams]) for layer in layers])
    return Observed(layers, u_centred(stacked), torch.cat(features).numpy())


def gram_of(values: Tensor) -> Tensor:
    """Return the inner products of items, (n, n), after the mean item was taken away; values are (n, …)."""
    flat = values.float().flatten(1)
    flat = flat - flat.mean(0)
    return flat @ flat.T


@contextmanager
def _watched(network: nn.Module, items: int) -> Iterator[dict[str, Tensor]]:
    """Collect, within the context, the Gram matrix of each layer and the input of the last linear one."""
    seen: dict[str, Tensor] = {}

    def keep_gram(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        # At once, since the next module may work in place; of a module that is used again, the first output.
        if isinstance(output, Tensor) and len(output) == items and name not in seen:
            seen[name] = gram_of(output)

    def keep_features(module: nn.Module, inputs: Any) -> None:
        seen[FEATURES] = inputs[0].flatten(1, -2).mean(1) if inputs[0].ndim > 2 else inputs[0]

    handles = [module.register_forward_hook(partial(keep_gram, name)) for name, module in layers_of(network).items()]
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    handles += [linear[-1].register_forward_pre_hook(keep_features)] if linear else []
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def counterparts(first: tuple[str, ...], second: tuple[str, ...]) -> list[int]:
    """Return for each layer of the first network the index of that of the second at the same share of the depth."""
    return [round(place * (len(second) - 1) / max(1, len(first) - 1)) for place in range(len(first))]
