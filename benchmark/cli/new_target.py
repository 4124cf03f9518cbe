"""``benchmark new-target``: write a working target adapter and its test, to start from."""

from __future__ import annotations

import json
import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

import modalities
from benchmark.cli.look import Look, look
from modalities import registry
from modalities.errors import BadInput, readable

SUFFIXES = {"image": ".png", "audio": ".wav", "video": ".avi"}
EXAMPLE = '"first", "second", "third", "fourth"),  # in the official order; also the names of the folders'
NO_SETTINGS = "# view: {flip: false}"


def scaffold(name: str, modality: str, package: Path | None, data: Path | None = None) -> None:
    """Write the adapter and its test into the folder of a new ``package``, or this checkout; print the next steps.

    With a folder of ``data``, modality, classes, numbers and the view are those that are found there.
    """
    found = look(data, modality) if data else None
    modality = found.modality if found else modality
    if not modality:
        raise BadInput("say which modality the target has with --modality, or let --look DIR find out.")
    registry.modality(modality)  # raises for an unknown one
    _check_name(name)
    own_split = found is not None and found.splits is None
    module = f"{name}_target" if package else f"modalities.{modality}.targets.{name}"
    words = _words(name, modality, module, found) | (_found_words(found, data, name) if found and data else {})
    home = package or _checkout()
    places = _places(name, modality, module, package, own_split=own_split, settings=package is not None or bool(found))
    written = _write({home / path: _fill(template, words) for template, path in places.items()})
    for path in written:
        print(f"wrote {path}")
    if found:
        print(f"looked: {found.suggestion.seen}")
    install = [f"pip install -e {package}"] if package else []
    root = f" --root {data.absolute().parent}" if data else ""
    check = f"benchmark check {name}{root}" + (" --fill-counts" if own_split else "")
    run = (
        f"benchmark run --target {name}{root} profile=small" if data else f"benchmark run --target {name} profile=smoke"
    )
    print("next:", *install, check, run, f"then fill in {written[0]}", sep="\n  ")


def _places(
    name: str, modality: str, module: str, package: Path | None, *, own_split: bool, settings: bool
) -> dict[str, str]:
    """Return where to write each template."""
    test = "files_test" if own_split else "test"
    if package:
        return {
            "adapter": f"{module}/__init__.py", test: f"tests/test_{module}.py", "pyproject": "pyproject.toml",
            "settings": f"{module}/{name}.yaml",
        }  # fmt: skip
    places = {
        "adapter": f"modalities/{modality}/targets/{name}.py",
        test: f"tests/modalities/{modality}/test_{modality}_{name}.py",
    }
    return places | ({"settings": f"benchmark/config/target/{name}.yaml"} if settings else {})


def _words(name: str, modality: str, module: str, found: Look | None) -> dict[str, str]:
    """Return what the templates' words stand for, as far as no data are needed for it."""
    own_split = found is not None and found.splits is None
    base = f"{modality.capitalize()}{'File' if own_split else 'Folder'}Target"
    adapter_imports = [f"from modalities.{modality}.folder import {base}", "from modalities.base import TargetInfo"]
    adapter_imports += ["from modalities.datasets.files import LabelledFile, split_by_unit"] if own_split else []
    checks = [] if own_split else ["from modalities.contract.checks import check_adapter, small_view"]
    standard = "from collections.abc import Iterable\nfrom pathlib import Path\n\n" if own_split else ""
    return {
        "adapter_imports": standard + "\n".join(sorted(adapter_imports)),
        "test_imports": "\n".join(sorted([f"from {module} import TARGET", *checks])),
        "name": name, "title": name.replace("_", " ").capitalize(), "modality": modality, "module": module,
        "class_name": "".join(part.capitalize() for part in name.split("_")), "base": base,
        "suffix": SUFFIXES[modality], "distribution": f"{name.replace('_', '-')}-target",
        "layout": f"ROOT/{name}/{{train,test}}/CLASS/*{SUFFIXES[modality]}", "classes": EXAMPLE,
        "train_items": "2_000", "test_items": "500", "body": "", "settings": NO_SETTINGS,
    }  # fmt: skip


def _found_words(found: Look, data: Path, name: str) -> dict[str, str]:
    """Return what words of the templates stand for that depend on the data."""
    train, test = found.counts
    classes = "".join(f"            {_literal(label)},\n" for label in found.classes)
    attributes = [] if data.absolute().name == name else [f"    folder = {_literal(data.absolute().name)}\n"]
    if found.splits not in (None, ("train", "test")):
        attributes.append(f"    splits = ({', '.join(map(_literal, found.splits or ()))})\n")
    view = ", ".join(f"{key}: {value}" for key, value in found.suggestion.view.items())
    words = {
        "classes": f"\n{classes}        ),", "train_items": f"{train:_}", "test_items": f"{test:_}",
        "suffix": found.suffix,
        "settings": f"# {readable(found.suggestion.seen)}\nview: {{{view}}}",
    }  # fmt: skip
    method = _fill("files", {"name": name, "suffix": found.suffix}) if found.splits is None else ""
    inside = f"{{{','.join(found.splits)}}}/" if found.splits else ""
    return words | {
        "body": "".join(attributes) + method, "layout": f"ROOT/{name}/{inside}CLASS/*{readable(found.suffix)}",
    }  # fmt: skip


def _literal(text: str) -> str:
    """Return a name from a disk as a Python string that prints."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _check_name(name: str) -> None:
    plain = re.fullmatch(r"[a-z][a-z0-9_]*", name) and not keyword.iskeyword(name)
    if not plain or name.endswith("_") or "__" in name:
        raise BadInput(f"'{name}' is not a valid target name; use lower-case letters, digits and single underscores.")
    if name in registry.target_names():
        raise BadInput(f"a target named '{name}' already exists ({registry.origin(name)}); choose another name.")


def _checkout() -> Path:
    """Return the project's folder. Raises BadInput if this is not a checkout."""
    home = Path(modalities.__file__).resolve().parent.parent
    if not (home / "pyproject.toml").is_file() or not (home / "tests").is_dir():
        raise BadInput(f"{home} is an installed copy, not a checkout; give a folder for a new package with --package.")
    return home


def _fill(template: str, words: dict[str, str]) -> str:
    return Template((files("benchmark.cli.scaffold") / f"{template}.txt").read_text(encoding="utf-8")).substitute(words)


def _write(texts: dict[Path, str]) -> list[Path]:
    """Write new files, or none if one of them exists; return their absolute paths."""
    for path in texts:
        if path.exists():
            raise BadInput(f"{path} already exists; choose another name or folder.")
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written ({error.strerror}); choose another folder.") from error
    return [path.resolve() for path in texts]
