"""Names find their adapters, plug-ins join without a fork, and mistakes end in a sentence."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from modalities import registry
from modalities.errors import BadInput, UnknownName

CACHED = (registry.modality, registry._origins, registry.target, registry.usable)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    for cached in CACHED:
        cached.cache_clear()
    yield
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A third-party module ``acme`` whose entry points are those of its attribute ``points``: name -> attribute."""
    module = types.ModuleType("acme")
    module.points = {}
    monkeypatch.setitem(sys.modules, "acme", module)

    def points(*, group: str) -> list[EntryPoint]:
        assert group == "benchmark.targets"
        return [EntryPoint(name, f"acme:{attribute}", group) for name, attribute in module.points.items()]

    monkeypatch.setattr(registry, "entry_points", points)
    return module


def adapter(name: str) -> SimpleNamespace:
    return SimpleNamespace(info=SimpleNamespace(name=name))


def test_built_in_targets_are_the_public_files_of_the_rooms() -> None:
    rooms = Path(registry.__file__).parent
    files = {file.stem for room in registry.MODALITIES for file in (rooms / room / "targets").glob("[!_]*.py")}
    packages = {
        file.parent.name
        for room in registry.MODALITIES
        for file in (rooms / room / "targets").glob("[!_]*/__init__.py")
    }
    assert set(registry.target_names()) >= files | packages
    assert registry.target_names() == sorted(registry.target_names())


def test_listing_names_imports_no_adapter_and_no_torch() -> None:
    code = (
        "import sys, modalities.registry as r; r.target_names();"
        "bad = [m for m in sys.modules if m == 'torch' or '.targets.' in m]; sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_target_answers_with_the_nearest(plug: types.ModuleType) -> None:
    plug.points = {"acme-birds": "BIRDS"}
    for ask in (registry.target, registry.origin):
        with pytest.raises(UnknownName, match=r"no target named 'acme-bird'; did you mean acme-birds"):
            ask("acme-bird")


def test_an_unknown_modality_answers_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no modality named 'imag'; did you mean image"):
        registry.modality("imag")


def test_a_plug_in_may_be_an_object_or_a_class(plug: types.ModuleType) -> None:
    class Fish:
        info = SimpleNamespace(name="acme-fish")

    plug.BIRDS, plug.Fish = adapter("acme-birds"), Fish
    plug.points = {"acme-birds": "BIRDS", "acme-fish": "Fish"}
    assert {"acme-birds", "acme-fish"} <= set(registry.target_names())
    assert registry.target("acme-birds") is plug.BIRDS
    assert isinstance(registry.target("acme-fish"), Fish)
    assert registry.target("acme-fish") is registry.target("acme-fish")
    assert registry.origin("acme-birds") == "acme:BIRDS (plug-in)"


def test_a_plug_in_is_not_imported_to_list_its_name(plug: types.ModuleType) -> None:
    plug.points = {"acme-birds": "ABSENT"}
    assert "acme-birds" in registry.target_names()


def test_names_that_collide_are_named_with_both_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("birds", where, "benchmark.targets") for where in ("acme:BIRDS", "other:BIRDS")]
    monkeypatch.setattr(registry, "entry_points", lambda *, group: points)
    with pytest.raises(BadInput, match=r"named 'birds': acme:BIRDS \(plug-in\) and other:BIRDS \(plug-in\); rename"):
        registry.target_names()


def test_a_plug_in_cannot_take_the_name_of_a_built_in_target(
    plug: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SimpleNamespace(name="birds")
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: [module] if "audio" in str(list(path)) else [])
    plug.points = {"birds": "BIRDS"}
    with pytest.raises(BadInput, match=r"modalities\.audio\.targets\.birds and acme:BIRDS"):
        registry.target_names()


def test_one_name_in_two_rooms_collides(plug: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: [SimpleNamespace(name="birds")])
    with pytest.raises(BadInput, match=r"modalities\.image\.targets\.birds and modalities\.audio\.targets\.birds"):
        registry.target_names()


def test_files_that_begin_with_an_underscore_are_no_targets(
    plug: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: [SimpleNamespace(name="_common")])
    assert registry.target_names() == []


def raising() -> None:
    raise RuntimeError("no licence")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("ABSENT", None), ("Raising", type("Raising", (), {"__init__": lambda self: raising()})), ("NUMBER", 7)],
)
def test_a_plug_in_that_does_not_work_is_named(plug: types.ModuleType, attribute: str, value: object) -> None:
    if value is not None:
        setattr(plug, attribute, value)
    plug.points = {"acme-birds": attribute}
    with pytest.raises(BadInput, match=rf"'acme-birds' \(acme:{attribute}\)"):
        registry.target("acme-birds")


def test_an_adapter_that_calls_itself_otherwise_is_refused(plug: types.ModuleType) -> None:
    plug.BIRDS, plug.points = adapter("birds"), {"acme-birds": "BIRDS"}
    with pytest.raises(BadInput, match="registered as 'acme-birds' calls itself 'birds'"):
        registry.target("acme-birds")


def test_a_broken_plug_in_is_set_aside_with_its_reason_and_hides_no_other(plug: types.ModuleType) -> None:
    plug.points = {"good": "Good", "bad": "Missing"}
    plug.Good = adapter("good")
    working, broken = registry.usable()
    assert {"good", "digits"} <= set(working)
    assert set(broken) == {"bad"}
    assert "acme:Missing" in broken["bad"]


def test_a_broken_plug_in_leaves_a_suite_runnable_and_says_why_when_it_is_named(plug: types.ModuleType) -> None:
    from benchmark.planning.select import Request, select_targets

    before = select_targets(Request())
    for cached in CACHED:
        cached.cache_clear()
    plug.points = {"bad": "Missing"}
    assert select_targets(Request()) == before
    with pytest.raises(BadInput, match=r"the plug-in target 'bad' .*acme:Missing.* cannot be used"):
        select_targets(Request(targets=("bad",)))
