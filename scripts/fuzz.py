"""Mutated files through every decoder: each is read or refused in one sentence, and nothing else may happen.

    python scripts/fuzz.py [--files 10000] [--decoders png,wav] [--jobs 2] [--out results/measured/robustness]

Whole files are written by our own stand-ins and generators (``fuzz_decoders.py``) and damaged by bit flips, cuts,
splices, edited lengths and hostile pieces. What file N of a decoder holds depends on (seed, decoder, N) alone. Decoding
happens in child processes with a limit on memory and on CPU time; one that dies is replaced and its file is kept
under ``--keep``. A fault is: any exception but BadInput, a sentence with a line break or a control character, a crash,
more than 5 s of CPU time (or a minute asleep), more than 2 GiB of memory. Writes fuzz.json; exit code 1 on any fault.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import mmap
import multiprocessing
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

CPU_SECONDS, WALL_SECONDS, MEMORY = 5, 60, 2 << 30
PER_CHILD = 1000  # files; a fresh process then, so that a slow leak of a library is not taken for a large file
SHOWN = 20  # faults of a decoder that are listed
LIBRARIES = ("pillow", "soundfile", "soxr", "av", "scipy", "numpy", "safetensors", "torch")

# --- mutation ----------------------------------------------------------------------------------------------------

_NUMBERS = (0, 1, 2, 3, 7, 8, 15, 16, 100, 255, 256, 1000, 4095, 65_535, 1 << 16, 1 << 20, (1 << 24) - 1, 1 << 28,
            (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_PIECES = (
    b"\0", b"\xff", b"\xff" * 9, b"\0" * 64, b"\n", b"\r\n", b'"', b"'", b",", b";", b" ", b"\t", b"/", b"../", b"..",
    b"\\", b"=1+1", b"+1", b"-1", b"@x", b"\x1b[31m", b"\x07", b"\xc2\xb2", b"\xd9\xa3", b"\xe2\x80\xae", b"\xc3\x28",
    b"\xef\xbb\xbf", b"\xed\xa0\x80", b"9" * 30, b"9" * 5000, b"NaN", b"-Infinity", b"1e999", b"1e-999", b"-0", b"0x1",
    b"[" * 20_000, b'{"a":' * 5000, b"(" * 200, b"<script>", b"${oc.env:HOME}", b"%s%n", b"None", b"null", b"true",
    b"a" * 140_000,
)  # fmt: skip


def mutated(whole: list[bytes], rng: random.Random, *, text: bool = False) -> bytes:
    """One damaged file, made from whole ones."""
    base = bytearray(rng.choice(whole))
    first = rng.choice((0, 0, min(64, len(base) // 2)))  # half of the time the head stays as it is
    last = rng.choice((len(base), len(base), max(first, min(128, len(base)))))  # and now and then all but the head
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        kind = rng.choices(range(9), (1, 1, 1, 1, 1, 1, 6, 3, 1) if text else (5, 3, 6, 2, 2, 2, 1, 0, 2))[0]
        _damage(base, kind, first, min(last, len(base)), whole, rng)
    return bytes(base)


def _damage(data: bytearray, kind: int, first: int, last: int, whole: list[bytes], rng: random.Random) -> None:
    if not data:
        return
    at = rng.randrange(first, last) if first < last else rng.randrange(len(data))
    length = rng.choice((1, 2, 4, 16, rng.randrange(1, 1 + len(data))))
    if kind == 0:  # flip bits
        for _ in range(rng.choice((1, 1, 4, 16))):
            data[rng.randrange(first, last) if first < last else at] ^= 1 << rng.randrange(8)
    elif kind == 1:  # overwrite
        data[at : at + min(length, 32)] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * min(length, 32)
    elif kind == 2:  # edit what may be a length, a size or a count
        width, order = rng.choice((1, 2, 4, 4, 8)), rng.choice(_ORDERS)
        value = int.from_bytes(data[at : at + width], order)
        value = rng.choice((*_NUMBERS, value + 1, value - 1, value * 2, value // 2, len(data), -value))
        data[at : at + width] = (value % (1 << (8 * width))).to_bytes(width, order)
    elif kind == 3:  # cut off
        del data[at:]
    elif kind == 4:  # take out
        del data[at : at + length]
    elif kind == 5:  # splice: from here on, another file's end
        other = rng.choice(whole)
        data[at:] = other[rng.randrange(len(other) + 1) :]
    elif kind == 6:  # a hostile piece, put in or over
        piece = rng.choice(_PIECES)
        data[at : at + rng.choice((0, len(piece)))] = piece
    elif kind == 7:  # a hostile piece in the place of a number or word
        end = at
        while end < len(data) and chr(data[end]).isalnum():
            end += 1
        data[at:end] = rng.choice(_PIECES)
    else:  # say something twice
        data[at:at] = data[at : at + length]


# --- children ----------------------------------------------------------------------------------------------------


class Tally(ctypes.Structure):
    """What a child has seen, in memory that outlives it."""

    _fields_ = [("at", ctypes.c_long), ("decoded", ctypes.c_long), ("refused", ctypes.c_long),
                ("faults", ctypes.c_long), ("slowest", ctypes.c_double), ("peak", ctypes.c_long)]  # fmt: skip


def content_of(decoder: Any, whole: list[bytes], seed: int, number: int) -> bytes:
    """File ``number``: damaged, and every second one then given right checksums, where the format has some."""
    rng = random.Random(f"{seed}/{decoder.name}/{number}")
    content = mutated(whole, rng, text=decoder.text)
    return decoder.mend(content) if number % 2 and decoder.mend else content


def fault_of(error: BaseException) -> str | None:
    """What is wrong with an exception; None for a proper refusal, which no want of memory may hide behind."""
    from modalities.errors import BadInput

    behind: BaseException | None = error
    while behind is not None:
        # FFmpeg says so too of what passes its own limit of 2 GiB, and asks for nothing then.
        if isinstance(behind, MemoryError) and type(behind).__module__ != "av.error":
            return f"{type(error).__name__} for want of memory: {error}"[:300]
        behind = behind.__cause__ or behind.__context__
    if isinstance(error, BadInput):
        text = str(error)
        return None if text.isprintable() and text else f"a sentence that is no clean line: {text!r}"
    return f"{type(error).__name__}: {error}"[:300]


def _child(decoder: Any, whole: list[bytes], seed: int, numbers: range, root: Path, keep: Path, tally: Tally) -> None:
    used = int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    place = root / decoder.place
    for number in numbers:
        tally.at = number
        place.write_bytes(content_of(decoder, whole, seed, number))
        os.utime(place, ns=(number * 10**9, number * 10**9))  # readers that remember a file see that it is another
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # not handled: they end the process, wherever it is
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        started = time.process_time()
        try:
            decoder.read(root)
            tally.decoded += 1
        except BaseException as error:
            if fault := fault_of(error):
                tally.faults += 1
                _keep(keep, decoder, number, place.read_bytes(), f"{fault}\n\n{traceback.format_exc()[-3000:]}")
            else:
                tally.refused += 1
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        tally.slowest = max(tally.slowest, time.process_time() - started)
        tally.peak = max(tally.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _keep(keep: Path, decoder: Any, number: int, content: bytes, why: str) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    name = f"{decoder.name}-{number}"
    (keep / f"{name}{Path(decoder.place).suffix}").write_bytes(content)
    (keep / f"{name}.why").write_text(why, encoding="utf-8", errors="backslashreplace")


def hammer(name: str, files: int, seed: int, keep: Path) -> dict[str, Any]:
    """Send ``files`` mutated files through a decoder; what came of them, ready for JSON."""
    from benchmark.records.provenance import provenance
    from fuzz_decoders import DECODERS

    decoder = DECODERS[name]
    scratch = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    os.environ["BENCHMARK_CACHE"] = str(scratch / "cache")
    shared = mmap.mmap(-1, ctypes.sizeof(Tally))
    tally = Tally.from_buffer(shared)
    root = scratch / "root"
    root.mkdir()
    started, crashes, hangs = time.monotonic(), 0, 0
    try:
        whole = decoder.seeds(root)
        (root / decoder.place).parent.mkdir(parents=True, exist_ok=True)
        for content in whole:  # a seed that does not decode would make every refusal look like the fuzzer's work
            (root / decoder.place).write_bytes(content)
            decoder.read(root)
        first = 0
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
                ended = signal.Signals(os.WTERMSIG(status))
                hang = ended in (signal.SIGPROF, signal.SIGALRM)
                hangs, crashes, end = hangs + hang, crashes + (not hang), tally.at + 1
                _keep(keep, decoder, tally.at, content_of(decoder, whole, seed, tally.at), f"killed by {ended.name}\n")
            first = end
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {
        "decoder": name, "reads": decoder.what, "files": files, "seeds": len(whole), "decoded": tally.decoded,
        "refused": tally.refused, "other_exceptions": tally.faults, "crashes": crashes, "hangs": hangs,
        "slowest_cpu_seconds": round(tally.slowest, 2), "peak_memory_mib": tally.peak >> 20,
        "seconds": round(time.monotonic() - started), "commit": provenance("cpu", 1)["commit"],
    }  # fmt: skip


def faults_in(row: dict[str, Any]) -> int:
    """How many files of a row were neither decoded nor properly refused."""
    lost = row["files"] - row["decoded"] - row["refused"]
    return int(max(lost, row["other_exceptions"] + row["crashes"] + row["hangs"]))


def main() -> int:
    """Run the decoders asked for, ``--jobs`` at a time, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="per decoder")
    add_arguments(parser)
    given = parser.parse_args()
    rows = {}
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        names = given.decoders.split(",")
        tasks = {pool.submit(hammer, name, given.files, given.seed, given.keep): name for name in names}
        for task in as_completed(tasks):
            if error := task.exception():
                sys.exit(f"{tasks[task]}: a whole file is not read: {type(error).__name__}: {error}")
            row = task.result()
            rows[row["decoder"]] = row
            print(json.dumps(row), flush=True)
            if given.out:
                write_log(given.out / "fuzz.json", list(rows.values()), faults_in, seed=given.seed)
    return summed_up(list(rows.values()), faults_in, given.keep)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be asked of either way to make files."""
    from fuzz_decoders import DECODERS

    parser.add_argument("--decoders", default=",".join(DECODERS), help="names, commas between")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-faults")
    parser.add_argument("--out", type=Path, help="folder for the log")


def summed_up(rows: list[dict[str, Any]], faults: Callable[[dict[str, Any]], int], keep: Path) -> int:
    """Say what came of all decoders together; the exit code."""
    found = sum(map(faults, rows))
    print(f"{sum(row['files'] for row in rows):,} files, {len(rows)} decoders, {found} faults")
    if found:
        print(f"the files are in {keep}")
    return 1 if found else 0


def write_log(
    path: Path,
    rows: list[dict[str, Any]],
    faults: Callable[[dict[str, Any]], int],
    *,
    seed: int,
    also: Sequence[str] = (),
) -> None:
    """The log, in which a run of some decoders replaces their rows and leaves the others' as they are."""
    from fuzz_decoders import DECODERS

    before = json.loads(path.read_text())["decoders"] if path.is_file() else []
    known = {row["decoder"]: row for row in [*before, *rows]}
    every = [known[name] for name in DECODERS if name in known]
    notes = {
        "command": f"python scripts/{Path(sys.argv[0]).name} --seed {seed} --out {path.parent}",
        "python": platform.python_version(), "machine": platform.machine(),
        "libraries": {name: version(name) for name in (*also, *LIBRARIES)},
        "limits": {"cpu_seconds": CPU_SECONDS, "memory_bytes": MEMORY},
        "files": sum(row["files"] for row in every), "faults": sum(map(faults, every)), "decoders": every,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notes, indent=1) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
