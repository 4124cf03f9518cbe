"""Files that are damaged blindly, each read in a child process with a limit on memory and on CPU time."""

from __future__ import annotations

import json
import multiprocessing
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
PER_CHILD = 1000  # files; a fresh process then, so that a slow leak of a library does not look like a large file


def content_of(decoder: Any, whole: list[bytes], seed: int, number: int) -> bytes:
    """Return damaged file ``number``; every second one with correct checksums, if the format has some."""
    rng = random.Random(f"{seed}/{decoder.name}/{number}")
    content = mutated(whole, rng, text=decoder.text)
    return decoder.fix_checksums(content) if number % 2 and decoder.fix_checksums else content


def _read_some(
    decoder: Any, whole: list[bytes], seed: int, end: int, keep: Path, scratch: Path, seen: dict[str, Any]
) -> None:
    """Read files up to number ``end``; seen.json in the scratch folder outlives this process."""
    judge.limit_memory()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    for number in range(seen["files"], end):
        content = content_of(decoder, whole, seed, number)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # not handled: either ends the process, wherever it is
        signal.setitimer(signal.ITIMER_REAL, judge.WALL_SECONDS)
        why = judge.judge(decoder, scratch / "root", content, seen, CPU_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if why:
            judge.keep_file(keep / f"{decoder.name}-{number}{Path(decoder.place).suffix}", content, why)
        (scratch / "seen.json").write_text(json.dumps(seen))


def fuzz(name: str, files: int, seed: int, keep: Path) -> dict[str, Any]:
    """Send ``files`` damaged files through a decoder; return a JSON-ready row of what happened."""
    from decoders import DECODERS

    decoder, began, seen = DECODERS[name], time.monotonic(), dict.fromkeys(judge.COUNTS, 0)
    crashes = hangs = 0
    with judge.scratch_folder(name) as scratch:
        whole = judge.prepare(decoder, scratch / "root")
        while (first := seen["files"]) < files:
            (scratch / "seen.json").write_text(json.dumps(seen))
            given = (decoder, whole, seed, min(files, first + PER_CHILD), keep, scratch, seen)
            child = multiprocessing.get_context("fork").Process(target=_read_some, args=given)
            child.start()
            child.join()
            seen = json.loads((scratch / "seen.json").read_text())
            if child.exitcode:
                hang = -child.exitcode in (signal.SIGPROF, signal.SIGALRM)
                hangs, crashes, number = hangs + hang, crashes + (not hang), seen["files"]
                path = keep / f"{name}-{number}{Path(decoder.place).suffix}"
                judge.keep_file(path, content_of(decoder, whole, seed, number), f"exit code {child.exitcode}\n")
                seen["files"] += 1
    return {
        "decoder": name, "reads": decoder.what, "seeds": len(whole), **seen, "crashes": crashes, "hangs": hangs,
        "seconds": round(time.monotonic() - began),
    }  # fmt: skip
