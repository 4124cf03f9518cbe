"""Mutated files that coverage leads: atheris (libFuzzer) looks for inputs that reach new lines of our decoders.

    pip install -e '.[fuzz]'
    python scripts/fuzz_guided.py [--runs 10000] [--decoders mat-kit,tar] [--jobs 2] [--out results/measured/robustness]

The decoders, their whole files and what counts as a fault are those of ``fuzz.py``; where the files come from differs.
Instrumented are this project's packages and the Python parts of Pillow, tarfile and zipfile; libraries in C are only
fed. Each decoder has a process of its own, with the same limit on memory. Writes guided.json; exit code 1 on any fault,
whose file is kept under ``--keep``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from fuzz import MEMORY, add_arguments, fault_of, summed_up, write_log

INSTRUMENTED = ["modalities", "benchmark", "PIL", "tarfile", "zipfile"]
CPU_SECONDS = 20  # for one file: instrumented, code in Python takes about four times as long
WALL_SECONDS = 60  # for one file, asleep or on a busy machine; CPU time is looked at apart


def one(name: str, runs: int, seed: int, keep: Path) -> None:
    """Run a decoder in this process, which libFuzzer ends; the last line of standard output tells what was seen."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        from fuzz_decoders import DECODERS

        decoder = DECODERS[name]
        scratch = Path(os.environ["FUZZ_SCRATCH"])
        root, corpus = scratch / "root", scratch / "corpus"
        root.mkdir()
        corpus.mkdir()
        whole = decoder.seeds(root)
        place = root / decoder.place
        place.parent.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(whole):
            (corpus / str(number)).write_bytes(content)
            place.write_bytes(content)
            decoder.read(root)  # also imports what is imported late
        used = int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))
        seen: dict[str, Any] = {"files": 0, "decoded": 0, "refused": 0, "other_exceptions": 0, "slow": 0,
                                "slowest_cpu_seconds": 0.0}  # fmt: skip

        def decode(data: bytes) -> None:
            seen["files"] += 1
            place.write_bytes(data)
            os.utime(place, ns=(seen["files"] * 10**9,) * 2)  # readers that remember a file see that it is another
            started = time.process_time()
            try:
                decoder.read(root)
                seen["decoded"] += 1
            except BaseException as error:
                if fault := fault_of(error):
                    seen["other_exceptions"] += 1
                    _keep(keep, name, seen["files"], data, f"{fault}\n\n{traceback.format_exc()[-3000:]}")
                else:
                    seen["refused"] += 1
            taken = time.process_time() - started
            seen["slowest_cpu_seconds"] = max(seen["slowest_cpu_seconds"], round(taken, 2))
            if taken > CPU_SECONDS:
                seen["slow"] += 1
                _keep(keep, name, seen["files"], data, f"{taken:.1f} s")
            (scratch / "seen.json").write_text(json.dumps(seen))

        longest = max(4096, 2 * max(map(len, whole)))
        atheris.Setup(
            [sys.argv[0], f"-runs={runs}", f"-seed={seed + 1}", f"-max_len={longest}", f"-timeout={WALL_SECONDS}",
             "-rss_limit_mb=0", "-len_control=0", f"-artifact_prefix={scratch}/", str(corpus)],
            decode,
        )  # fmt: skip
        atheris.Fuzz()


def _keep(keep: Path, name: str, number: int, data: bytes, why: str) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    (keep / f"guided-{name}-{number}").write_bytes(data)
    (keep / f"guided-{name}-{number}.why").write_text(why, encoding="utf-8", errors="backslashreplace")


def hunt(name: str, runs: int, seed: int, keep: Path) -> dict[str, Any]:
    """A decoder in a process of its own; what came of it, ready for JSON."""
    from benchmark.records.provenance import provenance

    shared = Path("/dev/shm")
    scratch = Path(tempfile.mkdtemp(prefix=f"guided-{name}-", dir=shared if shared.is_dir() else None))
    environment = {**os.environ, "FUZZ_SCRATCH": str(scratch), "BENCHMARK_CACHE": str(scratch / "cache"),
                   "OMP_NUM_THREADS": "1"}  # fmt: skip
    command = [sys.executable, __file__, "--one", name, "--runs", str(runs), "--seed", str(seed), "--keep", str(keep)]
    started = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
        if not (scratch / "seen.json").is_file():
            raise SystemExit(f"{name}: a whole file is not read:\n{done.stderr[-2000:]}")
        seen = json.loads((scratch / "seen.json").read_text())
        for path in (path for path in scratch.glob("*-*") if path.is_file()):  # crash-…, timeout-…, of libFuzzer
            _keep(keep, name, seen["files"], path.read_bytes(), f"{path.name}\n{done.stderr[-3000:]}")
        covered = [int(found) for found in re.findall(r"\bcov: (\d+)", done.stderr)]
        return {
            "decoder": name, **seen, "died": int(done.returncode != 0), "first_coverage": covered[0] if covered else 0,
            "coverage": covered[-1] if covered else 0, "seconds": round(time.monotonic() - started),
            "commit": provenance("cpu", 1)["commit"],
        }  # fmt: skip
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def faults_in(row: dict[str, Any]) -> int:
    """How many files of a row were neither decoded nor properly refused."""
    return int(max(row["files"] - row["decoded"] - row["refused"], row["other_exceptions"]) + row["slow"] + row["died"])


def main() -> int:
    """Run the decoders asked for, ``--jobs`` at a time, and write what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000, help="files per decoder")
    add_arguments(parser)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.runs, given.seed, given.keep)
    rows = {}
    with ThreadPoolExecutor(given.jobs) as pool:
        tasks = [pool.submit(hunt, name, given.runs, given.seed, given.keep) for name in given.decoders.split(",")]
        for task in as_completed(tasks):
            row = task.result()
            rows[row["decoder"]] = row
            print(json.dumps(row), flush=True)
            if given.out:
                write_log(given.out / "guided.json", list(rows.values()), faults_in, seed=given.seed, also=("atheris",))
    return summed_up(list(rows.values()), faults_in, given.keep)


if __name__ == "__main__":
    sys.exit(main())
