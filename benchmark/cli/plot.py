"""``benchmark plot``: the plots of a report as files for papers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.published import published_results
from benchmark.leaderboard.selection import Selection
from benchmark.plotting.style import FORMATS
from benchmark.report.charts import WIDTHS, in_file
from benchmark.report.collect import findings, part
from benchmark.report.drawn import KINDS, plots
from modalities.errors import BadInput, UnknownName
from modalities.storage.atomic import atomic_write

if TYPE_CHECKING:
    from benchmark.cli.read_from import Found

_NOTHING = {
    "retention": "holds no rows",
    "curves": "holds no training curves; a report's page has none, and the results folder does",
    "segments": "holds no row with a score; run its cells first",
    "ablations": "holds no suite that varies something, such as `benchmark run --suite sources`",
    "claims": "holds no suite with claims, such as `benchmark run --suite claims`",
}


def write_plots(what: str, results: Found, selection: Selection, width: str, out: Path) -> Path:
    """Write plots of one kind as one file; return its absolute path. Raises BadInput if it cannot be made."""
    if what not in KINDS:
        raise UnknownName("kind of plot", what, list(KINDS))
    if width not in WIDTHS:
        raise BadInput(f"--width {width} is not known; choose {' or '.join(WIDTHS)}.")
    format = out.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        raise BadInput(f"--out {out} does not end in .pdf, .png or .svg.")
    if what == "claims" and selection.sources:
        raise BadInput("--source chooses rows, and claims compare two of them; leave it out, or give --target.")
    found = part(findings(results.folder, results.profile, published_results()), selection)
    drawn = plots(found, what)
    if not drawn:
        some = f" about {selection.in_words}" if selection.chooses_rows else ""
        raise BadInput(f"{results.where} {_NOTHING[what]}{some}.")
    atomic_write(out, in_file(drawn, format, width))
    return out.resolve()
