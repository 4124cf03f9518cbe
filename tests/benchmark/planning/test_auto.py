"""What ``auto`` means: bfloat16 where the device multiplies it, and compilation where it pays back within the run."""

from __future__ import annotations

import pytest

from benchmark.config.compose import compose_target
from benchmark.planning import auto
from modalities import registry

PROFILES = ("smoke", "demo", "small", "paper")


@pytest.fixture(autouse=True)
def compiler(monkeypatch):
    monkeypatch.setattr(auto, "which", lambda name: f"/usr/bin/{name}")


def resolved(target: str, *overrides: str, profile: str = "small", device: str = "cpu", precision: str = "float32"):
    both = (f"recipe.precision={precision}", f"teacher.training.precision={precision}")
    config = compose_target(target, (*both, *overrides), profile=profile, suite="all")
    auto.resolve_auto(config, device, registry.target(target).info.modality)
    return config


def compiled(*given, **more) -> tuple[bool, bool]:
    """Whether student and teacher are compiled."""
    config = resolved(*given, **more)
    return config.recipe.compile == "default", config.teacher.training.compile == "default"


def test_residual_networks_of_half_an_hour_on_a_cpu_are_compiled_in_float32():
    long = ("recipe.steps=3000", "recipe.batch=256", "teacher.training.steps=2400", "teacher.training.batch=256",
            "teacher.network=resnet-s-32", "student.network=resnet-s-32")  # fmt: skip
    assert compiled("cifar10", *long) == (True, True)
    assert compiled("cifar10", *long, precision="bfloat16") == (False, False)
    assert compiled("cifar10", *long, "recipe.steps=1000") == (False, True)
    assert compiled("cifar10", *long, "teacher.training.steps=800") == (True, False)
    assert compiled("cifar10", *long, "student.network=wrn-16-2") == (False, True), "not measured"
    assert compiled("cifar10", *long, "teacher.network=resnet-s-32-gn") == (False, False), "not measured"
    assert compiled("cifar10", *long, "recipe.compile=none", "teacher.training.compile=none") == (False, False)


def test_nothing_is_compiled_in_minutes_or_by_a_machine_without_a_compiler(monkeypatch):
    for target in ("cifar10", "digits", "fsdd", "ucf101"):
        for profile in ("smoke", "demo"):
            assert compiled(target, profile=profile) == (False, False)
    monkeypatch.setattr(auto, "which", lambda name: None)
    assert compiled("cifar10", "recipe.steps=1000000", "student.network=resnet-s-32") == (False, False)


def test_more_steps_or_larger_batches_never_stop_it():
    networks = ("teacher.network=resnet-s-32", "student.network=resnet-s-32")
    counts = (1, 300, 1000, 3000, 10_000, 100_000)
    pays = [compiled("cifar10", f"recipe.steps={steps}", *networks)[0] for steps in counts]
    assert pays == sorted(pays)
    assert pays[0] is False and pays[-1] is True


def test_a_choice_of_the_user_stays(monkeypatch):
    monkeypatch.setattr(auto, "multiplies_bfloat16", lambda: True)
    config = resolved("cifar10", "recipe.compile=default", precision="float32", profile="smoke")
    assert (config.recipe.compile, config.recipe.precision, config.teacher.training.compile) == (
        "default", "float32", "none",
    )  # fmt: skip


def test_group_normalisation_stays_in_float32_on_a_cpu(monkeypatch):
    monkeypatch.setattr(auto, "multiplies_bfloat16", lambda: True)
    config = resolved("cifar10", "student.network=resnet-s-16-gn", precision="auto")
    assert (config.recipe.precision, config.teacher.training.precision) == ("float32", "bfloat16")
    config = resolved("cifar10", "student.network=resnet-s-16-gn", precision="auto", device="cuda")
    assert config.recipe.precision == "bfloat16"
    config = resolved("cifar10", "student.network=resnet-s-16-gn", precision="bfloat16")
    assert config.recipe.precision == "bfloat16"


@pytest.mark.parametrize("cpu_does", [True, False])
@pytest.mark.parametrize("profile", PROFILES)
def test_precision_is_that_of_the_device(profile, cpu_does, monkeypatch):
    monkeypatch.setattr(auto, "multiplies_bfloat16", lambda: cpu_does)
    config = resolved("cifar10", profile=profile, precision="auto")
    expected = "bfloat16" if cpu_does else "float32"
    assert (config.recipe.precision, config.teacher.training.precision) == (expected, expected)
    config = resolved("cifar10", profile=profile, precision="auto", device="cuda")
    assert (config.recipe.precision, config.teacher.training.precision) == ("bfloat16", "bfloat16")
