"""The commands that read results and make tables of them; each imports the code that does its work when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.exit_codes import FAILED
from modalities.errors import BadInput
from modalities.storage.paths import data_root


def table(
    words: options.ProfileOrReport = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", "-t", help="Only these targets: names or globs, or audio/*.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Only these sources: names or globs.")] = None,
    recipe: Annotated[list[str] | None, typer.Option("--recipe", help="Only these recipes: names or globs.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="NAME,…", help="These columns in this order; see `benchmark list columns`."),
    ] = None,
    pivot: Annotated[
        str, typer.Option("--pivot", metavar="target", help="target: a row per method, a column per target.")
    ] = "",
    check: Annotated[
        Path | None,
        options.path("--check", help="Compare this file (.tex .csv .md .html .json) with what the records give."),
    ] = None,
    format: options.TableFormat = "",
    width: options.Width = "",
    caption: options.Caption = "",
    latex_label: options.LatexLabel = "",
    no_float: options.NoFloat = False,
    profile: options.Profile = "",
    results: options.Results = options.LOCAL_RESULTS,
) -> None:
    """Print the leaderboard. It is computed from the records alone: the same records give the same bytes.

    Instead of a results folder, the records may be those inside a page that `benchmark report` wrote.

    Filters choose rows and change no figure of them: a rank stays the one among all rows of its target, and the table
    says so. Means are over the targets that `--target` leaves, and a source that lacks one of them has none. Rows that
    differ in method show what they cost. With `--check FILE`, nothing is printed but the difference, and exit code 1
    says that there is one.

    Examples:

    `benchmark table profile=small --format latex --width column --latex-label tab:main`

    `benchmark table --profile small --target 'cifar*' --columns target,source,score,rank,kl`

    `benchmark table --profile small --pivot target --check paper.tex`

    `benchmark table report.html --format csv`
    """
    from benchmark.cli.read_from import results_of
    from benchmark.cli.table import differs, show
    from benchmark.leaderboard.formats import column_names
    from benchmark.leaderboard.selection import Selection

    targets, sources, recipes = (tuple(options.split_names(given)) for given in (target, source, recipe))
    selection = Selection(targets, sources, recipes, column_names(options.split_names(columns)))
    is_latex = check.suffix.lower() == ".tex" if check else format == "latex"
    paper = options.paper_of(is_latex, width, caption, latex_label, no_float)
    with results_of(words, profile, "demo", results) as found:
        if check is None:
            show(found.folder, found.profile, format, selection, pivot, paper)
        elif differs(check, found, selection, pivot, paper):
            raise typer.Exit(FAILED)


def claims(
    words: options.ProfileOrReport = None,
    suite: Annotated[
        list[str] | None, typer.Option("--suite", help="Suites whose claims to show. Default: all that were run.")
    ] = None,
    format: options.ClaimsFormat = "text",
    width: options.Width = "",
    caption: options.Caption = "",
    latex_label: options.LatexLabel = "",
    no_float: options.NoFloat = False,
    profile: options.Profile = "",
    results: options.Results = options.LOCAL_RESULTS,
) -> None:
    """Say of each claim whether the records support it, contradict it or leave it undecided.

    Claims are predictions that a suite wrote down before it ran. `benchmark run --suite claims` runs those of the
    publication; docs/claims.md shows how to write your own. Shown are the difference of two variants with its 95 %
    interval, what was predicted, the smallest difference that these seeds and test items could detect, and p-values for
    and against, adjusted for their number (Holm). Nothing runs, and the verdict never changes the exit code. Without a
    profile, all are shown.

    Examples:

    `benchmark claims`

    `benchmark claims --suite mine profile=small --format latex`
    """
    from benchmark.cli.claims import show_claims
    from benchmark.cli.read_from import results_of

    paper = options.paper_of(format == "latex", width, caption, latex_label, no_float)
    with results_of(words, profile, "", results) as found:
        show_claims(found.folder, found.profile, options.split_names(suite), format, paper)


def report(
    settings: options.ProfileAlone = None,
    out: Annotated[Path | None, options.path("--out", help="HTML file to write. Default: report-PROFILE.html.")] = None,
    profile: options.Profile = "",
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
) -> None:
    """Write one page about all records of a profile: tables, charts, claims, the datum, costs and provenance.

    The page is a single file that opens from disk, needs no network, and prints; with scripts its tables sort and
    filter. It embeds the records that it was computed from, and the same records give the same bytes. A source that is
    a file of yours is shown if it lies in the folder of `--root` or in the current one. Takes seconds.

    Example: `benchmark report profile=small --out report.html`
    """
    from benchmark.cli.report import write_report

    name = options.profile_alone(settings, profile, "demo")
    page = write_report(results, name, data_root(root), out or Path(f"report-{name}.html"))
    typer.echo(f"wrote {page}")


def plot(
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="retention, curves, segments, ablations or claims; see below."),
    ],
    words: options.ProfileOrReport = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", "-t", help="Only these targets: names or globs, or audio/*.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Only these sources: names or globs.")] = None,
    width: Annotated[
        str, typer.Option("--width", help="As wide as a column (3.35 inches) or a page (6.9 inches) of a paper.")
    ] = "column",
    out: Annotated[
        Path | None, options.path("--out", help="File to write: .pdf, .png or .svg. Default: WHAT-PROFILE.pdf.")
    ] = None,
    profile: options.Profile = "",
    results: options.Results = options.LOCAL_RESULTS,
) -> None:
    """Write plots for a paper: those of `benchmark report`, as PDF, PNG (300 dpi) or SVG.

    retention: what students keep of their teachers' accuracy, with intervals and noise controls. curves: the loss of
    each student by the segments that it had seen. segments: accuracy against segments seen. ablations: retention of the
    variants of each suite. claims: differences that suites predicted, with their verdicts.

    The file has a plot for each target or kind of data; `--target` leaves only some. Plots of stand-ins say so. It is
    as wide as it says, with letters of 7 points, so include it in its own size. The same records give the same bytes.
    Colours suit any colour vision, and series differ in dashes and marks too.

    Examples:

    `benchmark plot retention profile=small --out retention.pdf`

    `benchmark plot curves profile=small --target cifar10 --width page --out curves.svg`

    `benchmark plot claims report.html --out claims.png`
    """
    from benchmark.cli.plot import write_plots
    from benchmark.cli.read_from import results_of
    from benchmark.leaderboard.selection import Selection

    selection = Selection(tuple(options.split_names(target)), tuple(options.split_names(source)))
    with results_of(words, profile, "demo", results) as found:
        written = write_plots(what, found, selection, width, out or Path(f"{what}-{found.profile}.pdf"))
    typer.echo(f"wrote {written}")


def why(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="A cell's id, or a part of it that no other cell has.")],
    results: options.Results = options.LOCAL_RESULTS,
    format: options.TextOrJson = "text",
) -> None:
    """Say where a number comes from, and give the command that makes it again.

    Shown are its settings as far as they differ from its profile's defaults, hashes of source and data, the teacher
    with its figures, versions, commit and machine, deviations from the published setting, seconds by phase, files, the
    runs that requested it, and a command for this cell alone.

    Example: `benchmark why cifar10-city.jpg-s0`
    """
    from benchmark.cli.why import explain_number

    explain_number(results, cell, format=format)


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A cell or a row by its id, or a results folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="What to compare it with: another one of the same kind.")],
    all_folds: Annotated[
        bool, typer.Option("--all-folds", help="Of two rows or cells, those of the other folds too.")
    ] = False,
    results: options.Results = options.LOCAL_RESULTS,
    format: options.TextOrJson = "text",
) -> None:
    """Say what changed from A to B: settings, environment, accuracy; and whether B is better, by a paired test.

    Two cells, or two rows with all of their seeds, are compared on the same test items. Of two folders, such as those
    of two versions or machines, the rows of the same settings or names are. Of a target with folds, `--all-folds` takes
    the test items of all folds together. Exit codes: 10 B is better, 11 B is worse (of two folders: in some row), 0
    neither can be said.

    Examples:

    `benchmark compare cifar10-china-s0 cifar10-city.jpg-s0`

    `benchmark compare results/before results/after --format json`
    """
    from benchmark.cli.compare import compare as compare_both

    raise typer.Exit(compare_both(first, second, results, all_folds=all_folds, format=format))


def forget(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="A row by its id, or a cell by a part of its id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    profile: options.Profile = "",
    results: options.Results = options.LOCAL_RESULTS,
) -> None:
    """Take cells out of the leaderboard, such as those of a setting that was given up; asks before it does.

    Only the notes of which cells were requested change: records and predictions stay where they are, and the run that
    requested the cells before takes them back. `profile=NAME` may stand among the names.

    Example: `benchmark forget 90a64858 profile=small`
    """
    from benchmark.cli.forget import retire

    settings = [name for name in names if name.startswith("profile=")]
    cells = [name for name in names if name not in settings]
    if not cells:
        raise BadInput("name the rows or cells to forget; the column `row` of the table in CSV has their ids.")
    retire(cells, results, options.profile_alone(settings, profile, "demo"), yes=yes)


def merge(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR | FILE",
            help="Results folders, such as those of other machines; files of predictions (.csv, .npz or .npy).",
        ),
    ],
    results: options.Results = options.LOCAL_RESULTS,
    profile: options.Profile = "small",
    root: options.Root = None,
    format: options.TextOrJson = "text",
) -> None:
    """Join results folders of several machines into the one of `--results`. Nothing there is overwritten.

    Cells are copied with their files and teachers, and each accuracy is computed again from its predictions first. A
    record that is not done gives way to one that is. Conflicts, such as other figures of the same cell, are left out,
    named, and lead to exit code 1.

    A FILE has what a student that was trained elsewhere predicts for each test item of a target, and a file of the same
    name that ends in `.yaml` says what it is (docs/predictions.md). It is scored here, on the labels below `--root`, or
    on the stand-in if the profile asks for one, and becomes a row of that profile's leaderboard: marked, in a block of
    its own, without a rank. `benchmark data items` and `benchmark data classes` list what to predict.

    Examples:

    `benchmark merge from-gpu/results from-laptop/results --results results/all`

    `benchmark merge theirs.csv --profile small --root /data`
    """
    from benchmark.cli.merge import join

    raise typer.Exit(join(names, results, profile, data_root(root), format=format))
