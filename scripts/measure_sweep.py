"""A long sweep of small cells: memory, open files, threads and processes over time, and what is left in the end.

    python scripts/measure_sweep.py [--cells 201] [--jobs 2] [--out results/measured/robustness]

Runs ``benchmark run`` in the profile ``smoke`` over one target of each modality and as many seeds as it takes, in a
temporary folder, and looks at its processes through /proc every second (Linux). Writes README.md and sweep.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

TARGETS = ("digits", "fsdd", "ucf101")
# Less work per cell than the profile has, so that there are more beginnings and ends of cells in a minute.
SETTINGS = (
    "profile=smoke",
    "teacher.training.steps=40",
    "teacher.times_chance=0",
    "recipe.steps=20",
    "recipe.batch=16",
)
MIB = 1024**2
SHOWN = (0.05, 0.1, 0.25, 0.5, 0.75, 0.95)  # shares of the cells at which README.md shows a row


@dataclass
class Sample:
    """What all processes of a run hold at one moment; a worker is a process that runs cells."""

    seconds: float
    cells: int  # done so far
    run_mib: float  # resident, of the process that hands out the cells
    run_files: int  # open descriptors
    run_threads: int
    workers: int
    workers_mib: float  # resident, of the largest
    workers_files: int  # of the one with the most
    workers_threads: int  # of the one with the most
    processes: int  # of the run, all in all


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--cells", type=int, default=201)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--out", type=Path, default=Path("results/measured/robustness"))
    given = options.parse_args()
    seeds = -(-given.cells // len(TARGETS))
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", "--target", ",".join(TARGETS), "--jobs", str(given.jobs), "--results", folder, *SETTINGS]
        words.append(f"seeds=[{','.join(map(str, range(seeds)))}]")
        samples, code, left = watch(words, Path(folder))
        done = len(list(Path(folder).glob("smoke/cells/*/record.json")))
        litter = [path.name for kind in ("*.tmp", "*.ckpt", "attempt", ".holder") for path in Path(folder).rglob(kind)]
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.out / "sweep.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [entry.name for entry in fields(Sample)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(sample) for sample in samples)
    page = readme(samples, words, given, done, code, left, litter)
    (given.out / "README.md").write_text(page, encoding="utf-8")
    print(page)


def watch(words: list[str], folder: Path) -> tuple[list[Sample], int, int]:
    """Run to the end; what was seen, the exit code, and how many processes were there a few seconds later."""
    command = [sys.executable, "-c", "from benchmark.cli.app import main; main()", *words]
    began = time.monotonic()
    samples: list[Sample] = []
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        while process.poll() is None:
            done = len(list(folder.glob("smoke/cells/*/record.json")))
            if (sample := look(process.pid, time.monotonic() - began, done)) is not None:
                samples.append(sample)
            time.sleep(1)
    time.sleep(3)
    left = sum(session(int(path.name)) == process.pid for path in Path("/proc").iterdir() if path.name.isdecimal())
    if process.returncode:
        print((folder / "said").read_text()[-3000:], file=sys.stderr)
    return samples, process.returncode, left


def look(run: int, seconds: float, cells: int) -> Sample | None:
    """The state of a run and its descendants; None in the moment in which one of them ends."""
    try:
        family = [run, *children(run)]
        workers = [pid for pid in family[1:] if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return Sample(
            round(seconds, 1), cells, resident(run), files(run), threads(run), len(workers),
            max(map(resident, workers), default=0.0), max(map(files, workers), default=0),
            max(map(threads, workers), default=0), len(family),
        )  # fmt: skip
    except (OSError, ValueError):
        return None


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    own = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return own + [further for child in own for further in children(child)]


def resident(pid: int) -> float:
    """MiB of a process in memory."""
    return round(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB, 1)


def files(pid: int) -> int:
    """Open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208


def session(pid: int) -> int:
    """The session that a process belongs to; 0 for one that has just ended."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def readme(
    samples: list[Sample], words: list[str], given: argparse.Namespace, done: int, code: int, left: int,
    litter: list[str],
) -> str:  # fmt: skip
    """The page: what was run, the table, and what was left."""
    rows = []
    for share in SHOWN:
        sample = next((sample for sample in samples if sample.cells >= share * done), samples[-1])
        rows.append("| " + " | ".join(f"{value:.0f}" for value in asdict(sample).values()) + " |")
    middle = next(index for index, sample in enumerate(samples) if sample.cells >= done / 2)
    last = [sample for sample in samples if sample.cells < done][-1]
    tenth = max(1, done // 10)
    early = median(sample.workers_mib for sample in samples if 0 <= sample.cells - done // 2 <= tenth)
    late = median(sample.workers_mib for sample in samples if done - tenth <= sample.cells < done)
    where = f"{platform.system()} with Python {platform.python_version()}"
    shown = " ".join(word if "[" not in word else f"'seeds=[0,...,{word.count(',')}]'" for word in words)
    shown = shown.replace(words[words.index("--results") + 1], "FOLDER")
    return f"""# A long sweep

```sh
python scripts/measure_sweep.py --cells {given.cells} --jobs {given.jobs}
```

ran

```sh
benchmark {shown}
```

on {where}: {done} cells in {samples[-1].seconds:.0f} s, exit code {code}.
The machine was shared, so seconds say little. Every second's figures are in `sweep.csv`.

| s | cells done | run: MiB | files | threads | workers | largest worker: MiB | files | threads | processes |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
{chr(10).join(rows)}

One target comes after another, and a worker keeps the decoded items of the last two. Over the second half of the cells
the largest worker went from {early:.0f} to {late:.0f} MiB (medians over a tenth of the cells at either end), and the
run itself, which keeps every record, from {samples[middle].run_mib:.0f} to {last.run_mib:.0f} MiB before the table.

Three seconds after the end, {left} processes of the run were left, and in its folder {len(litter)} temporary files,
checkpoints or attempts. A run on one machine writes no log file: what it says goes to standard error, and records hold
the rest. So nothing rotates.
"""


if __name__ == "__main__":
    main()
