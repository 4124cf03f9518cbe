"""What an attempt at a cell came to: exceptions become a status and a reason."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from pathlib import Path

from benchmark.records.record import Status
from benchmark.running.teacher import Refused
from benchmark.system.memory import is_out_of_memory
from benchmark.training.callbacks import Interrupted
from benchmark.training.loop import Diverged
from modalities.errors import BadInput


class NoData(Exception):
    """The target's data are not on disk."""


# What would need less memory, by the phase that ran out of it. Micro-batches and single items were tried before.
_NEEDS_LESS = {
    "teacher": "a smaller teacher.training.batch, teacher.network or view",
    "distill": "a smaller recipe.batch",
}
_STATUS: dict[type[Exception], Status] = {
    NoData: "no data", Refused: "refused", Diverged: "diverged", BadInput: "failed",
}  # fmt: skip
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_FILE_LOST = (errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.ESTALE, errno.ENOTCONN)


def run_to_status(run: Callable[[], None], seconds: dict[str, float]) -> tuple[Status, str, str]:
    """Call ``run``, which fills ``seconds`` by phase; return status, reason, and a traceback if we may be at fault."""
    try:
        run()
    except Interrupted:  # not an outcome
        raise
    except tuple(_STATUS) as error:
        return next(status for kind, status in _STATUS.items() if isinstance(error, kind)), str(error), ""
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
            return "failed", f"{error.strerror}: {_file_name(error)}; free it and run again.", ""
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, OSError) and error.errno in _FILE_LOST:
            return "failed", f"{error.strerror}: {_file_name(error)}; was its folder moved or unmounted?", trace
        if is_out_of_memory(error):
            needs_less = _NEEDS_LESS.get(next(reversed(seconds), ""), "a smaller network or view")
            return "out of memory", f"memory ran out; {needs_less}, or fewer jobs, would need less.", trace
        return "failed", f"{type(error).__name__}: {error}", trace
    return "done", "", ""


def _file_name(error: OSError) -> str:
    return Path(error.filename or "a file").name
