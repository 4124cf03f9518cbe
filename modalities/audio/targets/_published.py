"""Published audio results, which all targets of the paper quote in the same way."""

from __future__ import annotations

from modalities.base import Published

_PAPER = "Asano and Saeed, The Augmented Image Prior (ICLR 2023), project page"
_NETWORKS = "not published"


def project_page(*, teacher: float, full_data: float, clip_a: float, clip_b: float) -> tuple[Published, ...]:
    """Return the top-1 fractions of one target: teacher, student of all data, students of either recording."""
    return (
        Published(teacher, "teacher", _NETWORKS, "all training data", _PAPER),
        Published(full_data, "full data", _NETWORKS, "all training data", _PAPER),
        Published(clip_a, "student", _NETWORKS, "clip A, one recording of five minutes", _PAPER),
        Published(clip_b, "student", _NETWORKS, "clip B, one recording of five minutes", _PAPER),
    )
