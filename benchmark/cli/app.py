"""The command line: one short function per verb; heavy libraries are imported only by the verbs that need them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.exit_codes import DONE, FAILED, USAGE
from modalities.errors import BadInput

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Learning from a single datum: one image, recording or clip is cut into endless augmented segments, a student
    with random weights learns to match a teacher on those segments alone, and is scored on real test sets.

    **Start here:** `benchmark run --suite all` runs every target on small generated stand-ins, offline, in minutes.

    **Then:** put real data under one folder (`--root`) and run `benchmark run --suite all profile=small`.

    Settings are typed as `key=value` after the options: `recipe.temperature=4`, `source.image=photo.jpg`,
    `'seeds=[0,1,2]'`. `benchmark plan` shows what would run, `benchmark list settings` every key.

    Exit codes: 0 all cells done, 1 some failed, 2 wrong usage, 3 nothing could run, 4 stopped early (run it again).
    """,
)

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings, such as profile=small seeds=[0,1,2].")
]
SuiteName = Annotated[str, typer.Option("--suite", help="Named set of cells; see `benchmark list suites`.")]
Targets = Annotated[
    list[str] | None, typer.Option("--target", "-t", help="Only these: names or globs, commas between.")
]
Modalities = Annotated[list[str] | None, typer.Option("--modality", "-m", help="Only image, audio or video targets.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", "-x", help="Not these: names or globs.")]
Results = Annotated[Path, typer.Option("--results", help="Folder of records and leaderboards.")]
Root = Annotated[
    Path | None, typer.Option("--root", help="Folder of the real datasets; else BENCHMARK_DATA, else a per-user one.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[str, typer.Option("--jobs", help="Cells that run at once; auto fits the device's cores.")]
LOCAL = Path("results/local")


@app.command()
def run(
    overrides: Overrides = None,
    suite: SuiteName = "all",
    target: Targets = None,
    modality: Modalities = None,
    exclude: Exclude = None,
    results: Results = LOCAL,
    root: Root = None,
    device: Device = "auto",
    jobs: Jobs = "auto",
    max_time: Annotated[str, typer.Option("--max-time", help="Stop in good order after this long: 90s, 30m, 2h.")] = "",
    launcher: Annotated[
        str, typer.Option("--launcher", help="local, slurm (jobs of a cluster), or local-jobs (jobs on this machine).")
    ] = "local",
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            "--slurm", metavar="KEY=VALUE", help="Of each job: partition, time (minutes), mem, gpus_per_node …"
        ),
    ] = None,
    cells_per_job: Annotated[
        str, typer.Option("--cells-per-job", help="Cells that share a job; auto fills half an hour.")
    ] = "auto",
) -> None:
    """Run every cell that is not done yet, then write and show the leaderboard.

    Ctrl-C (or --max-time) leaves checkpoints behind: the same command continues where it was.

    Examples:

    `benchmark run --suite all`

    `benchmark run --target cifar10,fsdd profile=small source.image=photo.jpg 'seeds=[0,1,2]'`

    `benchmark run --suite all profile=paper --launcher slurm --slurm partition=gpu --slurm gpus_per_node=1`
    """
    from benchmark.cli.run import run_suite
    from benchmark.launch.groups import LaunchOptions

    wanted = LaunchOptions(launcher, tuple(slurm or ()), cells_per_job)
    device = wanted.device(device)
    elsewhere = launcher == "slurm"
    request = _request(overrides, suite, target, modality, exclude, root, device, elsewhere=elsewhere)
    raise typer.Exit(run_suite(request, results, device=device, jobs=jobs, max_time=max_time, wanted=wanted))


