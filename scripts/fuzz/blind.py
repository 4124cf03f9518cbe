"""Files that are damaged blindly, each read in a child process with a limit on memory and on CPU time."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import resource
import signal
import time
from pathlib import Path
from typing import Any

import judge
from mutate import mutated

LOG = "fuzz.json"
LIBRARIES: tuple[str, ...] = ()  # beyond those of the decoders
CPU_SECONDS: float = 5  # for one file
WALL_SECONDS = 60  # for one file, asleep or on a busy machine
PER_CHILD = 1000  # files; a fresh process then, so that a slow leak of a library does not look like a large file


class Tally(ctypes.Structure):
    """What a child has seen, in memory that outlives it."""

    _fields_ = [("at", ctypes.c_long), ("decoded", ctypes.c_long), ("refused", ctypes.c_long),
                ("other_exceptions", ctypes.c_long), ("slowest", ctypes.c_double), ("peak", ctypes.c_long)]  # fmt: skip


def content_of(decoder: Any, whole: list[bytes], seed: int, number: int) -> bytes:
    """Return damaged file ``number``; every second one with correct checksums, if the format has some."""
    rng = random.Random(f"{seed}/{decoder.name}/{number}")
    content = mutated(whole, rng, text=decoder.text)
    return decoder.fix_checksums(content) if number % 2 and decoder.fix_checksums else content


def _child(decoder: Any, whole: list[bytes], seed: int, numbers: range, root: Path, keep: Path, tally: Tally) -> None:
    judge.limit_memory()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    place = root / decoder.place
    for number in numbers:
        tally.at = number
        judge.write_file(place, content_of(decoder, whole, seed, number), number)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # not handled: either ends the process, wherever it is
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        began = time.process_time()
        kind, why = judge.verdict(decoder, root)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        setattr(tally, kind, getattr(tally, kind) + 1)
        if why:
            judge.keep_file(keep, f"{decoder.name}-{number}", place.suffix, place.read_bytes(), why)
        tally.slowest = max(tally.slowest, time.process_time() - began)
        tally.peak = max(tally.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def fuzz(name: str, files: int, seed: int, keep: Path) -> dict[str, Any]:
    """Send ``files`` damaged files through a decoder; return a JSON-ready row of what happened."""
    from decoders import DECODERS

    decoder = DECODERS[name]
    suffix = Path(decoder.place).suffix
    tally = Tally.from_buffer(mmap.mmap(-1, ctypes.sizeof(Tally)))
    began, crashes, hangs, first = time.monotonic(), 0, 0, 0
    with judge.scratch_folder(name) as scratch:
        os.environ["BENCHMARK_CACHE"] = str(scratch / "cache")
        root = scratch / "root"
        whole = judge.prepare(decoder, root)
        while first < files:
            end = min(files, first + PER_CHILD)
            child = os.fork()
            if child == 0:
                try:
                    _child(decoder, whole, seed, range(first, end), root, keep, tally)
                finally:
                    os._exit(0)
            status = os.waitpid(child, 0)[1]
            if os.WIFSIGNALED(status):
                killer = signal.Signals(os.WTERMSIG(status))
                hang = killer in (signal.SIGPROF, signal.SIGALRM)
                hangs, crashes, end = hangs + hang, crashes + (not hang), tally.at + 1
                content = content_of(decoder, whole, seed, tally.at)
                judge.keep_file(keep, f"{name}-{tally.at}", suffix, content, f"killed by {killer.name}\n")
            first = end
    return {
        "decoder": name, "reads": decoder.what, "files": files, "seeds": len(whole), "decoded": tally.decoded,
        "refused": tally.refused, "other_exceptions": tally.other_exceptions, "crashes": crashes, "hangs": hangs,
        "slowest_cpu_seconds": round(tally.slowest, 2), "peak_memory_mib": tally.peak >> 20,
        "seconds": round(time.monotonic() - began), "commit": judge.commit(),
    }  # fmt: skip
