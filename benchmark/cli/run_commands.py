"""The commands about cells that are yet to run: options in, one call out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark.cli import options
from benchmark.cli.exit_codes import DONE
from modalities.storage.paths import data_root

if TYPE_CHECKING:
    from benchmark.planning.resolve import Resolved
    from benchmark.planning.select import Request


def run(
    overrides: options.Overrides = None,
    suite: options.SuiteName = "all",
    target: options.Targets = None,
    modality: options.Modalities = None,
    exclude: options.Exclude = None,
    controls: options.Controls = None,
    label: options.Label = "",
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    profile: options.Profile = "",
    device: options.Device = "auto",
    jobs: options.Jobs = "auto",
    max_time: options.MaxTime = "",
    launcher: options.Launcher = "local",
    slurm: options.Slurm = None,
    log: options.Log = "",
    cells_per_job: options.CellsPerJob = "auto",
    config_file: options.ConfigFile = None,
    dry_run: options.DryRun = False,
) -> None:
    """Run every cell that is not done yet, then write and print the leaderboard.

    After Ctrl-C or `--max-time`, the same command continues from the last checkpoints.

    Examples:

    `benchmark run --suite all`

    `benchmark run --target cifar10,fsdd profile=small source.image=photo.jpg 'seeds=[0,1,2]' --controls noise`

    `benchmark run --target cifar10 profile=small recipe.mixing=none --label 'without CutMix'`

    `benchmark run --suite all profile=paper --launcher slurm --slurm partition=gpu --slurm gpus_per_node=1`

    `benchmark run --config mine.yaml`
    """
    from benchmark.cli.config import print_config
    from benchmark.cli.run import log_to, parse_duration, run_suite
    from benchmark.launch.groups import LaunchOptions

    log_to(log)
    launch = LaunchOptions(launcher, tuple(slurm or ()), cells_per_job, device, jobs)
    seconds, on_slurm = parse_duration(max_time), launcher == "slurm"
    asked = _asked(
        options.with_profile(overrides, profile), suite, target, modality, exclude, controls, root, launch.job_device,
        other_machine=on_slurm, label=label.strip(), config_file=config_file,
    )  # fmt: skip
    if dry_run:
        print_config(asked)
        raise typer.Exit(DONE)
    raise typer.Exit(run_suite(asked, launch, results, seconds))


def plan(
    overrides: options.Overrides = None,
    suite: options.SuiteName = "all",
    target: options.Targets = None,
    modality: options.Modalities = None,
    exclude: options.Exclude = None,
    controls: options.Controls = None,
    results: options.Results = options.LOCAL_RESULTS,
    root: options.Root = None,
    profile: options.Profile = "",
    device: options.Device = "auto",
    jobs: options.Jobs = "auto",
    config_file: options.ConfigFile = None,
    format: options.TextOrJson = "text",
) -> None:
    """Show every cell and its state (done, to run or no data), with the expected time and disk space.

    Runs nothing. Takes the same options and settings as `benchmark run`.

    Example: `benchmark plan --suite all profile=small`
    """
    from benchmark.cli.plan import show_plan

    overrides = options.with_profile(overrides, profile)
    asked = _asked(
        overrides, suite, target, modality, exclude, controls, root, device, other_machine=True, config_file=config_file
    )
    show_plan(asked, results, jobs=jobs, format=format)


def config(
    overrides: options.Overrides = None,
    suite: options.SuiteName = "all",
    target: options.Targets = None,
    modality: options.Modalities = None,
    exclude: options.Exclude = None,
    controls: options.Controls = None,
    label: options.Label = "",
    profile: options.Profile = "",
    device: options.Device = "auto",
) -> None:
    """Print every setting of the cells that these options mean, as YAML, with nothing left to a default.

    `benchmark run --config FILE` takes it back and runs the same cells, with the same ids. Takes the same options and
    settings as `benchmark run`; no data are needed. Settings that all cells share come first. What `auto` means was
    decided here, for `--device`.

    Examples:

    `benchmark config --target digits profile=small`

    `benchmark config --suite mixing --target cifar10 recipe.lr=0.01 > mine.yaml`
    """
    from benchmark.cli.config import print_config

    overrides = options.with_profile(overrides, profile)
    print_config(
        _asked(
            overrides, suite, target, modality, exclude, controls, None, device, other_machine=True, label=label.strip()
        )
    )


def _asked(
    overrides: list[str] | None, suite: str, target: list[str] | None, modality: list[str] | None,
    exclude: list[str] | None, controls: list[str] | None, root: Path | None, device: str,
    *, other_machine: bool, label: str = "", config_file: Path | None = None,
) -> Request | Resolved:  # fmt: skip
    """Make a request, or read a file in its place; the device may be that of an ``other_machine``."""
    from benchmark.cli.config import read_config
    from benchmark.config.overrides import split_overrides
    from benchmark.planning.select import Request
    from benchmark.system.devices import device_kind

    kind = device_kind(device, elsewhere=other_machine)  # which then need not exist here
    if config_file:
        given = {
            "settings": overrides, "--suite": suite != "all", "--target": target, "--modality": modality,
            "--exclude": exclude, "--controls": controls, "--label": label,
        }  # fmt: skip
        return read_config(config_file, data_root(root), kind, given)
    rest, profile, suite = split_overrides(overrides or [], suite=suite)
    return Request(
        suite=suite, profile=profile, overrides=tuple(rest), targets=tuple(options.split_names(target)),
        modalities=tuple(options.split_names(modality)), exclude=tuple(options.split_names(exclude)),
        controls=tuple(options.split_names(controls)), root=data_root(root), device=kind, label=label,
    )  # fmt: skip
