"""Composing in parts is Hydra's whole composition: the same configurations, the same sentences, far fewer of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.config import compose as configuration
from benchmark.config import overrides as overrides_module
from benchmark.config.compose import compose_target, to_container
from benchmark.config.overrides import checked_override, names_a_file, options, split_overrides
from benchmark.config.schema import Config
from benchmark.config.suites import load_suite
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from modalities import registry
from modalities.errors import BadInput

PROFILES, SUITES = options("profile"), options("suite")
TARGETS = registry.target_names()


# --- Hydra's own composition of everything at once -------------------------------------------------------------


@cache
def registered() -> None:
    configuration._register()
    for name in set(TARGETS) - set(options("target")):  # Hydra requires a node for each target
        ConfigStore.instance().store(group="target", name=name, node={}, package="_global_")


def hydra(words: Sequence[str]) -> object:
    registered()
    with initialize_config_module("benchmark.config", version_base="1.3"):
        return compose("config", overrides=list(words))


@cache
def chosen(target: str, profile: str) -> tuple[str, ...]:
    """What Hydra is told of a target: its options, and the recipe and policy that these choose."""
    modality = registry.target(target).info.modality
    words = (f"modality={modality}", f"target={target}", f"profile={profile}")
    choose = hydra(words).choose
    return *words, f"recipe={choose.recipe}", f"policy={modality}_{choose.policy}"


def whole(target: str, typed: Sequence[str], *, profile: str, suite: str) -> Config:
    """Compose all files and overrides in one call of Hydra; ``typed`` replace the options that they name."""
    modality = registry.target(target).info.modality
    words = [f"policy={modality}_{t[7:]}" if t.startswith("policy=") else quoted(t) for t in typed]
    replaced = {word.partition("=")[0] for word in words}
    options = [word for word in (*chosen(target, profile), f"suite={suite}") if word.partition("=")[0] not in replaced]
    config = OmegaConf.to_object(hydra([*options, *words]))
    assert isinstance(config, Config)
    return config


def quoted(text: str) -> str:
    """Return an override that names a file as Hydra takes it, whatever characters the name has."""
    key, _, value = text.partition("=")
    if not names_a_file(key):
        return text
    parts = value.strip("'\"").split("'")
    ends = [part + "\\" * (len(part) - len(part.rstrip("\\"))) for part in parts]  # a quote follows each backslash
    return f"{key}='" + "\\'".join(ends) + "'"


# --- the same configurations -----------------------------------------------------------------------------------


def assert_the_same(target: str, typed: Sequence[str], profile: str, suite: str) -> None:
    found = compose_target(target, typed, profile=profile, suite=suite)
    expected = whole(target, typed, profile=profile, suite=suite)
    assert found == expected
    assert repr(found) == repr(expected), "types too"


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_and_profile_is_what_hydra_composes(target):
    for number, profile in enumerate(PROFILES, TARGETS.index(target)):
        assert_the_same(target, [], profile, SUITES[number % len(SUITES)])


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_profile_and_suite_is_what_hydra_composes(target):
    for profile in PROFILES:
        for suite in SUITES:
            assert_the_same(target, [], profile, suite)


ACCEPTED = (
    ["recipe.temperature=4", "seeds=[0,1,2]", "source.image=china", "view.size=24"],
    ["seeds=[0, -1,23 , 7]"],
    ["recipe=published-cifar"],
    ["recipe=published-cifar", "recipe.steps=7", "policy=crop", "policy.rotation=5"],
    ["recipe.steps=7", "recipe=audio"],
    ["recipe=audio", "recipe=onecycle"],
    ["recipe.lr=0.1", "recipe.lr=0.2", "threads=2", "folds=[1,1]"],
    ["student={network: cnn-8}"],
    ["teacher={network: cnn-8, training: {steps: 5, milestones: [0.5]}}", "teacher.training.steps=6"],
    ["view={size: 24, mean: [0.1,0.2,0.3]}", "view={}"],
    ["recipe.milestones=[]", "recipe.milestones=[0.25,1]"],
    ["data={subset: yes}", "data.train_per_class=5", "teacher.times_chance=3", "threads=int(2)"],
    ["recipe.name='a b'", 'student.network="x"', "teacher.network=1"],
    ["choose.recipe=published-cifar", "suite.targets=[a]", "profile.meaning=x", "choose={policy: crop}"],
    ["source.image=/a b/c,d.jpg"],
    ["source.image=it's.jpg", "source.audio=C:\\x\\", "source.video='quoted'"],
    ["teacher.weights="],
    ["suite=image", "profile=small"],
)


@pytest.mark.parametrize("typed", ACCEPTED, ids=" ".join)
@pytest.mark.parametrize(("target", "profile"), [("digits", "demo"), ("cifar10", "paper")])
def test_what_the_user_types_is_what_hydra_composes(target, profile, typed):
    assert_the_same(target, typed, profile, "sources")


def test_a_list_of_overrides_leaves_the_next_composition_as_it_was():
    before = compose_target("digits", [], profile="demo", suite="all")
    changed = compose_target("digits", ["view.mean=[0,0,0]", "seeds=[5]", "recipe.lr=7"], profile="demo", suite="all")
    changed.seeds.append(6)
    changed.recipe.milestones.append(0.5)
    changed.profile.controls.append("digits")
    assert compose_target("digits", [], profile="demo", suite="all") == before


@given(st.text(st.characters(codec="utf-8"), max_size=12))
def test_the_path_of_a_file_is_read_as_hydra_reads_it_in_quotes(path):
    defaults = configuration._composed("image", "digits", "demo", "all", "onecycle", "published")
    if "${" not in path:
        text = f"source.image={path}"
        found = checked_override(text, defaults.settings, defaults.keys, "image")
        assert found == ("source.image", OverridesParser.create().parse_override(quoted(text)).value())


@given(
    st.lists(st.sampled_from(["0", "1", "-3", "42", "007", "-0", ",", ", ", " ,", "1_0", "+1", "-", " "]), max_size=7)
)
def test_a_list_of_whole_numbers_is_read_as_hydra_reads_it(parts):
    text = f"seeds=[{''.join(parts)}]"
    try:
        expected = OverridesParser.create().parse_override(text).value()
    except HydraException:
        with pytest.raises(BadInput, match="cannot be read"):
            overrides_module._parsed(text)
    else:
        assert repr(overrides_module._parsed(text)) == repr(expected)


@pytest.mark.parametrize("profile", PROFILES)
def test_sections_as_containers_are_what_omegaconf_makes_of_them(profile):
    for target in TARGETS:
        config = compose_target(target, [], profile=profile, suite="all")
        for section in (config.view, config.policy, config.teacher, config.student, config.recipe):
            expected = OmegaConf.to_container(OmegaConf.structured(section), resolve=True)
            assert repr(to_container(section)) == repr(expected)


# --- the same sentences ----------------------------------------------------------------------------------------

REFUSED = (
    ["recipe.temperature=warm"],
    ["recipe.steps=1.5"],
    ["recipe.lr=null"],
    ["recipe.lr=[1]"],
    ["recipe.lr={a:1}"],
    ["recipe.name={a:1}"],
    ["recipe.name=???"],
    ["recipe.milestones=[a]"],
    ["threads=null"],
    ["threads=abc"],
    ["threads={a:1}"],
    ["threads=???"],
    ["seeds=[a]"],
    ["seeds=[null]"],
    ["seeds=[???]"],
    ["student={netwrk: x}"],
    ["student={network: {a: 1}}"],
    ["teacher={training: null}"],
    ["teacher={training: {stepz: 1}}"],
    ["teacher.training={steps: x}"],
    ["view={size: x}"],
    ["view.mean=[0.1,x]"],
    ["data.subset=maybe"],
    ["source={imgae: china}"],
    ["source.image=???"],
    ["recipe.lr=x", "threads=y"],
    ["threads=y", "recipe.lr=x"],
    ["recipe.lr=0.1", "threads=abc", "recipe.steps=x"],
)


@pytest.mark.parametrize("typed", REFUSED, ids=" ".join)
def test_what_hydra_refuses_is_refused_with_the_same_sentence(typed):
    with pytest.raises((HydraException, OmegaConfBaseException)) as expected:
        whole("digits", typed, profile="demo", suite="all")
    with pytest.raises(BadInput) as caught:
        compose_target("digits", typed, profile="demo", suite="all")
    assert str(caught.value) == configuration._explanation(expected.value, typed)


# --- how often -------------------------------------------------------------------------------------------------


@pytest.fixture
def compositions(monkeypatch):
    """The options of every composition by Hydra, with nothing composed before."""
    made: list[list[str]] = []

    def counted(name: str, overrides: list[str]) -> object:
        made.append(overrides)
        return compose(name, overrides=overrides)

    monkeypatch.setattr(configuration, "compose", counted)
    for cached in (configuration._composed, configuration._of_modality):
        cached.cache_clear()
    yield made
    for cached in (configuration._composed, configuration._of_modality):
        cached.cache_clear()


def test_a_plan_composes_once_for_each_modality_however_many_targets_and_cells(compositions):
    cells = make_plan(Request(overrides=("seeds=[0,1,2]",)))
    assert len(cells) > 60
    assert sorted(words[0] for words in compositions) == ["modality=audio", "modality=image", "modality=video"]
    make_plan(Request(overrides=("recipe.lr=0.1",), controls=("noise",)))
    assert len(compositions) == 3, "what is typed and controls are merged"


def test_targets_of_another_recipe_and_suites_of_many_variants_cost_one_composition_more(compositions, monkeypatch):
    make_plan(Request(profile="paper", targets=("cifar10", "cifar100", "stl10", "pets37")))
    assert len(compositions) == 2, "the CIFARs have the recipe of their own publication"
    suite = load_suite("all")
    suite.variants = {f"lr {number}": [f"recipe.lr={number}e-4"] for number in range(1, 51)}
    monkeypatch.setattr("benchmark.planning.resolve.load_suite", lambda name: suite)
    cells = make_plan(Request(profile="paper", targets=("cifar10", "stl10")))
    assert len(cells) == 100
    assert len(compositions) == 2


def test_what_is_typed_once_is_parsed_once(monkeypatch):
    parsed = []
    real = OverridesParser.parse_override
    monkeypatch.setattr(OverridesParser, "parse_override", lambda self, text: parsed.append(text) or real(self, text))
    overrides_module._parsed.cache_clear()
    rest, _, _ = split_overrides(["recipe.lr=0.125", f"seeds={list(range(5))}"])
    assert len(make_plan(Request(overrides=tuple(rest)))) > 100
    assert parsed == ["recipe.lr=0.125"]
