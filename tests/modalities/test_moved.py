"""Names that adapters outside this project may still use are answered with the new ones."""

from __future__ import annotations

import importlib

import pytest

from modalities import MOVED


@pytest.mark.parametrize("old", sorted(MOVED))
def test_a_module_that_has_moved_is_answered_with_the_name_of_the_new_one(old: str) -> None:
    new = f"modalities.{MOVED[old]}"
    with pytest.raises(ModuleNotFoundError, match=rf"modalities\.{old} has moved: import {new}\."):
        importlib.import_module(f"modalities.{old}")
    assert importlib.import_module(new)


def test_a_module_that_never_was_is_simply_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'modalities\.nothing'"):
        importlib.import_module("modalities.nothing")


def test_names_in_modules_that_stayed_are_answered_too() -> None:
    with pytest.raises(ImportError, match=r"from modalities\.errors import BadInput"):
        exec("from modalities.base import BadInput")
    with pytest.raises(ImportError, match="to_device"):
        exec("from modalities.base import sent")
    with pytest.raises(ImportError, match=r"from modalities\.download\.fetch import download"):
        exec("from modalities.download import download")
    with pytest.raises(ImportError, match=r"from modalities\.download\.archives import extract"):
        exec("from modalities.download import extract")
