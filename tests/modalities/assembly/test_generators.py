"""Names of generated sources: seeds and parameters, in one form, and refused with a remedy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modalities.assembly.generators import Generator, Number, Word, parse
from modalities.errors import BadInput, UnknownName

LEAVES = {"shapes": Number(100, 1, 500), "power": Number(3.0, 1.1, 10), "ink": Word(("all", "grey"))}
KNOWN = {"leaves": Generator(list, "leaves", LEAVES), "plain": Generator(list, "plain")}


def meant(name: str) -> tuple[str, str, int, dict[str, Any]]:
    found = parse(name, KNOWN)
    assert found is not None
    return found.name, found.kind, found.seed, dict(found.changed)


@pytest.mark.parametrize(("name", "expected"), [
    ("leaves", ("leaves", "leaves", 0, {})),
    ("leaves:7", ("leaves:7", "leaves", 7, {})),
    ("leaves:0", ("leaves:0", "leaves", 0, {})),
    ("leaves:", ("leaves:", "leaves", 0, {})),
    ("plain:3", ("plain:3", "plain", 3, {})),
    ("leaves:shapes=5", ("leaves:shapes=5", "leaves", 0, {"shapes": 5})),
    ("leaves:7,ink=grey,shapes=5", ("leaves:7,shapes=5,ink=grey", "leaves", 7, {"shapes": 5, "ink": "grey"})),
    ("leaves:power=3,shapes=100", ("leaves", "leaves", 0, {})),
    ("leaves:2,power=3", ("leaves:2", "leaves", 2, {})),
    ("leaves:power=2.50", ("leaves:power=2.5", "leaves", 0, {"power": 2.5})),
    ("leaves:power=4.0", ("leaves:power=4", "leaves", 0, {"power": 4})),
])  # fmt: skip
def test_a_name_stands_for_a_kind_a_seed_and_what_is_not_at_its_default(name: str, expected: object) -> None:
    assert meant(name) == expected


@pytest.mark.parametrize("name", ["leaf", "photo.jpg", "folder/leaves:7", "leaves7", ""])
def test_other_names_stand_for_none(name: str) -> None:
    assert parse(name, KNOWN) is None


@pytest.mark.parametrize(("name", "message"), [
    ("leaves:x", r"seed 'x', which is not a whole number"),
    ("leaves:-1", r"seed '-1', which is not a whole number"),
    ("plain:shapes=5", r"plain takes nothing but a seed"),
    ("leaves:7,5", r"no setting of the source leaves named '5'"),
    ("leaves:shape=5", r"no setting of the source leaves named 'shape'; did you mean shapes\?"),
    ("leaves:shapes=5.5", r"shapes of the source leaves=5.5 must be a whole number between 1 and 500"),
    ("leaves:shapes=0", r"must be a whole number between 1 and 500"),
    ("leaves:shapes=501", r"must be a whole number between 1 and 500"),
    ("leaves:power=nan", r"must be a number between 1.1 and 10"),
    ("leaves:power=inf", r"must be a number between 1.1 and 10"),
    ("leaves:ink=gray", r"no ink of the source leaves named 'gray'; did you mean grey\?"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_a_remedy(name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse(name, KNOWN)
    assert issubclass(UnknownName, BadInput)


@given(st.integers(1, 500), st.floats(1.1, 10), st.sampled_from(["all", "grey"]), st.integers(0, 2**64))
def test_the_name_of_what_was_meant_means_the_same(shapes: int, power: float, ink: str, seed: int) -> None:
    once = meant(f"leaves:{seed},ink={ink},power={power!r},shapes={shapes}")
    assert meant(once[0]) == once
    assert once[3].get("power", 3) == power and once[3].get("shapes", 100) == shapes
