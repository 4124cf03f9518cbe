"""The commands and their help. Each imports the code that does its work when it runs, so that help appears quickly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.author_commands import check, new, new_target
from benchmark.cli.cell_commands import export, insight
from benchmark.cli.data_commands import data
from benchmark.cli.exit_codes import DONE, FAILED, USAGE
from benchmark.cli.output import print_version, print_whatever_is_said
from benchmark.cli.remedies import explain
from benchmark.cli.run_commands import config, plan, run
from benchmark.cli.table_commands import claims, compare, forget, merge, plot, report, table, why
from benchmark.cli.text_table import say
from modalities.errors import BadInput
from modalities.storage.paths import data_root

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Learn from a single datum: one image, recording or clip is cut into an endless stream of augmented segments.
    A student with random weights learns to match a teacher on those segments alone, and is scored on real test sets.

    **Start here:** `benchmark run --suite all` runs every target on small generated stand-ins, offline, in minutes.

    **Then:** put real datasets into one folder (`--root`) and run `benchmark run --suite all profile=small`.

    A *cell* is one experiment: a target, a source and a seed. Settings follow the options as `key=value`:
    `recipe.temperature=4`, `source.image=photo.jpg`, `'seeds=[0,1,2]'`. `benchmark list settings` shows every key,
    and `benchmark plan` what would run.

    Exit codes: 0 all cells are done, 1 some failed, 2 wrong usage, 3 nothing could run, 4 stopped early (to continue,
    run the same command again).
    """,
)


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Print the version, and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command; the help is the one of ``app``."""


app.command()(run)


app.command()(plan)


app.command("config")(config)


@app.command("list")
def list_names(
    what: Annotated[
        str,
        typer.Argument(
            help="targets, suites, sources, policies, networks, losses, methods, profiles, recipes, settings, columns."
        ),
    ] = "targets",
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME | KEY=VALUE", help="With settings: names or globs, such as `'recipe.*'`."),
    ] = None,
    modality: options.Modalities = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            "-t",
            help="With settings: their defaults for this target. With sources: what its saved teacher makes of them.",
        ),
    ] = "",
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    profile: options.Profile = "",
    device: options.Device = "auto",
    format: options.TextOrJson = "text",
) -> None:
    """List the names that settings and options accept: targets, suites, sources, policies, networks and more.

    Sources have a density: entropy of the grey values in bits, share of pixels at an edge, and slope of the spectrum;
    spectral flatness and onsets per second for recordings. With `--target`, the target's saved teacher sees 512
    segments of each, and no student is trained: spread of its mean probability (of two policies, the lower one is
    the better), number of classes reached, and uncertainty (mean entropy in bits). Settings choose the teacher and
    the policy, and `source.image=FILE` adds a file of your own.

    Settings have their type, default, choices or bounds, and meaning; the defaults are those of `profile=`, and with
    `--target` of that target, under whatever else is set.

    Examples:

    `benchmark list networks --modality audio`

    `benchmark list settings 'recipe.*' --target cifar10 profile=small`

    `benchmark list sources --target digits source.image=photo.jpg`
    """
    from benchmark.cli.list_names import show_list

    overrides = options.with_profile(overrides, profile)
    show_list(
        what, modalities=options.split_names(modality), format=format, target=target, overrides=overrides,
        results=results, root=data_root(root), device=device,
    )  # fmt: skip


app.command()(table)


app.command()(claims)


app.command()(report)
app.command()(plot)


app.command()(why)


app.command()(compare)


app.command()(forget)


app.command()(merge)


@app.command()
def preview(
    modality: Annotated[str, typer.Argument(help="image, audio or video.")],
    overrides: options.Overrides = None,
    target: Annotated[
        str, typer.Option("--target", "-t", help="Target whose view to use. Default: the first of the modality.")
    ] = "",
    profile: options.Profile = "",
    out: Annotated[Path | None, options.path("--out", help="PNG to write. Default: preview-MODALITY.png.")] = None,
) -> None:
    """Draw the source datum, some of the segments that a student sees, and what each step of the policy does to them.

    Below the segments, one row for each step shows the same segments: with all steps, with the crop alone, and with
    the crop and one step. `'policy.off=[colour,rotation]'` switches steps off; `benchmark list policies` names them.

    Example: `benchmark preview image source.image=photo.jpg --out segments.png`
    """
    from benchmark.cli.preview import write_preview

    settings = options.with_profile(overrides, profile)
    path = write_preview(modality, target, settings, out or Path(f"preview-{modality}.png"))
    typer.echo(f"wrote {path}")


@app.command()
def perf(
    overrides: options.Overrides = None,
    modality: options.Modalities = None,
    device: options.Device = "auto",
    out: Annotated[
        Path | None, options.path("--out", help="Folder to write the results to, as JSON and Markdown.")
    ] = None,
    format: options.TextOrJson = "text",
) -> None:
    """Measure speed: segments per second compared with other libraries, training steps, and evaluation.

    Steps are shown with their parts, and with their floating-point operations per second beside those of a matrix
    product. Takes about fifteen minutes on one core. kornia, albumentations and audiomentations are measured too if
    they are installed (`pip install -e '.[perf]'`).

    Example: `benchmark perf --modality image --out results/perf`
    """
    from benchmark.cli.perf import show_perf
    from benchmark.system.devices import device_kind

    kind = device_kind(device)
    device = kind if device == "auto" else device
    show_perf(options.split_names(modality), overrides or [], device=device, format=format, out=out)


@app.command()
def doctor(
    root: options.Root = None, results: options.Results = options.LOCAL_RESULTS, format: options.TextOrJson = "text"
) -> None:
    """Check this installation: versions, devices, codecs, name collisions, folders and data. Exit code 1: a problem."""
    from benchmark.cli.doctor import examine

    raise typer.Exit(DONE if examine(root, results, format=format) else FAILED)


app.command()(export)


app.command()(insight)


app.add_typer(data, name="data")


app.command()(check)


@app.command()
def clean(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="KIND", help="Kinds of files to list or remove. Default: all.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove the given kinds.")] = False,
    records: Annotated[
        bool,
        typer.Option("--records", help="Include records that no manifest lists. Only this option removes records."),
    ] = False,
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    format: options.TextOrJson = "text",
) -> None:
    """List files that use disk space and can be removed, by kind; with `--yes`, remove the given kinds.

    Kinds: stand-ins, sources, indexes, parts, checkpoints, attempts, teachers, jobs, downloads, records. Run it while
    no other command is running.

    Examples:

    `benchmark clean`

    `benchmark clean stand-ins attempts --yes`
    """
    from benchmark.cli.clean import clean as list_or_remove

    list_or_remove(kinds or [], results, data_root(root), records=records, yes=yes, format=format)


app.command("new-target")(new_target)
app.command()(new)


def main() -> None:
    """Run the command line; wrong usage ends with one sentence and exit code 2."""
    print_whatever_is_said()
    try:
        app(prog_name="benchmark")  # with python -m too: the name that a shell completes
    except BadInput as error:
        say(f"benchmark: {explain(error)}", file=sys.stderr)
        sys.exit(USAGE)
    except BrokenPipeError:  # the program that reads our output has ended
        sys.stderr.close()
        sys.exit(DONE)
