"""What the command line adds to an error: the option that sets the argument at fault."""

from __future__ import annotations

from modalities.errors import Argument, BadInput

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


def explain(error: Exception) -> str:
    """Return an error as one line: a BadInput's sentence with the option to use, any other error with its type."""
    if not isinstance(error, BadInput):
        return f"{type(error).__name__}: {error}"
    if error.about is None:
        return str(error)
    return f"{str(error).removesuffix('.')} ({OPTIONS[error.about]})."
