"""``benchmark export``: a finished cell as files that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.text_table import print_table, size


def export(
    name: str, out: Path | None, formats: Sequence[str], calibrations: Sequence[str], *, results: Path, root: Path,
    source: str,
) -> None:  # fmt: skip
    """Write the files of a cell, found by a part of its id, and print their figures; nothing named is the default."""
    import torch

    from benchmark.export.bundle import CALIBRATIONS, FORMATS, check_request, export_cell
    from benchmark.export.card import WORDS
    from benchmark.running.finished import load_finished

    formats, calibrations = formats or FORMATS, calibrations or CALIBRATIONS[:1]
    check_request(formats, calibrations)
    found = load_finished(results, name, root, torch.device("cpu"), source=source)
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
