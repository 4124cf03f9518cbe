"""Damaged files through every decoder: each is read or refused in one sentence, and nothing else may happen.

    python scripts/fuzz/run.py [--files 10000] [--decoders png,wav] [--jobs 2] [--out results/measured/robustness]
    pip install -e '.[fuzz]' && python scripts/fuzz/run.py --guided [the same options]

Whole files are written by our own stand-ins and generators (``decoders/``). By default they are damaged blindly, and
what file N of a decoder holds depends on (seed, decoder, N) alone; with ``--guided``, coverage guides the damage. Files
are decoded in child processes with a limit on memory and on CPU time, and a process that dies is replaced. A fault is:
any exception but BadInput, a message with a line break or a control character, a crash, more than 5 s of CPU time (20 s
with ``--guided``) or a minute of wall time, more than 2 GiB of memory. Its file is kept in ``--keep``. Writes
fuzz.json or guided.json; the exit code is 1 if there was a fault.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import blind
import guided
from benchmark.records.provenance import provenance
from decoders import DECODERS
from judge import faults_in, write_log


def main() -> int:
    """Fuzz the given decoders, ``--jobs`` at a time; print a row for each and write the log."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="per decoder")
    parser.add_argument("--guided", action="store_true", help="let coverage guide the damage (needs atheris)")
    parser.add_argument("--decoders", default=",".join(DECODERS), help="names, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-faults")
    parser.add_argument("--out", type=Path, help="folder for the log")
    given = parser.parse_args()
    names = given.decoders.split(",")
    if unknown := sorted(set(names) - set(DECODERS)):
        parser.error(f"unknown decoders: {', '.join(unknown)}; known are {', '.join(DECODERS)}")
    way = guided if given.guided else blind
    command = f"python scripts/fuzz/run.py{' --guided' * given.guided} --seed {given.seed} --out {given.out}"
    commit = provenance("cpu", 1)["commit"]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        tasks = {pool.submit(way.fuzz, name, given.files, given.seed, given.keep): name for name in names}
        for task in as_completed(tasks):
            if error := task.exception():
                sys.exit(f"{tasks[task]}: a whole file was not read: {type(error).__name__}: {error}")
            rows.append({**task.result(), "commit": commit})
            print(json.dumps(rows[-1]), flush=True)
            if given.out:
                write_log(given.out, way, rows, command)
    found = sum(map(faults_in, rows))
    print(f"{sum(row['files'] for row in rows):,} files, {len(rows)} decoders, {found} faults")
    if found:
        print(f"the files are in {given.keep}")
    return 1 if found else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
