"""``benchmark claims``: predictions and their verdicts, computed from records alone."""

from __future__ import annotations

from pathlib import Path

from benchmark.claims import formats
from benchmark.claims.collect import Tested, judged_claims
from benchmark.cli.output import print_document
from benchmark.cli.text_table import print_table, say

LEAST = ("detectable", "p against", "p for", "seeds", "accuracies", "predicted")  # on a narrow terminal


def show_claims(results: Path, profile: str, suites: list[str], format: str) -> None:
    """Print the claims of a results folder; an empty profile stands for all, no suites for every suite."""
    found = judged_claims(results, profile, suites)
    if format == "text":
        _print(found)
    else:
        print_document(formats.FORMATS[format](found))


def _print(found: list[Tested]) -> None:
    for number, (title, part) in enumerate(formats.blocks(found)):
        if number:
            print()
        say(title)
        for caveat in formats.caveats(part):
            say(caveat)
        print()
        print_table(formats.HEADER, [formats.shown(*one) for one in part], least=LEAST)
        print()
        for remark in formats.remarks(part):
            say(f"  {remark}")
    print()
    say(formats.LEGEND, rest="")
