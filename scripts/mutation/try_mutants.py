"""Mutate what the numbers rest on, and count how many mutants the tests kill.

cosmic-ray changes a number or an operator of a module; the module's tests run on a copy of the project in a temporary
folder, and should fail. The working tree is never edited. Each result is kept as soon as it is there: the same command
continues after a stop, and tries a mutant again only if its module has changed, or if it survived and its tests have.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before anything loads torch; the tests want it too

import argparse
import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modules import IN_KERNELS, MODULES
from mutants import Mutant, sample
from warm import Outcome, preload, run_tests

ROOT = Path(__file__).resolve().parents[2]
OUT = Path("results/measured/mutation")
LEAST = 30  # seconds of processor time that a mutant gets beside ten times what the unchanged module needs

Result = dict[str, Any]  # of one mutant, JSON-ready


def make_copy(root: Path, work: Path) -> Path:
    """Copy the files of the project, as they are now, but for its results; keep their times, which numba looks at."""
    copy = work / "copy"
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    shutil.rmtree(copy, ignore_errors=True)
    for name in names:
        if name and (root / name).is_file() and not name.startswith("results/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    return copy


def hash_of(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


class Unfit(Exception):
    """The tests of a module do not pass although it is unchanged, so that they tell nothing of its mutants."""


class Trial:
    """The mutants of one module on a copy of the project."""

    def __init__(self, copy: Path, work: Path, module: str) -> None:
        self.module, self.tests = module, MODULES[module]
        self._copy, self._kernels, self._path = copy, work / "kernels", copy / module
        self.source = self._path.read_text(encoding="utf-8")
        self.state = hash_of(self._path)
        self.tests_state = hash_of(*(copy / test for test in self.tests), copy / "tests/support/draw_laws.py")

    def unchanged(self) -> Outcome:
        """Run the tests on the module as it is. Raise Unfit if they fail."""
        outcome = run_tests(self._copy, self.tests, self._kernels, 600)
        if outcome.how != "passed":
            raise Unfit(
                f"{self.module} is passed over: unchanged, its tests end with '{outcome.how}' at {outcome.first}"
            )
        return outcome

    def run(self, mutant: Mutant, limit: int) -> Result:
        """Run the tests on a mutant."""
        times = self._path.stat()
        before, after = mutant.change(self.source)
        self._path.write_text(mutant.text(self.source), encoding="utf-8")
        try:
            kernels = None if self.module in IN_KERNELS and self._at_top(mutant) else self._kernels
            outcome = run_tests(self._copy, self.tests, kernels, limit)
        finally:
            self._path.write_text(self.source, encoding="utf-8")
            os.utime(self._path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return {
            "mutant": mutant.name, "module": self.module, "line": mutant.place[0][0], "operator": mutant.operator,
            "before": before, "after": after, "killed": outcome.how != "passed", "how": outcome.how,
            "by": outcome.first, "seconds": round(outcome.seconds, 1), "state": self.state, "tests": self.tests_state,
        }  # fmt: skip

    def _at_top(self, mutant: Mutant) -> bool:
        return not self.source.splitlines()[mutant.place[0][0] - 1].startswith(" ")

    def settled(self, result: Result) -> bool:
        """Whether an earlier result still holds."""
        return bool(result["state"] == self.state and (result["killed"] or result["tests"] == self.tests_state))


def read_results(path: Path) -> dict[str, Result]:
    """Return the latest result of each mutant; a line that was cut off by a stop is passed over."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        found[result["mutant"]] = result
    return found


def try_module(trial: Trial, mutants: list[Mutant], known: dict[str, Result], journal: Path) -> Iterator[Result]:
    """Yield the results of the sample, earlier ones that still hold included."""
    limit = 0
    for mutant in mutants:
        result = known.get(mutant.name)
        if result is None or not trial.settled(result):
            if not limit:
                unchanged = trial.unchanged()
                preload(unchanged.imported)
                limit = LEAST + round(10 * unchanged.seconds)
            result = trial.run(mutant, limit)
            with journal.open("a") as file:
                file.write(json.dumps(result) + "\n")
            if not result["killed"]:
                print(
                    f"  survived  {mutant.module}:{result['line']}  {result['before']}  →  {result['after']}",
                    flush=True,
                )
        yield result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", help="modules to try now (default: all); others keep their results")
    parser.add_argument("--most", type=int, default=40, help="mutants per module, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / f"single-datum-mutation-{os.getuid()}"
    )
    parser.add_argument("--out", type=Path, default=ROOT / OUT, help="folder for mutation.json and README.md")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    copy, journal = make_copy(ROOT, given.work), given.work / "results.jsonl"
    known, found = read_results(journal), {}
    for module in MODULES:
        trial = Trial(copy, given.work, module)
        mutants, of = sample(copy, module, given.most, given.seed)
        if given.modules and module not in given.modules:
            results = [known[mutant.name] for mutant in mutants if mutant.name in known]
            results = [result for result in results if result["state"] == trial.state]
        else:
            try:
                results = list(try_module(trial, mutants, known, journal))
            except Unfit as reason:
                print(reason, flush=True)
                results = []
        if results:
            found[module] = {"of": of, "tests": list(trial.tests), "results": results}
            print(f"{module}: {sum(r['killed'] for r in results)} of {len(results)} killed", flush=True)
    equivalent = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))["mutant"]
    from report import write_report  # it imports the project itself, which no tested process may inherit

    write_report(found, equivalent, given.most, given.seed, given.out)


if __name__ == "__main__":
    main()
