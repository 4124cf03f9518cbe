"""How often the intervals hold the truth, and how often the tests reject what is true, on simulated test sets.

    python scripts/measure/error_rates.py results/measured/statistics

Students are right on an item with a probability that depends on the item, its cluster, the row and the seed, on the
logistic scale; the true difference follows by quadrature. Writes the same rates as
``error_rates.csv`` and ``error_rates.md``.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmark.leaderboard.ranking import ranks
from benchmark.statistics.bootstrap import (
    bootstrap_over_seeds,
    bootstrap_over_targets,
    interquartile_mean,
    pigeonhole_bootstrap,
)
from benchmark.statistics.intervals import effective_items, wilson_interval
from benchmark.statistics.items import ItemDesign, design_of
from benchmark.statistics.multiple import benjamini_hochberg, holm
from benchmark.statistics.paired import compare, mcnemar
from benchmark.statistics.ranks import rank_correlation
from benchmark.statistics.two_way import two_way_difference, two_way_interval
from modalities.storage.atomic import atomic_write

REPEATS = 300
PIGEONHOLE_REPEATS = 200  # resamples of each pigeonhole interval
SEED_EFFECTS = {"none": 0.0, "small": 0.05, "large": 0.25}  # deviations over seeds, on the logistic scale
_ITEM, _OWN, _BASE, _SHIFT = 1.5, 0.6, 1.2, 0.12  # deviation over items; of a row's own ease; ease; better row's lead

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Design:
    """A comparison of two rows: n items in clusters, S seeds each, and how much whole seeds differ."""

    items: int
    clusters: int  # as many as items: independent
    seeds: int
    effect: str  # of SEED_EFFECTS

    def name(self) -> str:
        clusters = "" if self.clusters == self.items else f" in {self.clusters} clusters"
        return f"{self.items} items{clusters}, {self.seeds} seed{'s' if self.seeds > 1 else ''}, effect {self.effect}"


@dataclass(frozen=True)
class Rate:
    """The share of repeats in which an interval holds the truth, or a test rejects it."""

    design: str
    method: str
    measure: str  # coverage or rejections
    nominal: float
    share: float
    half_width: float | None = None  # mean, in points

    def shown(self) -> str:
        width = "" if self.half_width is None else f" ({self.half_width:.1f})"
        return f"{100 * self.share:.1f}{width}"


DESIGNS = (
    *(Design(300, 300, seeds, effect) for effect in SEED_EFFECTS for seeds in (1, 3, 5)),
    *(Design(2000, 2000, 3, effect) for effect in SEED_EFFECTS),
    *(Design(300, clusters, seeds, "small") for clusters in (20, 60) for seeds in (1, 3)),
)


def expected_share(ease: float, deviation: float) -> float:
    """Mean of the logistic function of a normal variable, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    return float((weights / (1 + np.exp(-(ease + deviation * nodes)))).sum() / weights.sum())


def draw(design: Design, leads: list[float], rng: np.random.Generator) -> tuple[list[Bools], ItemDesign]:
    """Return outcomes of a row for each lead, (S, n), and how the items count."""
    cluster = np.arange(design.items) % design.clusters
    alone = design.clusters == design.items

    def effects(deviation: float) -> NDArray[np.float64]:
        """Effects of items, of whose variance half is their cluster's."""
        own = rng.normal(0, deviation, design.items)
        return own if alone else (own + rng.normal(0, deviation, design.clusters)[cluster]) / np.sqrt(2)

    ease, rows = _BASE + effects(_ITEM), []
    for lead in leads:
        of_seed = rng.normal(0, SEED_EFFECTS[design.effect], (design.seeds, 1))
        chance = 1 / (1 + np.exp(-(ease + lead + effects(_OWN) + of_seed)))
        rows.append(rng.random((design.seeds, design.items)) < chance)
    return rows, design_of(design.items, None if alone else [str(c) for c in cluster])


def truth(design: Design, lead: float) -> float:
    """Return the accuracy of a row over all seeds and items."""
    return expected_share(_BASE + lead, float(np.sqrt(_ITEM**2 + _OWN**2 + SEED_EFFECTS[design.effect] ** 2)))


