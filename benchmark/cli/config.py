"""``benchmark config``, ``run --dry-run`` and ``run --config``: the resolved configuration as YAML, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.cli.output import print_document
from benchmark.planning.resolve import Resolved, from_yaml, resolve, to_yaml
from benchmark.planning.select import Request
from modalities.errors import BadInput

HEAD = "# Every setting of these cells; `benchmark run --config FILE` runs them, with the same ids on every machine.\n"


def print_config(asked: Request | Resolved) -> None:
    """Print what a request means, with nothing left to a default."""
    print_document(HEAD + to_yaml(resolve(asked)))


def read_config(file: Path, root: Path, device: str, given: Mapping[str, object]) -> Resolved:
    """Read what ``print_config`` printed. Raises BadInput if ``given``, by option, says something of the cells too."""
    if named := [option for option, value in given.items() if value]:
        raise BadInput(
            f"--config {file} has every setting of its cells; leave out {', '.join(named)}, or edit the file."
        )
    return from_yaml(file, root, device)
