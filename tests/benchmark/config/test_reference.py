"""The settings' reference."""

from __future__ import annotations

import math

import pytest

from benchmark.config.compose import compose_target, defaults
from benchmark.config.overrides import options
from benchmark.config.reference import chosen, reference, settings_of
from benchmark.config.schema import Config
from modalities import registry
from modalities.errors import BadInput, UnknownName

TARGETS = {"image": "cifar10", "audio": "fsdd", "video": "ucf101"}
STRUCTURE = {"suite.variants", "suite.claims"}  # of a suite's file alone


def composed(target: str, *overrides: str, profile: str = "demo") -> Config:
    return compose_target(target, overrides, profile=profile, suite="all")


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_every_setting_has_a_type_and_a_meaning(modality):
    config = defaults(modality)
    unsaid = {key for key, known, _ in settings_of(config) if known.setting is None}
    assert unsaid == STRUCTURE
    for row in reference(config, modality):
        assert row.meaning and row.modality == modality
        assert row.type in ("bool", "int", "float", "text", "list of int", "list of float", "list of text"), row


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_what_the_reference_says_is_what_is_accepted(modality):
    """Every choice is taken and another one is not; so are the ends of every range."""
    target = TARGETS[modality]
    names = {"policy.name", "policy.code", "recipe.compile"}
    for row in reference(defaults(modality), modality):
        if row.choices and row.name not in names:
            for choice in row.choices:
                composed(target, f"{row.name}={choice}")
            if not row.others:
                with pytest.raises(UnknownName, match=row.name):
                    composed(target, f"{row.name}=neither")
        if row.bounds.startswith("from "):
            low, high = row.bounds.removeprefix("from ").split(" to ")
            for beyond in (float(low) - 1, float(high) + 1):
                number = f"[{beyond}]" if row.type.startswith("list") else f"{beyond}"
                with pytest.raises(BadInput, match=rf"{row.name}.*{row.bounds}"):
                    composed(target, f"{row.name}={number}")
        elif row.bounds.startswith("above "):
            bound = row.bounds.removeprefix("above ").split()[0]
            least = f"[{bound},{bound},{bound}]" if row.type.startswith("list") else bound
            with pytest.raises(BadInput, match=rf"{row.name}.*above {bound}"):
                composed(target, f"{row.name}={least}")


@pytest.mark.parametrize("profile", options("profile"))
def test_defaults_are_those_of_the_profile(profile):
    for modality, target in TARGETS.items():
        said = {row.name: row.default for row in reference(defaults(modality, profile), modality)}
        config = composed(target, profile=profile)
        own = {row.name: row.default for row in reference(config, modality)}
        assert said.keys() == own.keys()
        assert said["profile.name"] == profile
        assert said["recipe.lr"] > 0 and not math.isnan(said["recipe.lr"])


def test_names_globs_and_groups_choose():
    rows = reference(defaults("image"), "image")
    assert [row.name for row in chosen(rows, ["recipe.lr"])] == ["recipe.lr"]
    assert chosen(rows, ["teacher.training"]) == chosen(rows, ["teacher.training.*"]) != []
    assert {row.name for row in chosen(rows, ["*.lr", "seeds"])} == {"recipe.lr", "teacher.training.lr", "seeds"}
    assert chosen(rows, []) == rows
    with pytest.raises(UnknownName, match=r"no setting named 'recipe\.learning'"):
        chosen(rows, ["recipe.lr", "recipe.learning"])


def test_a_profile_of_ones_own_has_its_defaults(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "profile: {base: small}\nrecipe: {lr: 0.125}\nmodalities: {audio: {threads: 3}}\n"
    )
    image, audio = (defaults(name, str(tmp_path / "mine.yaml")) for name in ("image", "audio"))
    assert (image.recipe.lr, audio.recipe.lr, image.threads, audio.threads) == (0.125, 0.125, 1, 3)
    assert image.profile.name == "mine"
