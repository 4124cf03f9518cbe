"""The part of the adapter contract that needs no data: what TargetInfo says, and that importing an adapter is quick."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import get_args

from modalities.base import ModalityName, Published, TargetAdapter, TargetInfo

HEAVY = ("torch", "torchvision", "torchaudio", "librosa", "sklearn", "skimage", "matplotlib", "av")
BIBTEX = re.compile(r"@\w+\{[^\s,{}]+,\s*\w+\s*=.+\}", re.DOTALL)


class Broken(Exception):
    """An item of the contract is not kept; the message is a sentence that says how."""


def must(holds: bool, otherwise: str) -> None:
    """Raise Broken unless something holds."""
    if not holds:
        raise Broken(otherwise)


def check_info(info: TargetInfo) -> str:
    """Everything is there and of its type."""
    must(isinstance(info, TargetInfo), f"info is a {type(info).__name__}, not a TargetInfo.")
    must(info.modality in get_args(ModalityName), f"there is no modality '{info.modality}'.")
    for name in ("name", "title", "licence", "citation", "homepage", "leak_unit"):
        value = getattr(info, name)
        must(isinstance(value, str) and bool(value.strip()), f"info.{name} is empty ('not stated' is an answer).")
    for name in ("train_items", "test_items", "folds"):
        value = getattr(info, name)
        unstated = name != "folds" and value == 0 and bool(info.notes)
        must(unstated or (isinstance(value, int) and value > 0), f"info.{name} is {value!r}; 0 needs a word in notes.")
    must(isinstance(info.download_bytes, int) and info.download_bytes >= 0, "info.download_bytes is no size in bytes.")
    must(info.homepage.startswith(("http://", "https://")), f"info.homepage is '{info.homepage}', no address.")
    balanced = info.citation.count("{") == info.citation.count("}")
    must(bool(BIBTEX.fullmatch(info.citation.strip())) and balanced, "info.citation is not one BibTeX entry.")
    must(info.metric in ("top-1", "mean per-class"), f"info.metric is '{info.metric}'.")
    return f"complete; licence: {info.licence}."


def check_classes(info: TargetInfo) -> str:
    """Names of classes are unique."""
    must(isinstance(info.classes, tuple) and len(info.classes) > 1, "info.classes is no tuple of two names or more.")
    must(all(isinstance(name, str) and name.strip() for name in info.classes), "a class has no name.")
    twice = sorted({name for name in info.classes if info.classes.count(name) > 1})
    must(not twice, f"classes that stand twice: {', '.join(twice[:5])}.")
    return f"{len(info.classes)} names, each once."


def check_published(info: TargetInfo) -> str:
    """Published numbers are fractions and say where they stand."""
    for entry in info.published:
        must(isinstance(entry, Published), f"a published number is a {type(entry).__name__}.")
        must(0 < entry.top1 <= 1, f"a published top-1 is {entry.top1}; write a fraction.")
        must(entry.role in ("teacher", "student", "full data"), f"a published number has the role '{entry.role}'.")
        for name in ("networks", "datum", "reference"):
            must(bool(getattr(entry, name).strip()), f"the published {entry.top1:.3f} has no {name}.")
    return f"{len(info.published)}, as fractions with their references." if info.published else "there are none."


def check_import(adapter: TargetAdapter) -> str:
    """Importing the adapter's module in a fresh process brings none of the heavy libraries."""
    module = type(adapter).__module__
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; import {module}; "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    must(done.returncode == 0, f"{module} cannot be imported alone: {done.stderr.strip().rpartition(chr(10))[2]}")
    must(not done.stdout.strip(), f"importing {module} imports {done.stdout.strip()}; import inside methods.")
    return "importing it brings no heavy library."
