"""The commands of those who write adapters: options in, one call out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.exit_codes import DONE, FAILED
from modalities.errors import BadInput


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Registered targets, installed plug-ins, or Python files of plug-ins."),
    ] = None,
    all_targets: Annotated[bool, typer.Option("--all", help="Check every registered target.")] = False,
    root: Annotated[
        Path | None, options.path("--root", help="Check the real data in this folder instead of a stand-in.")
    ] = None,
    fill_counts: Annotated[
        bool, typer.Option("--fill-counts", help="Write numbers of items that an adapter gives as 0 into its file.")
    ] = False,
    format: options.TextOrJson = "text",
) -> None:
    """Check target adapters and plug-ins against their contract, item by item; targets on stand-ins or on real data.

    Examples:

    `benchmark check mytarget`

    `benchmark check my_loss.py`

    `benchmark check mytarget --root data --fill-counts`
    """
    from benchmark.cli.check import check_targets

    if bool(names) == all_targets:
        raise BadInput("name the targets to check, or give --all.")
    raise typer.Exit(DONE if check_targets(names or [], root, format=format, fill=fill_counts) else FAILED)


def new(
    name: Annotated[str, typer.Argument(help="Name of the new plug-in, such as focal; its file is NAME.py.")],
    kind: Annotated[str, typer.Option("--kind", help="loss, policy, source, network, method, callback or recipe.")],
    modality: Annotated[
        str, typer.Option("--modality", "-m", help="Of a source: what it makes, image, audio or video.")
    ] = "image",
    folder: Annotated[Path, options.path("--folder", help="Folder of the file. Default: this one.")] = Path(),
) -> None:
    """Write a working plug-in in one file, to start from: a loss, policy, source, network, method, callback or recipe.

    Examples:

    `benchmark new focal --kind loss`

    `benchmark new rings --kind source --modality image`
    """
    from benchmark.cli.new_plugin import scaffold_plugin

    scaffold_plugin(name, kind, modality, folder)


def new_target(
    name: Annotated[str, typer.Argument(help="Name of the new target, such as birds20.")],
    modality: Annotated[
        str, typer.Option("--modality", "-m", help="image, audio or video. Default: that of most files of --look.")
    ] = "",
    package: Annotated[
        Path | None,
        options.path("--package", help="New folder for a separate package. Default: add the target to this checkout."),
    ] = None,
    look: Annotated[
        Path | None,
        options.path("--look", help="Folder of the dataset: take classes, numbers and the view from its files."),
    ] = None,
) -> None:
    """Write a working target adapter and its test, to start from: a dataset with one folder of files per class.

    Examples:

    `benchmark new-target birds20 --modality image --package birds20`

    `benchmark new-target birds20 --look data/birds20 --package birds20`
    """
    from benchmark.cli.new_target import scaffold

    scaffold(name, modality, package, look)
