"""Floating-point operations of networks, for estimates: from a table that torch counted, so that plans wait for none.

``python scripts/measure/flops.py`` writes the table.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

TABLE = "network_flops.json"
_NUMBER = re.compile(r"(?<=-)([wd]?)(\d+(?:\.\d+)?)")  # a width or depth in a network's name
_POWERS = {"wrn-#-#": (1, 2), "x3d-w#-d#": (2, 1)}  # of its numbers, by which operations grow; elsewhere all are widths


class NetworkFlops(NamedTuple):
    """Floating-point operations of one input, a multiply-add being two: forward, and forward and backward."""

    forward: float
    training: float


def network_flops(modality: str, name: str, shape: tuple[int, ...]) -> NetworkFlops | None:
    """Return the operations of a network for an input of this shape; None if the table has no network of its kind.

    Of a network that is not in the table, and for another shape than the table's, they are those of the nearest in
    proportion: to depth, to the square of width, to the number of input values.
    """
    table = _table()[modality]
    name = name.removeprefix("torchvision:").partition(":")[0]  # weights change no operation
    sizes = _sizes(name)
    pattern = _pattern(name)
    if name in table:
        nearest, growth = name, 1.0
    else:
        powers = _POWERS.get(pattern, (2,) * len(sizes))
        grown = {
            other: math.prod((a / b) ** power for a, b, power in zip(sizes, _sizes(other), powers, strict=True))
            for other in table
            if sizes and _pattern(other) == pattern
        }
        if not grown:
            return None
        nearest, growth = min(grown.items(), key=lambda pair: abs(math.log(pair[1])))
    row = table[nearest]
    growth *= math.prod(shape) / math.prod(row["shape"])
    return NetworkFlops(growth * row["forward"], growth * row["training"])


def _pattern(name: str) -> str:
    return _NUMBER.sub(r"\1#", name)


def _sizes(name: str) -> list[float]:
    return [float(number) for _, number in _NUMBER.findall(name)]


@cache
def _table() -> dict[str, dict[str, Any]]:
    text = (files("benchmark.planning") / TABLE).read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = json.loads(text)
    return table
