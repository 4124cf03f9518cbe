"""What the command line adds to an error: the option that sets the argument at fault."""

from __future__ import annotations

from modalities.errors import Argument, BadInput, UnknownName

OPTIONS: dict[Argument, str] = {
    "results": "--results DIR",
    "root": "--root DIR",
    "device": "--device",
    "jobs": "--jobs N",
    "launcher": "--launcher",
    "slurm": "--slurm KEY=VALUE",
    "cells_per_job": "--cells-per-job N",
    "targets": "--target, --modality, --exclude",
}


LOG = "--log FILE.py, --log tensorboard or --log wandb"
# What is an option and may be taken for a setting, by how it would be typed as one.
INSTEAD = {
    **dict.fromkeys(("callback", "callbacks", "log", "logger", "loggers"), LOG),
    **dict.fromkeys(("target", "targets"), "--target NAME"),
    **dict.fromkeys(("control", "controls"), "--controls noise"),
    "modality": "--modality NAME", "exclude": "--exclude NAME", "label": "--label TEXT", "results": "--results DIR",
    "root": "--root DIR", "device": "--device NAME", "jobs": "--jobs N", "launcher": "--launcher NAME",
    "slurm": "--slurm KEY=VALUE", "max_time": "--max-time 30m", "cells_per_job": "--cells-per-job N",
}  # fmt: skip


def explain(error: Exception) -> str:
    """Return an error as one line: a BadInput's sentence with the option to use, any other error with its type."""
    if not isinstance(error, BadInput):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, UnknownName) and error.kind.startswith("setting of ") and error.name in INSTEAD:
        return f"'{error.name}' is not a setting but an option; write {INSTEAD[error.name]}."
    if error.about is None:
        return str(error)
    return f"{str(error).removesuffix('.')} ({OPTIONS[error.about]})."