def rates_of_design(design: Design, repeats: int = REPEATS, seed: int = 0) -> list[Rate]:
    """Return coverage of every interval for a design, and rejections of every test of a difference that is none."""
    rng = np.random.default_rng(
        [seed, design.items, design.clusters, design.seeds, list(SEED_EFFECTS).index(design.effect)]
    )
    gap, accuracy = truth(design, _SHIFT) - truth(design, 0.0), truth(design, _SHIFT)
    held: dict[str, list[tuple[bool, float]]] = {}
    rejected: dict[str, list[bool]] = {}

    def note(method: str, bounds: tuple[float, float], true: float) -> None:
        held.setdefault(method, []).append((bounds[0] <= true <= bounds[1], 50 * (bounds[1] - bounds[0])))

    for _ in range(repeats):
        (first, second), items = draw(design, [_SHIFT, 0.0], rng)
        groups = None if items.are_independent else [str(c) for c in items.cluster]
        counts = float(np.mean([effective_items(of_seed, groups) for of_seed in first]))
        note("accuracy, items only", wilson_interval(float(first.mean()), counts), accuracy)
        both_ways = two_way_difference(first, second, items)
        if design.seeds > 1:
            note("accuracy, two-way", two_way_interval(first, items), accuracy)
            averaged = two_way_difference(first.mean(axis=0)[None], second.mean(axis=0)[None], items)
            note("difference, items only", (averaged.low, averaged.high), gap)
            note("difference, two-way", (both_ways.low, both_ways.high), gap)
            pigeonhole = pigeonhole_bootstrap(first, second, items, repeats=PIGEONHOLE_REPEATS)
            note("difference, pigeonhole bootstrap", pigeonhole, gap)
        else:
            found = compare(first, second, items)
            note("difference, " + ("Newcombe" if groups is None else "clustered"), (found.low, found.high), gap)
        (first, second), items = draw(design, [0.0, 0.0], rng)
        rejected.setdefault("two-way" if design.seeds > 1 else "paired t", []).append(
            two_way_difference(first, second, items).p <= 0.05
        )
        if design.seeds == 1 and groups is None:
            b, c = int((first & ~second).sum()), int((~first & second).sum())
            rejected.setdefault("McNemar exact", []).append(mcnemar(b, c, mid_p=False) <= 0.05)
            rejected.setdefault("McNemar mid-p", []).append(mcnemar(b, c) <= 0.05)
    name = design.name()
    coverage = [
        Rate(
            name,
            method,
            "coverage",
            0.95,
            float(np.mean([hit for hit, _ in some])),
            float(np.mean([w for _, w in some])),
        )
        for method, some in held.items()
    ]
    return [*coverage, *(Rate(name, m, "rejections", 0.05, float(np.mean(some))) for m, some in rejected.items())]


def rates_of_aggregates(repeats: int = REPEATS, seed: int = 1) -> Iterator[Rate]:
    """Yield the coverage of the interquartile mean's two intervals, targets being equally many runs."""
    for targets, seeds in ((19, 3), (19, 5), (8, 3), (5, 3)):
        rng = np.random.default_rng([seed, targets, seeds])
        places = np.sort(rng.beta(6, 2, targets))  # of these very targets
        runs = np.random.default_rng(0).normal(0, 0.02, (4000, targets, seeds))
        fixed = np.array([_interquartile(places[:, None] + some) for some in runs]).mean()
        drawn = np.random.default_rng(0).beta(6, 2, (4000, targets))
        anew = np.array([_interquartile(some[:, None] + own) for some, own in zip(drawn, runs, strict=True)]).mean()
        held, widths = np.zeros(2), np.zeros(2)
        for _ in range(repeats):
            scores = (places[:, None] + rng.normal(0, 0.02, (targets, seeds))).tolist()
            others = (rng.beta(6, 2, targets)[:, None] + rng.normal(0, 0.02, (targets, seeds))).tolist()
            found = bootstrap_over_seeds(scores, repeats=400), bootstrap_over_targets(others, repeats=400)
            for place, (bounds, true) in enumerate(zip(found, (fixed, anew), strict=True)):
                assert bounds is not None
                held[place] += bounds[0] <= true <= bounds[1]
                widths[place] += 50 * (bounds[1] - bounds[0])
        for place, method in enumerate(("other seeds", "other targets")):
            design, name = f"{targets} targets, {seeds} seeds", f"interquartile mean, {method}"
            yield Rate(design, name, "coverage", 0.95, float(held[place] / repeats), float(widths[place] / repeats))


def _interquartile(scores: NDArray[np.float64]) -> float:
    return float(interquartile_mean(scores.ravel()))


