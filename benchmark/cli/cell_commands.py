"""The commands that use a finished cell: options in, one call out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from modalities.storage.paths import data_root

Cell = Annotated[
    str, typer.Argument(metavar="CELL", help="Id of a cell that is done, or a part of the id that no other cell has.")
]
SourceFile = Annotated[
    str, typer.Option("--source", metavar="FILE", help="The source's file; a named source needs none.")
]


def export(
    cell: Cell,
    out: Annotated[Path | None, options.path("--out", help="Folder to write to. Default: export-CELL.")] = None,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", help="safetensors, onnx, int8, separated by commas. Default: all of them."),
    ] = None,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(
            "--calibrate",
            help="What int8 is calibrated on, a file for each: segments of the datum, of noise (the control).",
        ),
    ] = None,
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    source: SourceFile = "",
) -> None:
    """Write a student as safetensors, ONNX and int8, with a model card, each checked on the target's test items.

    The ONNX file must compute the logits that PyTorch computes, or nothing is written. int8 is calibrated on segments
    of the one datum alone. Files, sizes, accuracies and times are in report.json too. ONNX needs
    `pip install 'single-datum-benchmark[export]'`.

    Examples:

    `benchmark export cifar10-photo.jpg-s0 --source photo.jpg --root data`

    `benchmark export 87a10c18e375 --format int8 --calibrate datum,noise`
    """
    from benchmark.cli.export import export as export_files

    export_files(
        cell, out, options.split_names(format), options.split_names(calibrate), results=results, root=data_root(root),
        source=source,
    )  # fmt: skip
