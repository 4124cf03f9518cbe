"""Reports without what only the command line knows of a row, and where the measured records are."""

from __future__ import annotations

from pathlib import Path

from benchmark.records.store import Store
from benchmark.report.collect import Findings, findings
from benchmark.report.embedded import pack
from benchmark.report.page import to_html

MEASURED = Path(__file__).parents[2] / "results" / "measured"
ABOUT = {"facts": [("code", "1.0")], "command": "benchmark run it", "is_exact": True, "remarks": [], "operations": ""}


def page_of(results: Path, profile: str, data=()) -> tuple[Findings, str]:
    """What a report shows of a profile, and the page."""
    found = findings(results, profile)
    embedded = pack(Store(results / profile), found.records, profile)
    return found, to_html(found, data, lambda row, record: ABOUT, embedded)
