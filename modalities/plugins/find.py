"""Plug-ins by name: the path of a Python file, an installed package's entry point, or an object passed from Python."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from modalities.errors import BadInput, readable_name
from modalities.plugins.content import object_sha256
from modalities.storage.digest import file_sha256
from modalities.storage.paths import user_path

Kind = Literal["loss", "policy", "source", "network", "method", "callback"]
KINDS: tuple[str, ...] = get_args(Kind)
GROUPS = {
    "loss": "benchmark.losses", "policy": "benchmark.policies", "source": "benchmark.sources",
    "network": "benchmark.networks", "method": "benchmark.methods", "callback": "benchmark.callbacks",
}  # fmt: skip
_OBJECTS: dict[tuple[str, str], Any] = {}  # passed from Python, by kind and name


@dataclass(frozen=True)
class Plugin:
    """Where a plug-in is, and by which content it is known."""

    kind: str
    name: str  # as it is called everywhere
    place: str  # as it was given: the path of a file, the name of an entry point, or that of an object
    version: str  # of the installed package; empty for a file
    sha256: str  # of the file or, if a package is installed, of its Python files; of an object, its code and its values

    @property
    def is_object(self) -> bool:
        """Whether it was passed from Python, and is known in this process alone."""
        return (self.kind, self.place) in _OBJECTS

    def load(self) -> Any:
        """Return the object. Raises BadInput if its code cannot be run, or is not what it was when it was found."""
        found = find(self.kind, self.place)
        if found is None or found.sha256 != self.sha256:
            raise BadInput(f"the {self.kind} {self.place} has changed since this run was planned; run it again.")
        if self.is_object:
            return _OBJECTS[self.kind, self.place]
        try:
            if is_python_file(self.place):
                return getattr(_module(user_path(self.place), self.sha256), self.kind.upper())
            return _installed(self.kind)[self.place].load()
        except AttributeError as error:
            if getattr(error, "name", "") != self.kind.upper():
                raise self._broken(error) from error
            raise _lacks(self.kind, self.place) from error
        except Exception as error:  # whatever its code does
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> BadInput:
        return BadInput(f"the {self.kind} {self.place} cannot be used ({error!r}); correct its code.")


def is_python_file(text: str) -> bool:
    """Return whether a name is the path of a Python file."""
    return text.lower().endswith(".py")


def title(text: str) -> str:
    """Return what a plug-in is called: a file by its name without folder and ending, anything else as it is."""
    return readable_name(Path(text).stem) if is_python_file(text) else text


def find(kind: str, text: str) -> Plugin | None:
    """Return the plug-in that a name means, without running its code; None if it means none.

    Raises BadInput if it is a file that cannot be read, or if two packages bring a plug-in of that name.
    """
    if (kind, text) in _OBJECTS:
        return Plugin(kind, text, text, "", object_sha256(_OBJECTS[kind, text]))
    if is_python_file(text):
        sha256 = file_sha256(user_path(text), f"give the Python file of a {kind}")
        _check_kind(kind, text)
        return Plugin(kind, title(text), text, "", sha256)
    point = _installed(kind).get(text)
    if point is None:
        return None
    return Plugin(kind, text, text, point.dist.version if point.dist else "", _package_sha256(point))


def names(kind: str) -> list[str]:
    """Return the names of installed plug-ins of a kind."""
    return sorted(_installed(kind))


@cache
def plugin_recipes() -> dict[str, Path]:
    """Return the recipes that installed packages bring: NAME.yaml, beside the module that their entry point names."""
    found = {}
    for point in entry_points(group="benchmark.recipes"):
        spec = importlib.util.find_spec(point.module)
        if spec is not None and spec.origin:
            found[point.name] = Path(spec.origin).with_name(f"{point.name}.yaml")
    return found


def plugin_recipe(name: str) -> Path | None:
    """Return the YAML file of an installed recipe; None if there is none of that name."""
    return plugin_recipes().get(name)


def kinds_in(path: Path) -> list[str]:
    """Return which kinds of plug-ins a Python file holds, by its text. Raises BadInput if it cannot be read."""
    try:
        text = user_path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); give the Python file of a plug-in.") from error
    return [kind for kind in KINDS if re.search(rf"^(def |class )?{kind.upper()}\b", text, re.MULTILINE)]


def _check_kind(kind: str, text: str) -> None:
    """Refuse a file that holds a plug-in of another kind, before anything runs."""
    found = kinds_in(Path(text))
    if found and kind not in found:
        raise BadInput(
            f"{text} holds a {found[0]} ({found[0].upper()}) and no {kind}; a {kind} is called {kind.upper()}."
        )


def _lacks(kind: str, place: str) -> BadInput:
    return BadInput(f"{place} has no {kind.upper()}; name the {kind} in it {kind.upper()}.")


def kind_of_file(path: Path) -> str:
    """Return which kind of plug-in a Python file holds, by its text. Raises BadInput if it is none, or several."""
    found = kinds_in(path)
    if len(found) != 1:
        known = ", ".join(kind.upper() for kind in KINDS)
        raise BadInput(f"{path} has {' and '.join(map(str.upper, found)) or 'none'} of {known}; it needs exactly one.")
    return found[0]


def add_object(kind: Kind, name: str, plugin: Any) -> str:
    """Make an object that was passed from Python known in this process; return the name by which it is found.

    Objects of other code or values have other names, since they are other plug-ins.
    """
    known = f"own {name} {object_sha256(plugin)[:12]}"
    _OBJECTS[kind, known] = plugin
    return known


@cache
def _installed(kind: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUPS[kind]):
        if point.name in found:
            problem = f"two installed packages bring a {kind} named '{point.name}'"
            raise BadInput(f"{problem}: {found[point.name].value} and {point.value}; uninstall one of them.")
        found[point.name] = point
    return found


def _package_sha256(point: EntryPoint) -> str:
    """Return a hash of the Python files of the package or module in which an entry point is."""
    top = point.module.partition(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.origin:
        raise BadInput(f"the plug-in '{point.name}' ({point.value}) is not installed completely; install it again.")
    digest = hashlib.sha256()
    for path in _python_files(Path(spec.origin)):
        digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _python_files(origin: Path) -> Iterator[Path]:
    yield from sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]


@cache
def _module(path: Path, sha256: str) -> ModuleType:
    """Run a file under a name of its own; another content is another module."""
    name = f"benchmark_plugin_{sha256[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
