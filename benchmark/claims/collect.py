"""From a results folder to claims with verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.claims.judge import Judgement, Prediction, judge
from benchmark.claims.measure import Measured, measure
from benchmark.claims.questions import Question, once, questions
from benchmark.config.schema import Claim
from benchmark.records.settings import differences
from benchmark.records.store import Store
from modalities.errors import BadInput, UnknownName

Family = tuple[str, str, str]


@dataclass(frozen=True)
class Comparison:
    """A claim on one target: what was predicted, and what was measured."""

    suite: str
    profile: str
    data: str  # real, shipped or stand-in
    target: str  # with its fold, if it is not the first
    settings: str  # typed for the run, which all of its cells share, and what tells it from another of the same claim
    claim: Claim
    measured: Measured
    note: str

    @property
    def family(self) -> Family:
        """Which claims are adjusted together."""
        return self.suite, self.profile, self.data


Tested = tuple[Comparison, Judgement]
_Answer = tuple[Question, Measured]


def judged_claims(results: Path, profile: str = "", suites: Iterable[str] = ()) -> list[Tested]:
    """Return every claim of a results folder on every target that its suite was requested for, judged.

    ``profile`` and ``suites`` choose; empty: all. All claims of one suite, profile and kind of data are a family. A
    claim that several runs requested of the same cells counts once. Raises BadInput if there are no claims, or if a
    manifest is damaged.
    """
    wanted = set(suites)
    asked: list[Question] = []
    for store in _stores(results, profile):
        for path, manifest in store.manifest_files().items():
            asked += questions(store, path, manifest)
    names = sorted({question.suite for question in asked})
    where = results / profile
    if not asked:
        raise BadInput(f"{where} holds no claims; run a suite that makes some, such as `claims`.", about="results")
    for name in sorted(wanted - set(names)):
        raise BadInput(f"{where}: {UnknownName('suite with claims', name, names)}")
    families: dict[Family, list[Comparison]] = {}
    chosen = once([question for question in asked if not wanted or question.suite in wanted])
    for comparison in _comparisons(_without_superseded([(question, measure(question)) for question in chosen])):
        families.setdefault(comparison.family, []).append(comparison)
    found: list[Tested] = []
    for _, members in sorted(families.items()):
        order = {name: number for number, name in enumerate(dict.fromkeys(member.claim.name for member in members))}
        members.sort(key=lambda member: order[member.claim.name])
        predictions = [Prediction(member.claim.at_least, member.claim.at_most_worse) for member in members]
        found += zip(members, judge(predictions, [member.measured.difference for member in members]), strict=True)
    return found


def _stores(results: Path, profile: str) -> list[Store]:
    folders = [results / profile] if profile else sorted(results.glob("*/"))
    return [Store(folder) for folder in folders]


def _without_superseded(answers: Sequence[_Answer]) -> list[_Answer]:
    """Leave out what a run without data asked, if another run with data asked the same."""
    with_data = [_name(question) for question, measured in answers if not measured.no_data]
    return [
        (question, measured)
        for question, measured in answers
        if not (measured.no_data and _name(question) in with_data)
    ]


def _comparisons(answers: Sequence[_Answer]) -> list[Comparison]:
    """Describe each answer; say of a claim if it was another one in another run, where each is judged as it was."""
    alike: dict[Any, list[Question]] = {}
    versions: dict[Any, list[Claim]] = {}
    for question, _ in answers:
        alike.setdefault(_name(question), []).append(question)
        known = versions.setdefault((question.suite, question.claim.name), [])
        if question.claim not in known:
            known.append(question.claim)
    found = []
    for question, measured in answers:
        notes = [measured.note]
        if question.late:
            notes.append("written down after cells of this suite had results")
        if len(versions[question.suite, question.claim.name]) > 1:
            notes.append("the claim was another one in another run")
        own = alike[_name(question)]
        settings = filter(None, (question.typed, _told_apart(own)[own.index(question)]))
        place, fold = question.place, question.place.fold
        target = place.target if fold == 1 else f"{place.target}, fold {fold}"
        found.append(
            Comparison(
                question.suite, place.profile, place.data, target, ", ".join(settings), question.claim, measured,
                "; ".join(filter(None, notes)),
            )
        )  # fmt: skip
    return found


def _name(question: Question) -> Any:
    return question.suite, question.place, question.claim.name, question.typed


def _told_apart(alike: Sequence[Question]) -> list[str]:
    """Return how the rows of each question differ from those of others that have its name."""
    sides = zip(*(differences([question.sides[side].settings for question in alike]) for side in (0, 1)), strict=True)
    return ["; ".join(dict.fromkeys(filter(None, texts))) for texts in sides]
