"""``benchmark export``: finished cells as files that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cli.text_table import print_table, size


@dataclass(frozen=True)
class Given:
    """What is exported and from where; nothing named is the default."""

    formats: Sequence[str]
    calibrations: Sequence[str]
    results: Path
    root: Path
    source: str

    def checked(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return formats and calibrations. Raises BadInput for what does not exist, before anything is loaded."""
        from benchmark.export.bundle import CALIBRATIONS, FORMATS, check_request

        formats, calibrations = self.formats or FORMATS, self.calibrations or CALIBRATIONS[:1]
        check_request(formats, calibrations)
        return formats, calibrations


def export(name: str, out: Path | None, given: Given) -> None:
    """Write the files of a cell, found by a part of its id, and print their figures."""
    import torch

    from benchmark.export.bundle import export_cell
    from benchmark.export.card import WORDS
    from benchmark.running.finished import load_finished

    formats, calibrations = given.checked()
    found = load_finished(given.results, name, given.root, torch.device("cpu"), source=given.source)
    folder = out or Path(f"export-{found.record.id}")
    report = export_cell(found, folder, formats, calibrations)
    rows = [
        [
            WORDS[name], row["file"], size(row["bytes"]), f"{100 * row['top1']:.2f}",
            f"{100 * row['agreement']:.2f}" if "agreement" in row else None, f"{1000 * row['seconds_per_item']:.3f}",
        ]
        for name, row in report["models"].items()
    ]  # fmt: skip
    print_table(["model", "file", "size", "top-1 %", "agrees with PyTorch %", "ms per item"], rows)
    of = f"a generated stand-in of {report['target']}" if report["data"] == "stand-in" else report["target"]
    print(f"\n{report['test_items']:,} test items of {of}. Time: {report['time']}.")
    print(f"wrote {folder}")


def export_all(suite: str, profile: str, out: Path | None, given: Given) -> None:
    """Write the files of all finished cells of a suite, and print one table of all of them."""
    from benchmark.export.suite import HEADER, LEGEND, STAND_IN, blocks, export_suite, finished_cells, shown

    formats, calibrations = given.checked()
    _, missing = finished_cells(given.results, profile, suite)
    folder = out or Path(f"export-{suite}")
    rows = export_suite(
        given.results, profile, suite, folder, given.root, source=given.source, formats=formats,
        calibrations=calibrations,
        exporting=lambda id: print(f"exporting {id}", file=sys.stderr, flush=True),
    )  # fmt: skip
    for (target, data), own in blocks(rows).items():
        print(f"\n{target}, {data} data")
        if data == "stand-in":
            print(STAND_IN)
        print_table(HEADER, [shown(row) for row in own], least=("parameters", "MFLOPs", "seeds"))
    print(f"\n{LEGEND}")
    if missing:
        print(f"{missing} cells of the suite are not done and left out.")
    print(f"wrote {folder}")
