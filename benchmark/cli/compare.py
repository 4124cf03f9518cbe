"""``benchmark compare``: what changed between two cells, rows or folders, and whether the second is better."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.exit_codes import BETTER, DONE, WORSE
from benchmark.cli.text_table import print_json, print_table, say
from benchmark.launch.progress import counted, duration
from benchmark.leaderboard.compare import (
    Comparison,
    as_json,
    compare_folders,
    compare_rows,
    in_all_folds,
    interval_shown,
    p_shown,
    sentence,
    sides_of,
    signed,
)
from benchmark.leaderboard.formats import percent
from benchmark.records.record import ACCURACIES
from modalities.errors import BadInput
from modalities.storage.paths import user_path

MOST_NAMED = 3  # settings in a line
SHARES = {"top1", "mean_per_class", "teacher_top1", "retention", "fidelity", "ece"}


def compare(first: str, second: str, results: Path, *, all_folds: bool, format: str) -> int:
    """Print the comparison of two cells, rows or folders; return the exit code."""
    folders = [user_path(Path(name)) for name in (first, second)]
    are_folders = [path.is_dir() for path in folders]
    if any(are_folders) and all_folds:
        raise BadInput("--all-folds is for two rows or cells; leave it out for folders.")
    if all(are_folders):
        return _compare_folders(*folders, format=format)
    if any(are_folders):
        raise BadInput(f"one of {first} and {second} is a folder and the other is not; give two cells or two folders.")
    sides = sides_of(results, (first, second))
    pair = compare_rows(*(map(in_all_folds, sides) if all_folds else sides))
    if format == "json":
        print_json(as_json(pair))
    else:
        _print(pair)
    return _code([pair])


def _compare_folders(first: Path, second: Path, *, format: str) -> int:
    found = compare_folders(first, second)
    only = {"first": found.only_first, "second": found.only_second}
    if format == "json":
        print_json({"pairs": [as_json(pair) for pair in found.pairs], "only_in": only})
    else:
        _print_pairs(found.pairs)
        for which, rows in only.items():
            if rows:
                say(f"Only in the {which} folder: {'; '.join(rows)}.")
    return _code(found.pairs)


def _code(pairs: Sequence[Comparison]) -> int:
    verdicts = {pair.verdict for pair in pairs}
    return WORSE if "worse" in verdicts else BETTER if "better" in verdicts else DONE


def _print(pair: Comparison) -> None:
    for letter, side in (("A", pair.first), ("B", pair.second)):
        say(f"{letter}: {side.name}, {pair.place}, {side.seeds_shown}")
    print()
    say(f"{sentence(pair)}{f' ({pair.note})' if pair.note else ''}.")
    _print_changes("Figures", pair.figures)
    _print_changes("Settings", pair.settings)
    _print_changes("Environment", pair.environment)


def _print_changes(title: str, changed: Mapping[str, tuple[Any, Any]]) -> None:
    print()
    shown = [
        [key, *(_shown(key, value) for value in values)] for key, values in changed.items() if values != (None, None)
    ]
    if shown:
        say(f"{title}:")
        print_table(["", "A", "B"], shown)
    else:
        say(f"{title}: no difference.")


def _shown(key: str, value: Any) -> str:
    """Return a figure or a setting as text: shares in percent, long hashes by their first digits."""
    if value is None:
        return "-"
    if key in SHARES:
        return f"{percent(value)} %"
    if key == "seconds":
        return duration(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
    if isinstance(value, str):
        return value[:12] if re.fullmatch("[0-9a-f]{64}", value) else value
    return json.dumps(value)


def _print_pairs(pairs: Sequence[Comparison]) -> None:
    heads = ["target", "source", "A %", "B %", "B - A [95 %]", "p", "B is", "items changed", "settings"]
    print_table(heads, [_row(pair) for pair in pairs], least=["items changed", "p", "A %", "B %"])
    print()
    changed = ", ".join(dict.fromkeys(key for pair in pairs for key in pair.environment))
    say(f"Environment: {f'differs in {changed}' if changed else 'no difference'}.")
    for note in dict.fromkeys(pair.note for pair in pairs if pair.difference and pair.note):
        say(f"Some intervals are {note}.")
    say(f"p: adjusted for {counted(sum(pair.p is not None for pair in pairs), 'comparison')} (Holm).")


def _row(pair: Comparison) -> list[Any]:
    difference, settings, record = pair.difference, list(pair.settings), pair.second.records[0]
    scores = pair.figures[ACCURACIES[record.metric]]
    gap = f"{signed(difference.value)} {interval_shown(difference)}" if difference else ""
    more = [f"and {len(settings) - MOST_NAMED} more"] if len(settings) > MOST_NAMED else []
    changed = ", ".join([*settings[:MOST_NAMED], *more])
    return [
        pair.place, record.source["name"], *map(percent, scores), gap, "" if pair.p is None else p_shown(pair.p),
        pair.verdict, pair.changed_items, changed if difference else pair.note,
    ]  # fmt: skip
