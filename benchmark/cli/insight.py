"""``benchmark insight``: a page about what the student of a finished cell has learned, and its figures as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.training.callbacks import ProgressCallback
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

if TYPE_CHECKING:
    from benchmark.records.prototypes import Recognised
    from benchmark.running.finished import FinishedCell

_PARTS = {
    "prototypes": "making prototypes of every class",
    "layers": "comparing layers",
    "agreement": "looking for disagreements",
    "calibration": "checking how certain the student is",
    "beliefs": "asking the teacher about segments",
}


class _Spoken(ProgressCallback):
    """Says on standard error which part begins."""

    def phase(self, name: str) -> None:
        print(f"insight: {_PARTS.get(name, name)}", file=sys.stderr, flush=True)


def _keep(finished: FinishedCell, found: Recognised | None) -> None:
    """Keep what claims need beside the record; somebody else's results need not be writable."""
    from benchmark.records.prototypes import write_recognised

    try:
        if found is not None:
            write_recognised(finished.store, finished.record.id, found)
    except BadInput as error:
        print(f"insight: claims about prototypes will not know of these: {error}", file=sys.stderr, flush=True)


def write_insight(
    cell: str, results: Path, root: Path, source: str, device: str, out: Path | None
) -> tuple[Path, Path]:
    """Write the page and the figures of a cell; return their absolute paths. Raises BadInput if it cannot be done."""
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"--out {out} does not end in .html; the page is an HTML file.")
    import torch

    from benchmark.insight.collect import findings
    from benchmark.insight.page import to_html, to_json
    from benchmark.running.finished import load_finished

    callback = _Spoken()
    callback.phase(f"loading {cell}")
    finished = load_finished(results, cell, root, torch.device(device), source=source)
    found = findings(finished, callback)
    page = out or Path(f"insight-{finished.record.id}.html")
    figures = page.with_suffix(".json")
    atomic_write(figures, to_json(found))
    atomic_write(page, to_html(found))
    _keep(finished, found.recognised)
    return page.resolve(), figures.resolve()
