"""Default settings that a plug-in brings: found through its entry point, below the profile, and checked."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.config.compose import compose_target
from benchmark.config.plugin_settings import plugin_settings
from benchmark.planning.select import Request, broken_targets, select_targets
from modalities import registry
from modalities.errors import BadInput

ADAPTER = """
from dataclasses import replace
from modalities.image.targets.digits import TARGET as DIGITS

class Target(type(DIGITS)):
    info = replace(DIGITS.info, name="{name}")

TARGET = Target()
"""
NUMBERS = itertools.count()


@pytest.fixture
def bring(tmp_path: Path, plug_in: Callable[[Path, str, str], None]) -> Callable[..., tuple[str, Path]]:
    """Install a plug-in whose file of settings has the given text: its target's name and that file."""

    def write(text: str | bytes, name: str = "") -> tuple[str, Path]:
        name = name or f"plugged{next(NUMBERS)}"
        package = tmp_path / f"{name}_package"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "adapter.py").write_text(ADAPTER.format(name=name))
        path = package / f"{name}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        plug_in(tmp_path, name, f"{name}_package.adapter:TARGET")
        return name, path

    return write


def test_the_file_beside_the_entry_points_module_is_found(bring: Callable[..., tuple[str, Path]]) -> None:
    name, path = bring("view: {size: 24}")
    assert registry.settings_file(name) == path
    assert registry.settings_file("digits") is None
    path.unlink()
    assert registry.settings_file(name) is None
    assert plugin_settings(name) == {}


def test_they_hold_in_every_profile_and_those_of_a_profile_in_that_alone(
    bring: Callable[..., tuple[str, Path]],
) -> None:
    name, _ = bring(
        """
        view: {size: 24, flip: false}
        recipe: {temperature: 3.0}
        expected_seconds: 77
        profiles:
          small:
            teacher: {network: cnn-8, training: {steps: 7}}
            view: {size: 40}
          paper:
            choose: {recipe: onecycle}
        """
    )
    small, demo, paper = (compose_target(name, [], profile=name_, suite="all") for name_ in ("small", "demo", "paper"))
    assert (small.view.size, small.view.flip, small.recipe.temperature) == (40, False, 3.0)
    assert (small.teacher.network, small.teacher.training.steps) == ("cnn-8", 7)
    assert (demo.view.flip, demo.recipe.temperature) == (False, 3.0)
    assert demo.view.size == 32, "a profile says more than what holds in all of them, as for every target"
    assert (demo.teacher.network, paper.recipe.name) == ("resnet-s-16", "onecycle")
    assert compose_target(name, ["view.size=48"], profile="small", suite="all").view.size == 48


def test_a_file_of_comments_changes_nothing(bring: Callable[..., tuple[str, Path]]) -> None:
    name, _ = bring("# nothing yet\n# view: {size: 24}\n")
    assert plugin_settings(name) == {}
    assert compose_target(name, [], profile="smoke", suite="all").view.size == 16


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("view: {size: 24", "cannot be read as YAML"), (b"view: \xff", "cannot be read as YAML"),
        ("- view", "is not a mapping of sections"), ("veiw: {size: 24}", "veiw.*did you mean view"),
        ("view: {siez: 24}", "siez"), ("view: {size: large}", "large"), ("view: {resize: 8}", "smaller than view.size"),
        ("recipe: {mixing: cutmax}", "cutmax.*did you mean cutmix"), ("profile: {name: mine}", "profile"),
        ("seeds: [1, 2]", "seeds"), ("profiles: [small]", "profiles"), ("profiles: {smal: {}}", "did you mean small"),
        ("profiles: {demo: 3}", "not a mapping"), ("profiles: {demo: {suite: {}}}", "suite"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_that_names_the_file(
    text: str | bytes, says: str, bring: Callable[..., tuple[str, Path]]
) -> None:
    name, path = bring(text)
    with pytest.raises(BadInput, match=says) as refused:
        compose_target(name, ["seeds=[3]"], profile="demo", suite="all")
    assert str(refused.value).count(str(path)) == 1
    assert "\n" not in str(refused.value)


def test_what_the_user_typed_is_not_blamed_on_the_file(bring: Callable[..., tuple[str, Path]]) -> None:
    name, path = bring("view: {size: 24}")
    with pytest.raises(BadInput, match=r"'view\.size=big'") as refused:
        compose_target(name, ["view.size=big"], profile="demo", suite="all")
    assert str(path) not in str(refused.value)


def test_one_damaged_file_hides_no_other_target_and_is_named(bring: Callable[..., tuple[str, Path]]) -> None:
    before = select_targets(Request())
    name, path = bring("view: {siez: 24}")
    assert select_targets(Request()) == before
    assert str(path) in broken_targets(Request())[name]
    with pytest.raises(BadInput, match="siez"):
        select_targets(Request(targets=(name,)))
