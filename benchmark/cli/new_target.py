"""``benchmark new-target``: write a working target adapter and its test, to start from."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

import modalities
from modalities import registry
from modalities.errors import BadInput

SUFFIXES = {"image": ".png", "audio": ".wav", "video": ".avi"}


def scaffold(name: str, modality: str, package: Path | None) -> None:
    """Write the adapter and its test into the folder of a new ``package``, or this checkout; print the next steps."""
    registry.modality(modality)  # raises for an unknown one
    _check_name(name)
    module = f"{name}_target" if package else f"modalities.{modality}.targets.{name}"
    base = f"{modality.capitalize()}FolderTarget"
    adapter_imports = (f"from modalities.{modality}.folder import {base}", "from modalities.base import TargetInfo")
    test_imports = (f"from {module} import TARGET", "from modalities.contract.checks import check_adapter, small_view")
    words = {
        "adapter_imports": "\n".join(sorted(adapter_imports)), "test_imports": "\n".join(sorted(test_imports)),
        "name": name, "title": name.replace("_", " ").capitalize(), "modality": modality, "module": module,
        "class_name": "".join(part.capitalize() for part in name.split("_")), "base": base,
        "suffix": SUFFIXES[modality], "distribution": f"{name.replace('_', '-')}-target",
    }  # fmt: skip
    if package:
        places = {"adapter": f"{module}.py", "test": f"tests/test_{module}.py", "pyproject": "pyproject.toml"}
    else:
        places = {
            "adapter": f"modalities/{modality}/targets/{name}.py",
            "test": f"tests/modalities/{modality}/test_{modality}_{name}.py",
        }
    home = package or _checkout()
    written = _write({home / path: _fill(template, words) for template, path in places.items()})
    for path in written:
        print(f"wrote {path}")
    install = [f"pip install -e {package}"] if package else []
    steps = [*install, f"benchmark check {name}", f"benchmark run --target {name} profile=smoke"]
    print("next:", *steps, f"then fill in {written[0]}", sep="\n  ")


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
