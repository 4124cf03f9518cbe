"""What both ways to fuzz share: whole files, limits, what counts as a fault, files to keep, and the log."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

MEMORY = 2 << 30  # bytes
LIBRARIES = ("pillow", "soundfile", "soxr", "av", "scipy", "numpy", "safetensors", "torch")


@contextlib.contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Make a temporary folder, in memory if the system has a place for that."""
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-", dir=shared, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def prepare(decoder: Any, root: Path) -> list[bytes]:
    """Return the whole files of a decoder after it has read each of them.

    If one did not decode, every refusal would look like the work of the fuzzer. Reading also imports late imports.
    """
    root.mkdir()
    whole: list[bytes] = decoder.seeds(root)
    (root / decoder.place).parent.mkdir(parents=True, exist_ok=True)
    for content in whole:
        (root / decoder.place).write_bytes(content)
        decoder.read(root)
    return whole


def limit_memory() -> None:
    """Let this process take MEMORY more than it has."""
    used = int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))


def write_file(path: Path, content: bytes, number: int) -> None:
    """Write file ``number``, with a time of its own, so that readers with a cache see that it is another file."""
    path.write_bytes(content)
    os.utime(path, ns=(number * 10**9, number * 10**9))


def verdict(decoder: Any, root: Path) -> tuple[str, str]:
    """Read the file at its place; return ``decoded``, ``refused`` or ``other_exceptions``, and what is wrong."""
    try:
        decoder.read(root)
    except BaseException as error:
        if fault := fault_of(error):
            return "other_exceptions", f"{fault}\n\n{traceback.format_exc()[-3000:]}"
        return "refused", ""
    return "decoded", ""


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


def keep_file(folder: Path, name: str, suffix: str, content: bytes, why: str) -> None:
    """Keep a file that met a fault, and beside it what happened."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}{suffix}").write_bytes(content)
    (folder / f"{name}.why").write_text(why, encoding="utf-8", errors="backslashreplace")


def commit() -> str | None:
    """Return the commit of the code under test."""
    from benchmark.records.provenance import provenance

    found: str | None = provenance("cpu", 1)["commit"]
    return found


def write_log(path: Path, rows: list[dict[str, Any]], command: str, cpu_seconds: float, also: Sequence[str]) -> None:
    """Write the log; a run of some decoders replaces their rows and leaves the other rows as they are."""
    from decoders import DECODERS

    before = json.loads(path.read_text())["decoders"] if path.is_file() else []
    known = {row["decoder"]: row for row in [*before, *rows]}
    every = [known[name] for name in DECODERS if name in known]
    notes = {
        "command": command, "python": platform.python_version(), "machine": platform.machine(),
        "libraries": {name: version(name) for name in (*also, *LIBRARIES)},
        "limits": {"cpu_seconds": cpu_seconds, "memory_bytes": MEMORY},
        "files": sum(row["files"] for row in every), "faults": sum(map(faults_in, every)), "decoders": every,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notes, indent=1) + "\n")
