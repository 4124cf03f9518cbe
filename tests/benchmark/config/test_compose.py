"""Configuration: every packaged file composes, the order of precedence holds, and wrong input gets one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.config import compose as configuration
from benchmark.config.compose import compose_target, to_container
from benchmark.config.overrides import options, split_overrides
from benchmark.config.suites import load_suite, overrides_of
from modalities import registry
from modalities.errors import BadInput

PROFILES, RECIPES, SUITES = options("profile"), options("recipe"), options("suite")


def composed(target: str = "digits", *overrides: str, profile: str = "demo", suite: str = "all"):
    return compose_target(target, overrides, profile=profile, suite=suite)


def test_there_are_the_four_profiles():
    assert PROFILES == ["demo", "paper", "small", "smoke"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("target", registry.target_names())
def test_every_target_composes_under_every_profile(target, profile):
    config = composed(target, profile=profile)
    modality = registry.modality(registry.target(target).info.modality)
    assert config.profile.name == profile
    assert isinstance(config.view, modality.view_type)
    assert isinstance(config.policy, modality.policy_type)
    assert config.policy.name in modality.policies()
    assert config.recipe.name in RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_composes_and_carries_its_own_name(recipe):
    assert composed("digits", f"recipe={recipe}").recipe.name == recipe


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_composes_with_all_its_variants(suite):
    made = load_suite(suite)
    assert made.name == suite
    assert made.meaning
    assert bool(made.axis) == bool(made.variants)
    for target in made.targets:
        if target in registry.target_names():
            for variant in overrides_of(made, registry.target(target).info.modality).values():
                composed(target, *variant, suite=suite)


def test_every_packaged_file_is_one_that_these_tests_compose():
    root = Path(configuration.__file__).parent
    names = {path.relative_to(root).as_posix() for path in root.rglob("*.yaml")}
    expected = {"config.yaml"} | {f"recipe/{n}.yaml" for n in RECIPES} | {f"suite/{n}.yaml" for n in SUITES}
    expected |= {f"profile/{n}.yaml" for n in PROFILES} | {f"modality/{n}.yaml" for n in registry.MODALITIES}
    expected |= {f"profile/modality/{p}_{m}.yaml" for p in PROFILES for m in registry.MODALITIES}
    targets = {f"target/{n}.yaml" for n in registry.target_names()}
    targets |= {f"profile/target/{p}_{n}.yaml" for p in PROFILES for n in registry.target_names()}
    assert expected <= names
    assert names - expected <= targets, "a file that no target and no profile reads"


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_every_policy_composes_by_name(modality):
    target = next(n for n in registry.target_names() if registry.target(n).info.modality == modality)
    for name, policy in registry.modality(modality).policies().items():
        assert to_container(composed(target, f"policy={name}").policy) == to_container(policy)


def test_what_the_user_types_wins_and_has_its_type():
    config = composed("digits", "recipe.temperature=4", "seeds=[0,1,2]", "source.image=china", "view.size=24")
    assert config.recipe.temperature == 4.0
    assert isinstance(config.recipe.temperature, float)
    assert (config.seeds, config.source.image, config.view.size) == ([0, 1, 2], "china", 24)


def test_a_recipe_gives_way_to_the_profile_and_the_profile_to_the_user():
    assert composed("digits", "recipe=published-cifar").recipe.optimiser == "adam"
    steps = composed("digits").recipe.steps
    assert composed("digits", "recipe=published-cifar").recipe.steps == steps != composed(profile="paper").recipe.steps
    assert composed("digits", "recipe=published-cifar", "recipe.steps=7").recipe.steps == 7


def test_a_group_takes_several_settings_at_once():
    assert composed("digits", "student={network: cnn-8}").student.network == "cnn-8"


def test_seed_zero_is_a_seed():
    assert composed("digits", "seeds=[0]").seeds == [0]


@pytest.mark.parametrize("path", ["/a b/c,d.jpg", "x(1).png", "it's.jpg", "C:\\pictures\\a.jpg", "a=b.jpg", "[x].png"])
def test_a_source_path_may_hold_any_character(path):
    assert composed("digits", f"source.image={path}").source.image == path


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("recipe.temprature=4", ["recipe.temprature", "did you mean recipe.temperature"]),
        ("recipe.temperature=warm", ["recipe.temperature=warm", "warm"]),
        ("recipe.temperature=0", ["recipe.temperature=0", "above 0"]),
        ("recipe.steps=1.5", ["recipe.steps=1.5"]),
        ("recipe.lr=1,2", ["recipe.lr=1,2", "several values"]),
        ("recipe.schedule=cosin", ["cosin", "did you mean cosine"]),
        ("recipe.optimiser=rmsprop", ["rmsprop", "adamw"]),
        ("recipe=published-cifer", ["published-cifer", "did you mean published-cifar"]),
        ("policy=geometri", ["geometri", "did you mean geometry"]),
        ("view.rate=8000", ["view.rate"]),
        ("+recipe.extra=1", ["+recipe.extra=1", "is not a setting"]),
        ("~recipe", ["~recipe", "is not a setting"]),
        ("steps", ["'steps'", "is not a setting"]),
        ("seeds=[]", ["seeds=[]"]),
        ("folds=[2]", ["no fold 2"]),
        ("teacher.holdout=1", ["teacher.holdout"]),
        ("recipe.compile=reduce-overhead", ["no longer supported; use recipe.compile=default"]),
        ("teacher.training.compile=reduce-overhead", ["use teacher.training.compile=default"]),
        ("recipe.compile=fast", ["no recipe.compile named 'fast'; did you mean default"]),
        ("source.image=${oc.env:HOME}", ["interpolation"]),
        ("recipe.name=${oc.env:HOME}", ["interpolation"]),
        ("threads=0", ["threads=0"]),
        ("student=wrn-16-4", ["student is a group of settings; did you mean student.network=wrn-16-4?"]),
        ("teacher=cnn-8", ["teacher is a group of settings; did you mean teacher.network=cnn-8?"]),
        ("source=china", ["source is a group of settings; did you mean source.image=china?"]),
        ("view=32", ["'view=32' is not a setting: view is a group of settings; give one, such as view.size="]),
        ("student=null", ["'student=null' is not a setting", "such as student.network=resnet-s-16-gn."]),
        ("student=", ["'student=' is not a setting"]),
        ("student=[a]", ["'student=[a]' is not a setting"]),
        ("teacher.training=5", ["give one, such as teacher.training.steps="]),
        ("seeds=0", ["seeds is a list; write 'seeds=[0]'."]),
        ("folds=3", ["folds is a list; write 'folds=[3]'."]),
        ("seeds=", ["seeds is a list; write 'seeds=[0]'."]),
        ("seeds={a:1}", ["seeds is a list; write 'seeds=[0]'."]),
        ("recipe.milestones=0.5", ["write 'recipe.milestones=[0.5]'."]),
    ],
)
def test_wrong_settings_get_one_sentence_that_names_them(override, words):
    with pytest.raises(BadInput) as caught:
        composed("digits", override)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert "+key" not in message


@pytest.mark.parametrize(("group", "near"), [("profile", "demo"), ("suite", "image")])
def test_unknown_profiles_and_suites_name_the_nearest(group, near):
    with pytest.raises(BadInput, match=f"no {group} named '{near}s'; did you mean {near}"):
        compose_target("digits", [], **{"profile": "demo", "suite": "all", group: f"{near}s"})


def test_profile_and_suite_are_taken_out_of_the_overrides():
    assert split_overrides(["profile=small", "a=1", "suite=image"]) == (["a=1"], "small", "image")
