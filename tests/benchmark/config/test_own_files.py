"""Suites, profiles, recipes and policies of the user's own: what they set, in which order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.config.compose import compose_target, load_profile, to_container
from benchmark.config.own_files import name_of
from benchmark.config.suites import load_suite, overrides_of
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from modalities.errors import BadInput


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def composed(target: str = "cifar10", *typed: str, profile: str = "small", suite: str = "all"):
    return compose_target(target, typed, profile=profile, suite=suite)


# --- suites ------------------------------------------------------------------------------------------------------

MIXING = """
suite:
  axis: mixing
  targets: [cifar10, fsdd]
  variants:
    CutMix: []
    half: [recipe.budget=0.5]
    softer: {image: [recipe.temperature=20]}
recipe: {temperature: 3}
"""


def test_a_suite_of_ones_own_is_planned_as_a_packaged_one_is(tmp_path):
    path = written(tmp_path, "mine.yaml", MIXING)
    suite = load_suite(path)
    assert (suite.name, suite.axis, list(suite.variants)) == ("mine", "mixing", ["CutMix", "half", "softer"])
    assert list(overrides_of(suite, "audio")) == ["CutMix", "half"]
    cells = make_plan(Request(suite=path, profile="smoke"))
    temperatures = {(cell.key.target, *cell.variants): cell.config.recipe.temperature for cell in cells}
    assert temperatures == {
        ("cifar10", "CutMix"): 3, ("cifar10", "half"): 3, ("cifar10", "softer"): 20,
        ("fsdd", "CutMix"): 3, ("fsdd", "half"): 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suite: {variants: [[recipe.lr=1]]}", "mine.yaml: the section 'suite' is refused"),
        ("suite: {variants: {a: recipe.lr=1}}", "variant 'a' is not a list of settings"),
        ("suite: {variants: {a: [1]}}", "variant 'a' is not a list of settings"),
        ("suite: {variants: {a: {imge: []}}}", "in variant 'a', there is no modality named 'imge'.*image"),
        ("suite: {tragets: [cifar10]}", "mine.yaml: the section 'suite' is refused: Key 'tragets'"),
        ("recipe: {lr: 1}", "mine.yaml has no section 'suite'"),
        ("- suite", "is not a mapping of sections"),
        ("suite: [", "mine.yaml cannot be read as YAML"),
        ("suite: {base: al}", "mine.yaml: .*suite .as base. named 'al'.*all"),
        ("suite: {variants: {a: []}, claims: [{name: x, hypothesis: y, better: a, than: b, at_least: 0.1}]}",
         "claim x: there is no variant named 'b'"),
        ("suite: {variants: {a: [], b: []}, claims: [{name: x, hypothesis: y, better: a, than: b}]}",
         "claim x: give one of at_least and at_most_worse"),
    ],
)  # fmt: skip
def test_a_suite_that_cannot_be_meant_is_refused_with_its_file(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        load_suite(written(tmp_path, "mine.yaml", text))


def test_a_setting_of_a_suite_that_no_target_has_is_refused_with_its_file(tmp_path):
    path = written(tmp_path, "mine.yaml", "suite: {targets: [cifar10]}\nrecipe: {temprature: 3}")
    with pytest.raises(BadInput, match=r"mine\.yaml: .*recipe\.temprature.*did you mean recipe\.temperature"):
        composed(suite=path)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    for group in ("suite", "profile"):
        with pytest.raises(BadInput, match=rf"the {group} .*none\.yaml cannot be read"):
            composed(**{group: str(tmp_path / "none.yaml")})
    with pytest.raises(BadInput, match=r"the recipe .*none\.yaml cannot be read"):
        composed("cifar10", f"recipe={tmp_path / 'none.yaml'}")


# --- profiles, recipes, policies ---------------------------------------------------------------------------------

PROFILE = """
profile: {base: small, data: stand-in, meaning: mine}
recipe: {steps: 100}
modalities:
  audio: {recipe: {steps: 50}}
targets:
  fsdd: {student: {network: conv4-4}}
  digits: {choose: {policy: crop}}
