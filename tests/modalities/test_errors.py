"""Errors that a user reads: one printable line, the argument at fault, and both after a trip between processes."""

from __future__ import annotations

import pickle
from typing import get_args

import pytest

from benchmark.cli.remedies import OPTIONS, explain
from modalities.errors import Argument, BadInput, NotFetched, UnknownName


@pytest.mark.parametrize("kind", [BadInput, NotFetched])
@pytest.mark.parametrize("about", [None, *get_args(Argument)])
def test_an_error_that_travels_between_processes_keeps_its_message_and_subject(kind: type[BadInput], about: Argument):
    error = kind("a\x1b[31m folder\\n", about)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.about) == (kind, str(error), about)
    assert str(copy) == "a\\x1b[31m folder\\n"


def test_an_unknown_name_keeps_what_is_near():
    copy = pickle.loads(pickle.dumps(UnknownName("target", "cifar11", ["cifar10", "fsdd"])))
    assert (str(copy), copy.near) == ("there is no target named 'cifar11'; did you mean cifar10?", ["cifar10"])


def test_the_command_line_adds_the_option_and_the_message_has_none():
    for about in get_args(Argument):
        error = BadInput("it is wrong; choose another.", about=about)
        assert str(error) == "it is wrong; choose another."
        assert explain(error) == f"it is wrong; choose another ({OPTIONS[about]})."
        assert OPTIONS[about].startswith("--")
    assert explain(BadInput("it is wrong; fix it.")) == "it is wrong; fix it."
    assert explain(ValueError("three")) == "ValueError: three"


def test_a_name_is_offered_once_however_often_it_is_known():
    error = UnknownName("policy", "standrd", ["standard", "standard", "plain", "standard"])
    assert error.near == ["standard"]
    assert str(error) == "there is no policy named 'standrd'; did you mean standard?"
    assert str(UnknownName("policy", "zzz", ["b", "a", "b"])).endswith("known are a, b.")
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert UnknownName("source", "cafe", [composed, decomposed]).near == [composed]
