"""The part of the adapter contract that needs no data: a complete TargetInfo, and a quick import of the adapter."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import get_args

from modalities.base import ModalityName, Published, TargetInfo
from modalities.contract.subject import Subject, must

HEAVY = ("torch", "torchvision", "torchaudio", "librosa", "sklearn", "skimage", "matplotlib", "av")
BIBTEX = re.compile(r"@\w+\{[^\s,{}]+,\s*\w+\s*=.+\}", re.DOTALL)


def check_info(subject: Subject) -> str:
    """Check that every field is filled in and of the right type."""
    info = subject.adapter.info
    must(isinstance(info, TargetInfo), f"info is a {type(info).__name__}, not a TargetInfo.")
    must(info.modality in get_args(ModalityName), f"there is no modality '{info.modality}'.")
    for name in ("name", "title", "licence", "citation", "homepage", "leak_unit"):
        value = getattr(info, name)
        must(isinstance(value, str) and bool(value.strip()), f"info.{name} is empty ('not stated' is an answer).")
    for name in ("train_items", "test_items", "folds"):
        value, least = getattr(info, name), 0 if info.notes and name != "folds" else 1
        must(isinstance(value, int) and value >= least, f"info.{name} is {value!r}; explain a 0 in notes.")
    must(isinstance(info.download_bytes, int) and info.download_bytes >= 0, "info.download_bytes is not a size.")
    must(info.homepage.startswith(("http://", "https://")), f"info.homepage is '{info.homepage}', not an address.")
    balanced = info.citation.count("{") == info.citation.count("}")
    must(bool(BIBTEX.fullmatch(info.citation.strip())) and balanced, "info.citation is not one BibTeX entry.")
    by_fold = info.fold_test_items
    must(not by_fold or len(by_fold) == info.folds, f"info.fold_test_items has {len(by_fold)} of {info.folds} folds.")
    must(info.known_test_items(1) == info.test_items, "info.test_items is not that of the first fold.")
    must(info.metric in ("top-1", "mean per-class"), f"info.metric is '{info.metric}'.")
    return f"complete; licence: {info.licence}."


def check_classes(subject: Subject) -> str:
    """Check that the names of classes are unique."""
    classes = subject.adapter.info.classes
    must(isinstance(classes, tuple) and len(classes) > 1, "info.classes is not a tuple of two or more names.")
    must(all(isinstance(name, str) and name.strip() for name in classes), "a class has no name.")
    duplicates = sorted({name for name in classes if classes.count(name) > 1})
    must(not duplicates, f"duplicate classes: {', '.join(duplicates[:5])}.")
    return f"{len(classes)} unique names."


def check_published(subject: Subject) -> str:
    """Check that published numbers are fractions with a source."""
    published = subject.adapter.info.published
    for entry in published:
        must(isinstance(entry, Published), f"a published number is a {type(entry).__name__}.")
        must(0 < entry.top1 <= 1, f"a published top-1 is {entry.top1}; write a fraction.")
        must(entry.role in ("teacher", "student", "full data"), f"a published number has the role '{entry.role}'.")
        for name in ("networks", "datum", "reference"):
            must(bool(getattr(entry, name).strip()), f"the published {entry.top1:.3f} has no {name}.")
    return f"{len(published)}, as fractions with references." if published else "there are none."


def check_import(subject: Subject) -> str:
    """Check that importing the adapter's module in a fresh process loads no heavy library."""
    module = type(subject.adapter).__module__
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; import {module}; "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", errors="replace")
    must(done.returncode == 0, f"{module} cannot be imported by itself: {done.stderr.strip().rpartition(chr(10))[2]}")
    must(not done.stdout.strip(), f"importing {module} imports {done.stdout.strip()}; import inside methods.")
    return "importing it loads no heavy library."
