"""The commands about one finished cell: options in, one call out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from modalities.errors import BadInput
from modalities.storage.paths import data_root

Cell = Annotated[
    str, typer.Argument(metavar="CELL", help="Id of a finished cell, or a part of it that no other cell has.")
]
SourceFile = Annotated[
    Path | None, options.path("--source", help="The source's file, if the cell has one of your own.")
]


def export(
    cell: Annotated[
        str, typer.Argument(metavar="[CELL]", help="Id of a finished cell, or a part of it that no other cell has.")
    ] = "",
    suite: Annotated[
        str, typer.Option("--suite", help="Instead of one cell, all finished ones of this suite, in one table.")
    ] = "",
    profile: options.Profile = "demo",
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
    source: SourceFile = None,
) -> None:
    """Write a student as safetensors, ONNX and int8, with a model card, each checked on the target's test items.

    The ONNX file must compute the logits that PyTorch computes, or nothing is written. int8 is calibrated on segments
    of the one datum alone. Files, sizes, accuracies and times are in report.json too. ONNX needs
    `pip install 'single-datum-benchmark[export]'`.

    Examples:

    `benchmark export cifar10-photo.jpg-s0 --source photo.jpg --root data`

    `benchmark export 87a10c18e375 --format int8 --calibrate datum,noise`

    `benchmark export --suite compression --profile small --root data`
    """
    from benchmark.cli import export as exports

    if bool(cell) == bool(suite):
        raise BadInput("give either a cell or --suite NAME.")
    given = exports.Given(
        options.split_names(format), options.split_names(calibrate), results=results, root=data_root(root),
        source=str(source or ""),
    )  # fmt: skip
    if suite:
        exports.export_all(suite, profile, out, given)
    else:
        exports.export(cell, out, given)


def insight(
    cell: Cell,
    out: Annotated[
        Path | None,
        options.path("--out", help="HTML file to write; figures go beside it as JSON. Default: insight-CELL.html."),
    ] = None,
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    source: SourceFile = None,
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
