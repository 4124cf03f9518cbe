"""``benchmark forget``: take cells out of the leaderboard that nobody wants any more, and keep their records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from benchmark.cli.text_table import print_table, say
from benchmark.config.published import published_results
from benchmark.launch.progress import counted
from benchmark.leaderboard.formats import write
from benchmark.leaderboard.table import leaderboard
from benchmark.records.forget import forget, requested_as
from benchmark.records.store import Store
from modalities.errors import BadInput


def retire(names: Sequence[str], results: Path, profile: str, *, yes: bool) -> None:
    """Show the cells that some names mean, ask, and take them out of the manifests of ``results/profile``."""
    store = Store(results / profile)
    if not store.requested_cells():
        raise BadInput(f"{store.root} holds no results; choose another profile or folder.", about="results")
    cells = {cell.id: cell for name in names for cell in requested_as(store, name)}
    rows = []
    for cell in cells.values():
        record = "record is kept" if store.record_file(cell.id).is_file() else "has no record"
        rows.append([cell.id, cell.row, cell.target, cell.source, cell.seed, record])
    print_table(["cell", "row", "target", "source", "seed", ""], rows)
    print()
    what = f"{counted(len(cells), 'cell')} of the profile {profile}"
    if not yes and not sys.stdin.isatty():
        raise BadInput(f"{what} would leave the leaderboard; nobody is there to be asked, so say --yes.")
    if not yes and not typer.confirm(f"Take {what} out of the leaderboard?"):
        say("Nothing was changed.")
        return
    forget(store, cells.keys())
    say(f"{what} left the leaderboard; the records stay in {store.cells}, and the same run takes the cells back.")
    if store.requested_cells():
        for path in write(leaderboard(store, published_results()), store.root):
            say(f"wrote {path.resolve()}")