def rates_of_families(repeats: int = REPEATS, seed: int = 2) -> Iterator[Rate]:
    """Yield error rates over several tests: any false rejection (Holm, rank intervals), their share (BH), one ρ."""
    rng = np.random.default_rng(seed)
    any_false, shares = [], []
    for _ in range(repeats):
        z = rng.normal(0, 1, 20) + np.where(np.arange(20) < 15, 0.0, 3.0)
        p = 2 * ndtr(-np.abs(z))
        any_false.append(bool((holm(p)[:15] <= 0.05).any()))
        found = benjamini_hochberg(p) <= 0.1
        shares.append(float(found[:15].sum() / max(1, found.sum())))
    yield Rate("20 tests, 15 true", "Holm, any false rejection", "rejections", 0.05, float(np.mean(any_false)))
    yield Rate("20 tests, 15 true", "Benjamini-Hochberg at 0.1, false share", "rejections", 0.1, float(np.mean(shares)))
    for pairs in (6, 20):
        small = [
            rank_correlation(rng.normal(size=pairs), rng.normal(size=pairs), orders=499).p <= 0.05
            for _ in range(repeats)
        ]
        yield Rate(f"{pairs} pairs", "rank correlation, permutations", "rejections", 0.05, float(np.mean(small)))
    for design in (Design(300, 300, 1, "none"), Design(2000, 2000, 3, "small")):
        yield Rate(
            f"6 rows, {design.name()}", "all rank intervals", "coverage", 0.95, _rank_coverage(design, rng, repeats)
        )


def _rank_coverage(design: Design, rng: np.random.Generator, repeats: int) -> float:
    leads = [0.0, 0.05, 0.1, 0.3, 0.35, 0.8]
    best_first = sorted(leads, reverse=True)
    true = [best_first.index(lead) + 1 for lead in leads]
    held = 0
    for _ in range(repeats // 4):
        rows, items = draw(design, leads, rng)
        pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
        p = holm([compare(rows[i], rows[j], items).p for i, j in pairs])
        apart = np.zeros((len(rows), len(rows)), dtype=bool)
        for (i, j), adjusted in zip(pairs, p, strict=True):
            apart[i, j] = apart[j, i] = adjusted <= 0.05
        found = ranks([float(row.mean()) for row in rows], apart)
        held += all(one.low <= place <= one.high for one, place in zip(found, true, strict=True))
    return held / (repeats // 4)


def all_rates(note: Callable[[str], None]) -> list[Rate]:
    """Return every rate, telling ``note`` what is done."""
    found = []
    for design in DESIGNS:
        found += rates_of_design(design)
        note(design.name())
    return [*found, *rates_of_aggregates(), *rates_of_families()]


COLUMNS = {  # of the first table: methods
    "accuracy, items only": ("accuracy, items only",),
    "accuracy, two-way": ("accuracy, two-way",),
    "difference, items only": ("difference, items only", "difference, Newcombe", "difference, clustered"),
    "difference, two-way": ("difference, two-way",),
    "difference, pigeonhole": ("difference, pigeonhole bootstrap",),
    "rejected by two-way or paired t": ("two-way", "paired t"),
    "by McNemar, exact / mid-p": ("McNemar exact", "McNemar mid-p"),
}


def markdown(found: list[Rate]) -> str:
    """Return two tables: comparisons by design, and the rest."""
    compared = [design.name() for design in DESIGNS]
    lines = [f"| design | {' | '.join(COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
    for name in compared:
        shown = {rate.method: rate.shown() for rate in found if rate.design == name}
        cells = (" / ".join(shown[method] for method in methods if method in shown) for methods in COLUMNS.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| design | method | measure | nominal | measured |", "|---|---|---|---:|---:|"]
    lines += [
        f"| {rate.design} | {rate.method} | {rate.measure} | {100 * rate.nominal:.0f} | {rate.shown()} |"
        for rate in found
        if rate.design not in compared
    ]
    return "\n".join(lines) + "\n"


def main(folder: str) -> None:
    """Measure everything and write both files."""
    found = all_rates(lambda text: print(text, file=sys.stderr))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(Rate)])
    writer.writerows([["" if value is None else value for value in astuple(rate)] for rate in found])
    atomic_write(Path(folder) / "error_rates.csv", stream.getvalue())
    atomic_write(Path(folder) / "error_rates.md", markdown(found))


if __name__ == "__main__":
    main(sys.argv[1])
