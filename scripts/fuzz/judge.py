"""What both ways to fuzz share: whole files, limits, what counts as a fault, files to keep, and the log."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import tempfile
import time
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

MEMORY = 2 << 30  # bytes
WALL_SECONDS = 60  # for one file, asleep or on a busy machine
LIBRARIES = ("pillow", "soundfile", "soxr", "av", "scipy", "numpy", "safetensors", "torch")
COUNTS = ("files", "decoded", "refused", "other_exceptions", "slow", "slowest_cpu_seconds", "peak_memory_mib")


@contextlib.contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Make a temporary folder, in memory if the system has a place for that; caches lie there too."""
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-", dir=shared, ignore_cleanup_errors=True) as folder:
        os.environ["BENCHMARK_CACHE"] = str(Path(folder) / "cache")
        yield Path(folder)


def prepare(decoder: Any, root: Path) -> list[bytes]:
    """Return the whole files of a decoder after it has read each of them.

    If one did not decode, every refusal would look like the work of the fuzzer. Reading also imports late imports.
    """
    root.mkdir()
    place = root / decoder.place
    whole: list[bytes] = decoder.seeds(root) or [place.read_bytes()]
    place.parent.mkdir(parents=True, exist_ok=True)
    for content in whole:
        place.write_bytes(content)
        decoder.read(root)
    return whole


def limit_memory() -> None:
    """Let this process take MEMORY more than it has."""
    used = int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))


def judge(decoder: Any, root: Path, content: bytes, seen: dict[str, Any], cpu_seconds: float) -> str:
    """Read a file, add what happened to ``seen`` (by COUNTS), and return what is wrong, if anything is."""
    place, number, kind, why = root / decoder.place, seen["files"], "decoded", ""
    place.write_bytes(content)
    os.utime(place, ns=(number * 10**9, number * 10**9))  # readers with a cache see that it is another file
    began = time.process_time()
    try:
        decoder.read(root)
    except BaseException as error:
        kind = "refused"
        if fault := fault_of(error):
            kind, why = "other_exceptions", f"{fault}\n\n{traceback.format_exc()[-3000:]}"
    taken = time.process_time() - began
    if taken > cpu_seconds:
        seen["slow"] += 1
        why += f"{taken:.1f} s"
    seen["files"] += 1
    seen[kind] += 1
    seen["slowest_cpu_seconds"] = max(seen["slowest_cpu_seconds"], round(taken, 2))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    seen["peak_memory_mib"] = max(seen["peak_memory_mib"], peak)
    return why


def fault_of(error: BaseException) -> str | None:
    """Return what is wrong with an exception; None for a proper refusal, behind which no MemoryError may hide."""
    from modalities.errors import BadInput

    behind: BaseException | None = error
    while behind is not None:
        # FFmpeg raises one too for what exceeds its own limit of 2 GiB, without allocating anything.
        if isinstance(behind, MemoryError) and type(behind).__module__ != "av.error":
            return f"{type(error).__name__} because memory ran out: {error}"[:300]
        behind = behind.__cause__ or behind.__context__
    if isinstance(error, BadInput):
        text = str(error)
        return None if text.isprintable() and text else f"the message is not one printable line: {text!r}"
    return f"{type(error).__name__}: {error}"[:300]


def faults_in(row: dict[str, Any]) -> int:
    """Return how many files of a row were neither decoded nor properly refused."""
    died, late = (sum(row.get(name, 0) for name in names) for names in (("crashes", "hangs"), ("slow", "died")))
    lost = row["files"] - row["decoded"] - row["refused"]
    return int(max(lost, row["other_exceptions"] + died) + late)


def keep_file(path: Path, content: bytes, why: str) -> None:
    """Keep a file that met a fault, and beside it what happened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.with_suffix(".why").write_text(why, encoding="utf-8", errors="backslashreplace")


def write_log(folder: Path, way: Any, rows: list[dict[str, Any]], command: str) -> None:
    """Write the log of a way to fuzz; a run of some decoders replaces their rows and leaves the other rows."""
    from decoders import DECODERS

    path = folder / way.LOG
    before = json.loads(path.read_text())["decoders"] if path.is_file() else []
    known = {row["decoder"]: row for row in [*before, *rows]}
    every = [known[name] for name in DECODERS if name in known]
    notes = {
        "command": command, "python": platform.python_version(), "machine": platform.machine(),
        "libraries": {name: version(name) for name in (*way.LIBRARIES, *LIBRARIES)},
        "limits": {"cpu_seconds": way.CPU_SECONDS, "memory_bytes": MEMORY},
        "files": sum(row["files"] for row in every), "faults": sum(map(faults_in, every)), "decoders": every,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notes, indent=1) + "\n")
