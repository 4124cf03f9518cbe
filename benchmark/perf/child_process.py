"""Measuring in a separate process, which has the memory allocator of a run's workers."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from benchmark.system import allocator
from modalities.errors import BadInput


def measure_in_subprocess(modalities: Sequence[str], overrides: Sequence[str], device: str) -> dict[str, Any]:
    """Return what ``measure`` finds, with the machine. Raise BadInput for a setting, or if the process ended early."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(theirs, modalities, overrides, device), daemon=True)
    with allocator.for_children():
        process.start()
    theirs.close()
    try:
        found: dict[str, Any] | str = ours.recv()
    except EOFError:
        process.join()
        raise BadInput(f"the process that measures ended early, with exit code {process.exitcode}.") from None
    finally:
        process.terminate()
        process.join()
    if isinstance(found, str):
        raise BadInput(found)
    return found


def _measure(pipe: Connection, modalities: Sequence[str], overrides: Sequence[str], device: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends this one
    import torch

    from benchmark.perf.measure import measure
    from benchmark.perf.timing import machine

    torch.set_num_threads(1)  # like the cells of a run
    place = torch.device(device)
    try:
        found: dict[str, Any] = measure(
            modalities, overrides, place, lambda text: print(text, file=sys.stderr, flush=True)
        )
    except BadInput as error:
        pipe.send(str(error))
    else:
        pipe.send({**found, "machine": machine(place)})
