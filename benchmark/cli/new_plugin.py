"""``benchmark new``: write a working plug-in in one file, to start from."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path

from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import KINDS

USE = {  # the setting by which each kind is used
    "loss": "recipe.loss={file}",
    "policy": "policy={file}",
    "source": "source.{modality}={file}",
    "network": "student.network={file}",
    "method": "method={file}",
    "callback": "--log {file}",
    "recipe": "recipe={file}",
}
TARGET = {"image": "digits", "audio": "fsdd", "video": "ucf101"}  # to try it on


def scaffold_plugin(name: str, kind: str, modality: str, folder: Path) -> None:
    """Write NAME.py, or NAME.yaml for a recipe, into a folder; print how to check and to use it.

    Raises BadInput if the name cannot be one, if the file exists, or if it cannot be written.
    """
    if kind not in USE:
        raise UnknownName("kind of plug-in", kind, list(USE))
    registry.modality(modality)  # raises for an unknown one
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise BadInput(f"'{name}' is not a valid name; use lower-case letters, digits and underscores.")
    path = folder / f"{name}.{'py' if kind in KINDS else 'yaml'}"
    template = f"{kind}_{modality}" if kind == "source" else kind
    text = (files("benchmark.cli.scaffold") / f"{template}.txt").read_text(encoding="utf-8")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadInput(f"{path} already exists; choose another name or folder.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); choose another folder.") from error
    print(f"wrote {path.resolve()}")
    setting = USE[kind].format(file=path, modality=modality)
    check = [f"benchmark check {path}"] if kind in KINDS else []
    print("next:", *check, f"benchmark run --target {TARGET[modality]} profile=smoke {setting}", sep="\n  ")