@app.command()
def plan(
    overrides: Overrides = None,
    suite: SuiteName = "all",
    target: Targets = None,
    modality: Modalities = None,
    exclude: Exclude = None,
    results: Results = LOCAL,
    root: Root = None,
    device: Device = "auto",
    jobs: Jobs = "auto",
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show every cell: done, to run, or no data, with the expected time and disk. Runs nothing."""
    from benchmark.cli.plan import show_plan

    request = _request(overrides, suite, target, modality, exclude, root, device, elsewhere=True)
    show_plan(request, results, jobs=jobs, format=_one_of(format, ("text", "json")))


@app.command("list")
def list_names(
    what: Annotated[
        str, typer.Argument(help="targets, suites, sources, policies, networks, profiles, recipes or settings.")
    ] = "targets",
    modality: Modalities = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List what there is: targets, suites, sources, policies, networks, profiles, recipes, settings."""
    from benchmark.cli.list_names import show_list

    show_list(what, modalities=_split(modality), format=_one_of(format, ("text", "json")))


@app.command()
def table(
    format: Annotated[str, typer.Option("--format", help="csv, latex, markdown, html or json.")] = "markdown",
    profile: Annotated[str, typer.Option("--profile", help="Which profile's records.")] = "demo",
    results: Results = LOCAL,
) -> None:
    """Print the leaderboard, computed from the records alone: the same records give the same bytes."""
    from benchmark.cli.table import render

    typer.echo(render(results, profile, _one_of(format, ("csv", "latex", "markdown", "html", "json"))), nl=False)


@app.command()
def preview(
    modality: Annotated[str, typer.Argument(help="image, audio or video.")],
    overrides: Overrides = None,
    target: Annotated[str, typer.Option("--target", "-t", help="See what this target's students see.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="PNG to write; default preview-MODALITY.png.")] = None,
) -> None:
    """Write a picture of the source datum and of the segments that a student sees."""
    from benchmark.cli.preview import write_preview

    path = write_preview(modality, target, overrides or [], out or Path(f"preview-{modality}.png"))
    typer.echo(f"wrote {path}")


@app.command()
def perf(
    overrides: Overrides = None,
    modality: Modalities = None,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the figures, as JSON and Markdown.")] = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Measure speed: segments per second beside other libraries, a step beside its bare networks, evaluation.

    A dozen minutes on one core. kornia is timed too where it is installed (`pip install -e '.[perf]'`).
    """
    from benchmark.cli.perf import show_perf
    from benchmark.system.devices import device_kind

    kind = device_kind(device)
    known = _one_of(format, ("text", "json"))
    show_perf(_split(modality), overrides or [], device=kind if device == "auto" else device, format=known, out=out)


@app.command()
def doctor(
    root: Root = None,
    results: Results = LOCAL,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Look for what would not work here, and say why: versions, devices, codecs, name collisions, data, folders."""
    from benchmark.cli.doctor import examine

    raise typer.Exit(DONE if examine(root, results, format=_one_of(format, ("text", "json"))) else FAILED)


data = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Real data: what is there, fetch, verify.")
app.add_typer(data, name="data")
TargetNames = Annotated[list[str], typer.Argument(metavar="NAME", help="Targets; see `benchmark list targets`.")]
AnyTargets = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Targets; all when none is named.")]


@data.command("status")
def data_status(
    names: AnyTargets = None,
    root: Root = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show for every target whether its data are there, how large they are, and the next step."""
    from benchmark.cli.data import show_status
    from modalities.storage.paths import data_root

    raise typer.Exit(show_status(names or [], data_root(root), format=_one_of(format, ("text", "json"))))


@data.command("fetch")
def data_fetch(names: TargetNames, root: Root = None) -> None:
    """Download, verify and unpack; the same command continues after a stop.

    Where an agreement or a hand is needed, it says what to do and ends with exit code 2; a failed download: 1.
    """
    from benchmark.cli.data import fetch
    from modalities.storage.paths import data_root

    raise typer.Exit(fetch(names, data_root(root)))


@data.command("verify")
def data_verify(
    names: TargetNames,
    root: Root = None,
    quick: Annotated[bool, typer.Option("--quick", help="Count only; decode nothing.")] = False,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Compare published checksums, decode every item, and name what is missing or damaged (exit code 1)."""
    from benchmark.cli.data_verify import verify
    from modalities.storage.paths import data_root

    raise typer.Exit(verify(names, data_root(root), quick=quick, format=_one_of(format, ("text", "json"))))


@data.command("sample")
def data_sample(
    names: TargetNames, root: Annotated[Path, typer.Option("--root", help="Folder that holds no real data.")]
) -> None:
    """Write the generated stand-in of a target, in the dataset's own format, to look at."""
    from benchmark.cli.data import sample

    raise typer.Exit(sample(names, root))


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="TARGET", help="Registered targets.")] = None,
    all_targets: Annotated[bool, typer.Option("--all", help="Every registered target.")] = False,
    root: Annotated[Path | None, typer.Option("--root", help="Check real data under this folder instead.")] = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Check a target adapter against the contract, item by item, on its stand-in or on real data."""
    from benchmark.cli.check import check_targets

    if bool(names) == all_targets:
        raise BadInput("name the targets to check, or say --all.")
    kept = check_targets(names or [], root, format=_one_of(format, ("text", "json")))
    raise typer.Exit(DONE if kept else FAILED)


@app.command()
def clean(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND]...", help="Only these; all where none is named.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove the kinds that are named.")] = False,
    records: Annotated[
        bool, typer.Option("--records", help="Take records too that no manifest asks for; nothing else does.")
    ] = False,
    results: Results = LOCAL,
    root: Root = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List what takes room and could go, by kind; remove kinds with `--yes`. Best while nothing runs.

    Kinds: stand-ins, sources, indexes, parts, checkpoints, attempts, teachers, jobs, downloads, records.
    """
    from benchmark.cli import clean as verb
    from modalities.storage.paths import data_root

    format = _one_of(format, ("text", "json"))
    verb.clean(kinds or [], results, data_root(root), records=records, yes=yes, format=format)


@app.command("new-target")
def new_target(
    name: Annotated[str, typer.Argument(help="What the target will be called, such as birds20.")],
    modality: Annotated[str, typer.Option("--modality", "-m", help="image, audio or video.")],
    package: Annotated[
        Path | None, typer.Option("--package", help="New folder for a package of your own; else into this checkout.")
    ] = None,
) -> None:
    """Write a target adapter that works at once, with its test: a folder of files per class to start from."""
    from benchmark.cli.new_target import scaffold

    scaffold(name, modality, package)


def _request(
    overrides: list[str] | None, suite: str, target: list[str] | None, modality: list[str] | None,
    exclude: list[str] | None, root: Path | None, device: str,
    *, elsewhere: bool,
) -> Any:  # fmt: skip
    from benchmark.config.overrides import split_overrides
    from benchmark.planning.select import Request
    from benchmark.system.devices import device_kind
    from modalities.storage.paths import data_root

    rest, profile, suite = split_overrides(overrides or [], suite=suite)
    return Request(
        suite=suite, profile=profile, overrides=tuple(rest), targets=tuple(_split(target)),
        modalities=tuple(_split(modality)), exclude=tuple(_split(exclude)), root=data_root(root),
        device=device_kind(device, elsewhere=elsewhere),
    )  # fmt: skip


def _split(values: list[str] | None) -> list[str]:
    return [part for value in values or [] for part in value.split(",") if part]


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadInput(f"--format {value} is not known; choose {', '.join(known)}.")
    return value


def main() -> None:
    """Entry point: what a user did wrong is one sentence and exit code 2."""
    try:
        app()
    except BadInput as error:
        print(f"benchmark: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        sys.exit(DONE)
