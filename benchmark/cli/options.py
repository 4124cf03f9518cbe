"""Arguments and options that several commands share: their names, their help and their checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modalities.errors import BadInput
from modalities.storage.paths import user_path

if TYPE_CHECKING:
    from benchmark.leaderboard.latex import Paper


def split_names(values: list[str] | None) -> list[str]:
    """Split an option that was given several times, or once with commas between the names."""
    return [part for value in values or [] for part in value.split(",") if part]


def with_profile(settings: list[str] | None, profile: str) -> list[str]:
    """Return settings with the profile of ``--profile`` among them. BadInput if both name one, and not the same."""
    typed = [text.partition("=")[2] for text in settings or [] if text.startswith("profile=")]
    if profile and any(other != profile for other in typed):
        raise BadInput(f"profile={typed[0]} and --profile {profile} contradict each other; give one of them.")
    return [*(settings or []), *([f"profile={profile}"] if profile and not typed else [])]


def profile_alone(settings: list[str] | None, profile: str, default: str) -> str:
    """Return what the profile is called that ``profile=NAME`` or ``--profile`` names, where nothing else can be set."""
    for text in settings or []:
        if not text.startswith("profile="):
            raise BadInput(f"'{text}' cannot be set here, where results are only read; give profile=NAME or nothing.")
    from benchmark.config.overrides import split_overrides
    from benchmark.config.own_files import name_of

    _, name, _ = split_overrides(with_profile(settings, profile), profile=default)
    return name_of("profile", name)


def _format(*formats: str, default: str = "") -> Any:
    """Make the option ``--format`` with its check; ``default`` says what is meant by an empty one."""

    def check(value: str) -> str:
        if value not in formats and (value or not default):
            raise BadInput(f"--format {value} is not known; choose {', '.join(formats)}.")
        return value

    return typer.Option("--format", help=f"{', '.join(formats[:-1])} or {formats[-1]}.{default}", callback=check)


def path(name: str, *, help: str) -> Any:
    """Make an option that takes a file or folder, with ``~`` for the home folder."""
    return typer.Option(name, help=help, callback=lambda given: None if given is None else user_path(given))


def paper_of(is_latex: bool, width: str, caption: str, label: str, no_float: bool) -> Paper:
    """Return what the options for LaTeX say. Raises BadInput if there are some and LaTeX is not made."""
    from benchmark.leaderboard.latex import Paper

    given = {"--width": width, "--caption": caption, "--latex-label": label, "--no-float": no_float}
    if not is_latex and any(given.values()):
        named = ", ".join(name for name, value in given.items() if value)
        raise BadInput(f"{named}: only LaTeX has this; add --format latex, or leave it out.")
    return Paper(width or "page", caption, label, floats=not no_float)


LOCAL_RESULTS = Path("results/local")

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings, such as `profile=small` or `'seeds=[0,1,2]'`."),
]
ProfileAlone = Annotated[
    list[str] | None, typer.Argument(metavar="profile=NAME", help="The same as `--profile NAME`.", show_default=False)
]
ProfileOrReport = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="profile=NAME | REPORT.html",
        help="The same as `--profile NAME`; or a page of `benchmark report`, whose records are read.",
        show_default=False,
    ),
]
Profile = Annotated[
    str,
    typer.Option("--profile", help="Profile: smoke, demo, small, paper or a YAML file; the same as `profile=NAME`."),
]
SuiteName = Annotated[str, typer.Option("--suite", help="Named set of cells; see `benchmark list suites`.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", help="Only these targets: names or globs, separated by commas."),
]
Modalities = Annotated[
    list[str] | None, typer.Option("--modality", "-m", help="Only targets of this modality: image, audio or video.")
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", "-x", help="Exclude these targets: names or globs, separated by commas."),
]
Controls = Annotated[
    list[str] | None,
    typer.Option(
        "--controls",
        help="Run each cell from this source as well, to see how much the datum matters: noise.",
    ),
]
Results = Annotated[Path, path("--results", help="Folder for records and leaderboards.")]
Root = Annotated[
    Path | None,
    path("--root", help="Folder with the real datasets. Default: BENCHMARK_DATA, else a per-user folder."),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    str, typer.Option("--jobs", help="Number of cells to run at once; auto: one per GPU, or as many as fit the cores.")
]
Label = Annotated[
    str, typer.Option("--label", help="What to call these cells in tables; the label of the last run counts.")
]
MaxTime = Annotated[str, typer.Option("--max-time", help="Stop after this time and keep checkpoints: 90s, 30m or 2h.")]
Launcher = Annotated[
    str,
    typer.Option(
        "--launcher", help="Run cells in local processes (local), as Slurm jobs (slurm) or as local jobs (local-jobs)."
    ),
]
ConfigFile = Annotated[
    Path | None, path("--config", help="Run exactly the cells of this file, which `benchmark config` printed.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Run nothing; print every setting as YAML, which `--config` takes back.")
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY=VALUE",
        help="A setting for each Slurm job: partition, time (minutes), mem, gpus_per_node … May be repeated.",
    ),
]
Log = Annotated[
    str, typer.Option("--log", help="Log to these besides: tensorboard, wandb, or FILE.py with a CALLBACK.")
]
CellsPerJob = Annotated[
    str, typer.Option("--cells-per-job", help="Number of cells that share a job; auto: half an hour of work.")
]
TextOrJson = Annotated[str, _format("text", "json")]
ClaimsFormat = Annotated[str, _format("text", "csv", "latex", "markdown", "html", "json")]
TableFormat = Annotated[
    str,
    _format("csv", "latex", "markdown", "html", "json", "text", default=" Default: text on a terminal, else markdown."),
]
Width = Annotated[str, typer.Option("--width", help="LaTeX: as wide as a page or a column. Default: page.")]
Caption = Annotated[str, typer.Option("--caption", help="LaTeX: a caption, written in LaTeX. Default: the title.")]
LatexLabel = Annotated[str, typer.Option("--latex-label", help="LaTeX: the label of the float, for \\ref.")]
NoFloat = Annotated[bool, typer.Option("--no-float", help="LaTeX: tables to be put in a float of your own.")]
TargetNames = Annotated[
    list[str], typer.Argument(metavar="NAME", help="Names of targets; see `benchmark list targets`.")
]
AnyTargetNames = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Names of targets. Default: all targets.")
]
