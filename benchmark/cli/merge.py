"""``benchmark merge``: join the results of several machines in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.exit_codes import DONE, FAILED
from benchmark.cli.text_table import print_json, print_table, say
from benchmark.config.published import published_results
from benchmark.leaderboard.formats import write
from benchmark.leaderboard.merge import merge
from benchmark.leaderboard.table import leaderboard
from modalities.storage.paths import user_path


def join(folders: Sequence[str], results: Path, *, format: str) -> int:
    """Join results folders, print what each added, and write the tables anew; return exit code 1 for conflicts."""
    found, changed = merge([user_path(Path(folder)) for folder in folders], results)
    conflicts = [f"{folder}: {text}" for folder, one in found.items() for text in one.conflicts]
    written = [path for store in {s.root: s for s in changed}.values() for path in write(
        leaderboard(store, published_results()), store.root)]  # fmt: skip
    if format == "json":
        print_json([{"folder": folder, **vars(one)} for folder, one in found.items()])
        return FAILED if conflicts else DONE
    heads = ["folder", "cells copied", "there already", "conflicts"]
    print_table(heads, [[folder, one.copied, one.same, len(one.conflicts)] for folder, one in found.items()])
    for text in conflicts:
        say(f"conflict: {text}")
    for path in written:
        say(f"wrote {path.resolve()}")
    return FAILED if conflicts else DONE
