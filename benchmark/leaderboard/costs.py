"""What a row's student cost: the columns by which methods are compared that give it as many steps."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.records.record import Record
from benchmark.records.settings import Settings, value_at

HEADS = {
    "student_steps": "student steps", "teacher_forwards": "teacher forwards", "generator_steps": "generator steps",
    "distill_seconds": "distill seconds",
}  # fmt: skip
"""Columns for people, with their heads: shown unasked only if the rows of a table differ in method."""

COUNTS = ("student_steps", "student_forwards", "teacher_forwards", "generator_steps")
COLUMNS = ("method", *COUNTS, "distill_seconds")  # those for programs

LEGEND = (
    "Student steps are updates of the student, teacher forwards single inputs that the teacher saw, generator steps a "
    "method's updates of weights or inputs of its own, distill seconds all of this together on the machine of the row; "
    "the teacher's own training is in none of them."
)


def method_of(settings: Settings) -> str:
    """Return the method of a row's settings, which name it unless it is segments alone."""
    return str(value_at(settings, "method") or "segments")


def costs_of(record: Record) -> dict[str, float | None]:
    """Return the columns of one record that is done.

    A record of an earlier version says nothing of costs, and is of segments alone: each step shows both networks a
    batch. What a method does not report is 0. Of predictions that were handed in, nothing is known.
    """
    if record.is_handed_in:
        return dict.fromkeys((*COUNTS, "distill_seconds"))
    spent, own = record.costs, record.segments
    return {
        "student_steps": spent.get("student_steps", value_at(record.config, "recipe.steps")),
        "student_forwards": own + spent.get("student_forwards", 0),
        "teacher_forwards": spent.get("teacher_forwards", own),
        "generator_steps": spent.get("generator_steps", 0),
        "distill_seconds": distill_seconds(record),
    }


def distill_seconds(record: Record) -> float | None:
    """Return how long the distillation took, what a method did in it included; None if the record does not say."""
    known = [seconds for phase, seconds in record.seconds.items() if phase.startswith("distil")]
    return sum(known) if known else None


def are_shown(methods: Iterable[str]) -> bool:
    """Return whether a table shows what its rows cost, since they differ in method.

    An empty method does not count: it is not known, since predictions were handed in.
    """
    return len({*methods} - {""}) > 1
