"""Claims with verdicts as text: CSV and JSON for programs, LaTeX, Markdown and HTML for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from benchmark.claims.collect import Comparison, Tested
from benchmark.claims.judge import Judgement
from benchmark.leaderboard.documents import render_csv, render_html, render_json, render_latex, render_markdown
from benchmark.leaderboard.formats import points
from benchmark.leaderboard.latex import USUAL, Paper
from benchmark.leaderboard.table import sanitize
from benchmark.statistics.two_way import Difference

HEADER = (
    "claim", "target", "compared", "seeds", "accuracies", "difference [95 %]", "predicted", "detectable", "p for",
    "p against", "verdict",
)  # fmt: skip
LEAST = ("detectable", "p against", "p for", "seeds", "accuracies", "predicted")  # on a narrow terminal or page
LEGEND = (
    "Accuracies and differences in points of percent. Difference: first variant minus second, on the same test "
    "items, with its 95 % interval for other seeds and other test items. Predicted: ≥ d, the smallest difference of "
    "interest, or ≥ −m, if the first is predicted to come close. Detectable: the true difference that a test at 5 % "
    "would find in 80 % of cases. p: one-sided, for: of the first variant being no better (or worse by m); against: of "
    "the difference being d (or −m) or more; each adjusted by Holm over all claims of the block, whether they have "
    "results or not. Supported: p for is at most 0.05, and the difference is as predicted. Contradicted: p against is "
    "at most 0.05, so that a difference as large as predicted is ruled out. Undecided: neither."
)
_CAVEATS = {
    "stand-in": "These verdicts are about generated stand-ins, NOT about the real datasets.",
    "shipped": "These verdicts are about small data that ship inside a dependency.",
    "smoke": "The smoke profile only shows that everything runs: its verdicts mean nothing.",
}


def to_csv(found: Sequence[Tested]) -> str:
    """A line for each claim and target; differences as fractions."""
    import pandas as pd

    return render_csv(pd.DataFrame([_row(*one) for one in found]))


def to_json(found: Sequence[Tested]) -> str:
    """An object with ``claims``, the rows of the CSV; missing figures are null."""
    return render_json({"legend": LEGEND, "claims": [_row(*one) for one in found]})


def to_markdown(found: Sequence[Tested]) -> str:
    return render_markdown(_table(found))


def to_html(found: Sequence[Tested]) -> str:
    return render_html(_table(found))


def to_latex(found: Sequence[Tested], paper: Paper = USUAL) -> str:
    return render_latex(_table(found), paper)


def _row(comparison: Comparison, judged: Judgement) -> dict[str, Any]:
    claim, difference = comparison.claim, comparison.measured.difference
    first, second = comparison.measured.accuracies
    known: list[float | None] = [None] * 5
    if difference:
        figures = (difference.value, difference.low, difference.high, difference.error, difference.detectable)
        known = [figure if math.isfinite(figure) else None for figure in figures]
    row = {
        "suite": comparison.suite, "profile": comparison.profile, "data": comparison.data, "claim": claim.name,
        "hypothesis": claim.hypothesis, "target": comparison.target, "settings": comparison.settings,
        "better": claim.better, "than": claim.than, "at_least": claim.at_least, "at_most_worse": claim.at_most_worse,
        "seeds": comparison.measured.seeds, "accuracy_better": first, "accuracy_than": second,
        **dict(zip(("difference", "low", "high", "standard_error", "detectable"), known, strict=True)),
        "p_for": judged.p_for, "p_for_adjusted": judged.adjusted_for,
        "p_against": judged.p_against, "p_against_adjusted": judged.adjusted_against,
        "verdict": judged.verdict, "note": comparison.note,
    }  # fmt: skip
    return {name: sanitize(value) if isinstance(value, str) else value for name, value in row.items()}


def blocks(found: Sequence[Tested]) -> list[tuple[str, list[Tested]]]:
    """Return titled blocks: the claims of one suite on one kind of data, which were adjusted together."""
    ordered = sorted(found, key=lambda one: one[0].family)
    return [
        (f"suite {suite}, profile {profile}, {data} data", list(part))
        for (suite, profile, data), part in groupby(ordered, lambda one: one[0].family)
    ]


def caveats(found: Sequence[Tested]) -> list[str]:
    """Return what to say of the data and the profile that verdicts rest on."""
    present = {name for comparison, _ in found for name in (comparison.data, comparison.profile)}
    return [text for name, text in _CAVEATS.items() if name in present]


def shown(comparison: Comparison, judged: Judgement) -> list[str]:
    """Return the texts of a claim on one target, for each column of HEADER."""
    claim, measured = comparison.claim, comparison.measured
    accuracies = " / ".join("–" if share is None else points(share) for share in measured.accuracies)
    predicted = f"≥ {points(claim.at_least)}" if claim.at_least else f"≥ −{points(claim.at_most_worse)}"
    found = measured.difference
    figures = [_interval(found), predicted, points(found.detectable)] if found else ["", predicted, ""]
    compared = f"{claim.better} / {claim.than}"
    tests = ["< 0.001" if p < 0.001 else f"{p:.3f}" for p in (judged.adjusted_for, judged.adjusted_against)]
    texts = [
        claim.name,
        _target(comparison),
        compared,
        measured.seeds,
        accuracies,
        *figures,
        *(tests if found else ["", ""]),
    ]
    return [sanitize(text) for text in (*texts, judged.verdict)]


def _target(comparison: Comparison) -> str:
    return f"{comparison.target} ({comparison.settings})" if comparison.settings else comparison.target


def _interval(difference: Difference) -> str:
    return f"{points(difference.value)} [{points(difference.low)}, {points(difference.high)}]"


def remarks(found: Sequence[Tested]) -> list[str]:
    """Return what each claim says, once, and the notes of those that have one."""
    said = dict.fromkeys(f"{comparison.claim.name}: {comparison.claim.hypothesis}" for comparison, _ in found)
    notes = [f"{c.claim.name}, {_target(c)}: {c.note}." for c, _ in found if c.note]
    return [sanitize(text) for text in (*said, *notes)]


def _table(found: Sequence[Tested]) -> dict[str, Any]:
    parts = [
        {
            "title": title, "caveats": caveats(part), "rows": [shown(*one) for one in part], "remarks": remarks(part),
            "methods": None,
        }
        for title, part in blocks(found)
    ]  # fmt: skip
    return {
        "title": "Claims",
        "legend": LEGEND,
        "caveats": caveats(found),
        "header": list(HEADER),
        "blocks": parts,
        "least": (*LEAST, "compared"),
    }


FORMATS = {"csv": to_csv, "json": to_json, "latex": to_latex, "markdown": to_markdown, "html": to_html}