"""


def test_a_profile_starts_from_another_and_says_what_differs_by_modality_and_target(tmp_path):
    path = written(tmp_path, "quick.yaml", PROFILE)
    profile = load_profile(path)
    assert (profile.name, profile.data, profile.meaning, name_of("profile", path)) == (
        "quick", "stand-in", "mine", "quick",
    )  # fmt: skip
    image, fsdd, other = (composed(target, profile=path) for target in ("cifar10", "fsdd", "esc50"))
    assert image.profile.name == "quick" and image.profile.data == "stand-in"
    assert (image.recipe.steps, fsdd.recipe.steps, other.recipe.steps) == (100, 50, 50)
    assert (fsdd.student.network, other.student.network) == ("conv4-4", composed("esc50").student.network)
    assert image.teacher == composed().teacher, "what the file does not say is that of the profile it starts from"
    assert composed("digits", profile=path).policy.name == "crop"
    assert composed("cifar10", "recipe.steps=7", profile=path).recipe.steps == 7, "what is typed wins"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modalities: {picture: {}}", "there is no modality named 'picture'"),
        ("targets: {cifr10: {}}", "cifr10.*did you mean cifar10"),
        ("profile: {data: raal}", "raal"),
        ("profile: {dta: real}", "dta"),
        ("recipe: {steps: many}", "many"),
        ("recipe: {steps: '${threads}'}", "interpolation"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused_with_its_file(tmp_path, text, message):
    with pytest.raises(BadInput, match=rf"quick\.yaml.*{message}"):
        path = written(tmp_path, "quick.yaml", text)
        load_profile(path)
        composed(profile=path)


def test_a_recipe_and_a_policy_of_ones_own_are_named_and_win_over_the_profile(tmp_path):
    recipe = written(tmp_path, "soft.yaml", "base: published-cifar\ntemperature: 12\nsteps: 30")
    policy = written(tmp_path, "calm.yml", "base: geometry\nrotation: 5")
    config = composed("cifar10", f"recipe={recipe}", f"policy={policy}", "recipe.batch=16")
    assert (config.recipe.name, config.recipe.temperature, config.recipe.steps) == ("soft", 12, 30)
    assert config.recipe.optimiser == composed("cifar10", "recipe=published-cifar").recipe.optimiser
    assert (config.policy.name, config.policy.rotation, config.policy.jitter) == ("calm", 5, 0)
    assert config.recipe.batch == 16
    assert composed("cifar10", f"recipe={recipe}", "recipe.steps=9").recipe.steps == 9, "what is typed wins"


def test_a_recipe_without_a_base_starts_from_that_of_the_target(tmp_path):
    recipe = written(tmp_path, "soft.yaml", "temperature: 12")
    for target in ("cifar10", "fsdd"):
        mine, usual = (to_container(composed(target, *typed).recipe) for typed in ((f"recipe={recipe}",), ()))
        assert mine == usual | {"name": "soft", "temperature": 12}


def test_a_policy_of_another_modality_is_refused_with_its_file(tmp_path):
    policy = written(tmp_path, "calm.yml", "base: geometry\nrotation: 5")
    with pytest.raises(BadInput, match=r"calm\.yml: .*audio policy .as base. named 'geometry'"):
        composed("fsdd", f"policy={policy}")
    with pytest.raises(BadInput, match=r"odd\.yml: .*policy\.rotation"):
        composed("fsdd", f"policy={written(tmp_path, 'odd.yml', 'rotation: 5')}")


def test_a_file_that_changes_is_read_anew(tmp_path):
    path = written(tmp_path, "soft.yaml", "temperature: 12")
    assert composed("cifar10", f"recipe={path}").recipe.temperature == 12
    written(tmp_path, "soft.yaml", "temperature: 0.5")
    assert composed("cifar10", f"recipe={path}").recipe.temperature == 0.5


# --- budget ------------------------------------------------------------------------------------------------------


def test_a_budget_is_a_share_of_the_steps_and_no_setting_of_a_cell():
    usual, half = composed(), composed("cifar10", "recipe.budget=0.5")
    assert (half.recipe.steps, half.recipe.budget) == (round(usual.recipe.steps / 2), 1.0)
    assert composed("cifar10", "recipe.budget=0.5", "recipe.steps=10").recipe.steps == 5
    assert composed("cifar10", "recipe.budget=1e-9").recipe.steps == 1
    for refused in ("0", "-1"):
        with pytest.raises(BadInput, match=r"recipe\.budget"):
            composed("cifar10", f"recipe.budget={refused}")
