"""What a setting means and which values it takes is said once, beside its type."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import pytest

from modalities import registry
from modalities.assembly.settings import Setting, check_settings, described
from modalities.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Section:
    share: Annotated[float, Setting("a share", low=0, high=1)] = 0.5
    names: Annotated[tuple[str, ...], Setting("names")] = ()
    mode: Annotated[str, Setting("a mode", choices=("fast", "slow"))] = "fast"
    free: Annotated[str, Setting("a loss", choices=("kl",), others="a plug-in")] = "kl"
    plain: int = 3


def test_type_meaning_and_bounds_are_read_from_the_annotation():
    known = described(Section)
    assert list(known) == ["share", "names", "mode", "free", "plain"]
    assert [one.type for one in known.values()] == ["float", "list of text", "text", "text", "int"]
    assert known["share"].setting == Setting("a share", low=0, high=1)
    assert known["plain"].setting is None


@pytest.mark.parametrize(
    ("setting", "words", "inside", "outside"),
    [
        (Setting("", low=0, high=1), "from 0 to 1", (0, 1), (-1e-9, 1 + 1e-9, float("nan"))),
        (Setting("", above=0), "above 0", (1e-9, 1e9), (0, -1)),
        (Setting("", low=2), "2 or more", (2, 3), (1,)),
        (Setting("", above=0, below=1), "above 0 and below 1", (0.5,), (0, 1)),
        (Setting("", above=0, high=1), "above 0 and up to 1", (1,), (0, 1.1)),
        (Setting("", low=0, below=1), "0 or more and below 1", (0,), (1, -1)),
        (Setting("", low=-2), "-2 or more", (-2,), (-3,)),
        (Setting(""), "", (-1e9, 0), ()),
    ],
)
def test_bounds_are_the_words_of_what_is_accepted(setting, words, inside, outside):
    assert setting.bounds == words
    assert [setting.remedy("key", value) for value in inside] == [""] * len(inside)
    for value in outside:
        assert words in setting.remedy("key", value)
        assert words in setting.remedy("key", [inside[0], value])


def test_a_wrong_value_is_named_with_its_key():
    check_settings(Section(), "part")
    check_settings(Section(free="my_loss.py"), "part")
    with pytest.raises(BadInput, match=r"^part\.share is 2; give a number from 0 to 1\.$"):
        check_settings(Section(share=2), "part")
    with pytest.raises(UnknownName, match=r"no part\.mode named 'fats'; did you mean fast\?"):
        check_settings(Section(mode="fats"), "part")


@pytest.mark.parametrize("name", registry.MODALITIES)
def test_every_setting_of_a_modality_says_what_it_means(name):
    modality = registry.modality(name)
    for section in (modality.view_type, type(next(iter(modality.policies().values())))):
        known = described(section)
        assert set(known) == {entry.name for entry in fields(section)}
        meanings = [of.setting.meaning if of.setting else "" for of in known.values()]
        assert all(meaning.strip() and not meaning.endswith(".") for meaning in meanings), section
