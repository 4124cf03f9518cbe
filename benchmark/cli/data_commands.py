"""The commands of ``benchmark data`` and their help; each imports the code that does its work when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from modalities.storage.paths import data_root

data = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Real datasets: show their state, fetch and verify them."
)


@data.command("status")
def data_status(
    names: options.AnyTargetNames = None, root: options.Root = None, format: options.TextOrJson = "text"
) -> None:
    """Show for every target whether its data are present, their size, and the next step.

    Example: `benchmark data status cifar10 fsdd --root /data`
    """
    from benchmark.cli.data import show_status

    raise typer.Exit(show_status(names or [], data_root(root), format=format))


@data.command("fetch")
def data_fetch(names: options.TargetNames, root: options.Root = None) -> None:
    """Download, verify and extract datasets. After an interruption, the same command continues.

    Exit code 1: a download failed. Exit code 2: a manual step is needed first, such as accepting a licence; the
    message says which.

    Example: `benchmark data fetch pets37 esc50 --root /data`
    """
    from benchmark.cli.data import fetch

    raise typer.Exit(fetch(names, data_root(root)))


@data.command("verify")
def data_verify(
    names: options.AnyTargetNames = None,
    root: options.Root = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only count the items; decode nothing.")] = False,
    format: options.TextOrJson = "text",
) -> None:
    """Compare published checksums, decode every item, and list what is missing or damaged (exit code 1).

    Without names, every target whose data are there is verified; one that is absent is a problem if it is named.

    Examples:

    `benchmark data verify --root /data`

    `benchmark data verify esc50 --root /data`
    """
    from benchmark.cli.data_verify import verify

    raise typer.Exit(verify(names or [], data_root(root), quick=quick, format=format))


@data.command("sample")
def data_sample(
    names: options.TargetNames,
    root: Annotated[Path, options.path("--root", help="Folder to write to; it must hold no real data.")],
) -> None:
    """Write a target's generated stand-in, in the dataset's own format, for a look at it.

    Example: `benchmark data sample cifar10 --root /tmp/samples`
    """
    from benchmark.cli.data import sample

    sample(names, root)


@data.command("items")
def data_items(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A target; see `benchmark list targets`.")],
    fold: Annotated[int, typer.Option("--fold", help="Fold of a target that has several.")] = 1,
    profile: options.Profile = "small",
    root: options.Root = None,
) -> None:
    """List the test items of a target in their order, as CSV with the columns `index` and `item`, without labels.

    A note on standard error has their number and the SHA-256 of their ids. Profiles with stand-ins list those.

    Example: `benchmark data items digits`
    """
    from benchmark.cli.data_lists import list_items

    list_items(name, profile, data_root(root), fold)


@data.command("classes")
def data_classes(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A target; see `benchmark list targets`.")],
) -> None:
    """List the classes of a target in their order, as CSV with the columns `class_index` and `class`.

    Example: `benchmark data classes digits`
    """
    from benchmark.cli.data_lists import list_classes

    list_classes(name)
