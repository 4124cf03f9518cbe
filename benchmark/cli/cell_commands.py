"""The commands about one finished cell: options in, one call out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from modalities.storage.paths import data_root


def insight(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="Id of a finished cell, or a part of it.")],
    out: Annotated[
        Path | None,
        options.path("--out", help="HTML file to write; figures go beside it as JSON. Default: insight-CELL.html."),
    ] = None,
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    source: Annotated[
        Path | None, options.path("--source", help="The source's file, if the cell has one of your own.")
    ] = None,
    device: options.Device = "auto",
) -> None:
    """Write one page about what a student has learned: prototypes of its classes, its layers, doubts and mistakes.

    The page needs no network and no scripts; a file with all figures lies beside it. Controls (a student that learned
    from noise, one of another seed) are taken from the same results, if they are there: run the cell with
    `--controls noise` first. Takes seconds to minutes on a CPU.

    Examples:

    `benchmark insight digits-china-s0`

    `benchmark insight cifar10-photo.jpg-s0 --source photo.jpg --root data --out photo.html`
    """
    from benchmark.cli.insight import write_insight
    from benchmark.system.devices import device_kind

    kind = device_kind(device)
    chosen = kind if device == "auto" else device
    page, figures = write_insight(cell, results, data_root(root), str(source or ""), chosen, out)
    typer.echo(f"wrote {page}\nwrote {figures}")
