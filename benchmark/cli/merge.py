"""``benchmark merge``: join the results of several machines, and take predictions of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.exit_codes import DONE, FAILED
from benchmark.cli.text_table import print_json, print_table, say
from benchmark.config.published import published_results
from benchmark.leaderboard.formats import write
from benchmark.leaderboard.hand_in import score_file
from benchmark.leaderboard.merge import add_handed_in, merge
from benchmark.leaderboard.prediction_files import SUFFIXES
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Store
from modalities.storage.paths import user_path


def join(names: Sequence[str], results: Path, profile: str, root: Path, *, format: str) -> int:
    """Join results folders, score files of predictions, print what each added, and write the tables anew.

    ``profile`` and ``root`` are for predictions: on which data they are scored, and where real ones are. Nothing is
    written if a file of predictions cannot be used. Returns exit code 1 for conflicts.
    """
    paths = [user_path(Path(name)) for name in names]
    files = [path for path in paths if path.suffix.lower() in SUFFIXES and not path.is_dir()]
    handed = [score_file(path, profile, root) for path in files]
    found, changed = merge([path for path in paths if path not in files], results)
    for one in handed:
        changed.append(Store(results / one.record.profile))
        found[str(one.path)] = add_handed_in(one, changed[-1])
    conflicts = [
        text if folder in text else f"{folder}: {text}" for folder, one in found.items() for text in one.conflicts
    ]
    written = [path for store in {s.root: s for s in changed}.values() for path in write(
        leaderboard(store, published_results()), store.root)]  # fmt: skip
    if format == "json":
        print_json([{"folder": folder, **vars(one)} for folder, one in found.items()])
        return FAILED if conflicts else DONE
    heads = ["from", "cells copied", "there already", "conflicts"]
    print_table(heads, [[folder, one.copied, one.same, len(one.conflicts)] for folder, one in found.items()])
    for text in conflicts:
        say(f"conflict: {text}")
    for path in written:
        say(f"wrote {path.resolve()}")
    return FAILED if conflicts else DONE
