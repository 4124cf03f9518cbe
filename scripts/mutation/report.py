"""The page and the JSON file of what the tests killed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.perf.report import markdown_table, origin, origin_line

Found = Mapping[str, Mapping[str, Any]]  # module → number of all its mutants, its tests, results of the sample


def verdict(result: Mapping[str, Any], equivalent: Sequence[Mapping[str, str]]) -> str:
    """Return why a survivor changes nothing that can be seen, or that it is not yet judged."""
    for known in equivalent:
        if all(known[key] == result[key] for key in ("module", "before", "after")):
            return f"equivalent: {known['reason']}"
    return "open"


def write_report(
    found: Found, equivalent: Sequence[Mapping[str, str]], most: int, seed: int, folder: Path
) -> None:  # fmt: skip
    """Write ``mutation.json`` and ``README.md``."""
    command = f"python scripts/mutation/try_mutants.py --most {most} --seed {seed}"
    rows, survivors, modules = [], [], {}
    for module, of in found.items():
        results = of["results"]
        alive = [
            {key: result[key] for key in ("module", "line", "operator", "before", "after")}
            | {"verdict": verdict(result, equivalent)}
            for result in results
            if not result["killed"]
        ]
        killed, same = len(results) - len(alive), sum(of_one["verdict"] != "open" for of_one in alive)
        share = killed / len(results)
        rows.append([module, of["of"], len(results), killed, f"{share:.1%}", same, len(alive) - same])
        survivors += alive
        modules[module] = {
            "mutants": of["of"], "tried": len(results), "killed": killed, "share": round(share, 4),
            "equivalent": same, "tests": of["tests"], "survivors": alive,
        }  # fmt: skip
    tried, killed = (sum(row[column] for row in rows) for column in (2, 3))
    rows.append(["all", *(sum(row[column] for row in rows) for column in (1, 2, 3)), f"{killed / tried:.1%}",
                 *(sum(row[column] for row in rows) for column in (5, 6))])  # fmt: skip
    body = {**origin(command), "seed": seed, "most": most, "share": round(killed / tried, 4), "modules": modules}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mutation.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_page(body, rows, survivors), encoding="utf-8")


def _page(body: dict[str, Any], rows: Sequence[Sequence[Any]], survivors: Sequence[Mapping[str, Any]]) -> str:
    head = ["module", "mutants", "tried", "killed", "share", "equivalent", "open"]
    named = [
        [f"`{of['module']}:{of['line']}`", f"`{of['before']}`", f"`{of['after']}`", of["verdict"]] for of in survivors
    ]
    return "\n".join(
        [
            "# Mutants of what the numbers rest on",
            "",
            origin_line(body),
            "",
            f"cosmic-ray makes one change in a module: another number, operator, comparison, condition or loop. Its "
            f"tests must then fail. Of the changes that one kind of operator can make at one place, one is drawn; of "
            f"these, at most {body['most']} per module (seed {body['seed']}). Annotations are left out, and so are "
            f"replacements of arithmetic by operators of bits, which nearly always raise at once. A mutant is "
            f"killed if a test fails, if the module cannot be imported, or if the tests do not end.",
            "",
            *markdown_table(head, rows),
            "",
            "`share` counts equivalent mutants among those that survived.",
            "",
            "## Survivors",
            "",
            *(markdown_table(["where", "line", "mutant", "verdict"], named) if named else ["None."]),
            "",
        ]
    )
