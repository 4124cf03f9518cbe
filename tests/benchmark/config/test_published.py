"""The profile `paper` is the published setting, value by value, and what is not is listed by every record."""

from __future__ import annotations

import operator
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.config.compose import compose_target
from benchmark.config.published import deviations, published_settings, same_networks, source_digests
from benchmark.planning.plan import cells_of, make_plan
from benchmark.planning.select import Request
from benchmark.records.record import Record
from modalities import registry
from modalities.base import SourceRef

CITY = SourceRef("city.jpg", "78c2681de2dbfb416fb861ca3ae0a5e21f3f53c56dfc18b276b0feab4ec526aa", "a file")
CIFAR = ("cifar10", "cifar100")
IMAGENET_SCALE = ("imagenet", "imagenet100", "stl10", "flowers102", "places365", "pets37")
VIDEO = ("kinetics400", "ucf101", "hmdb51")
AUDIO = ("musan3", "voxforge6", "speechcommands", "librispeech100")

# The publication, as it is written down: one line for each value.
SEGMENTS = {
    "policy.initial_crop": 0.5, "policy.area_low": 1 / 500, "policy.area_high": 1, "policy.aspect": 4 / 3,
    "policy.rotation": 30, "policy.shear": 30, "policy.jitter": 0.5, "policy.brightness": 0.4, "policy.contrast": 0.4,
    "policy.saturation": 0.4, "policy.hue": 0.1, "policy.flip": 0.5,
}  # fmt: skip
LOSS = {"recipe.squared_temperature": False, "recipe.mixing": "cutmix", "recipe.mixing_per": "batch", "recipe.clip": 0}
METHOD = {
    CIFAR: SEGMENTS | LOSS | {
        "teacher.network": "wrn-40-4", "student.network": "wrn-16-4",
        "recipe.optimiser": "adam", "recipe.lr": 1e-3, "recipe.weight_decay": 0, "recipe.schedule": "constant",
        "recipe.warmup": 0, "recipe.batch": 512, "recipe.steps": 97_656, "recipe.temperature": 8,
        "recipe.mixing_alpha": 0.25, "recipe.mixing_partner": "reversed",
        "view.size": 32, "view.resize": 0, "policy.shift": 4 / 32, "policy.shift_fill": "black",
        "policy.second_jitter": 0, "policy.recrop_low": 1, "policy.grey": 0, "policy.solarize": 0,
    },
    IMAGENET_SCALE: SEGMENTS | LOSS | {
        "teacher.network": "torchvision:resnet18:IMAGENET1K_V1", "student.network": "resnet50",
        "recipe.optimiser": "adamw", "recipe.lr": 1e-2, "recipe.weight_decay": 5e-4, "recipe.decay": "all",
        "recipe.schedule": "step", "recipe.milestones": [100 / 200, 150 / 200], "recipe.gamma": 0.5,
        "recipe.warmup": 0, "recipe.batch": 512, "recipe.steps": 468_750, "recipe.temperature": 8,
        "recipe.mixing_alpha": 1, "recipe.mixing_partner": "permuted",
        "view.size": 224, "view.resize": 256, "view.interpolation": "bilinear",
        "view.mean": (0.485, 0.456, 0.406), "view.std": (0.229, 0.224, 0.225),
        "policy.shift": 0, "policy.recrop_low": 0.08, "policy.second_jitter": 0.8, "policy.second_hue": 0.4,
        "policy.grey": 0.2, "policy.solarize": 0.2,
    },
    VIDEO: LOSS | {
        "teacher.network": "x3d-xs:pretrained", "student.network": "x3d-w5-d3",
        "recipe.optimiser": "adamw", "recipe.lr": 1e-3, "recipe.weight_decay": 0, "recipe.schedule": "cosine",
        "recipe.warmup": 0.0125, "recipe.batch": 128, "recipe.steps": 625_000, "recipe.temperature": 5,
        "recipe.mixing_alpha": 1, "view.frames": 4, "view.size": 160, "view.test_clips": 10,
        "policy.crop": 0.5, "policy.area_low": 1 / 500, "policy.area_high": 1, "policy.aspect": 4 / 3,
        "policy.redraw": True, "policy.zoom_low": 183 / 160, "policy.zoom_high": 229 / 160, "policy.flip": 0.5,
        "policy.jitter": 0.5, "policy.brightness": 0.4, "policy.contrast": 0.4, "policy.saturation": 0.4,
        "policy.hue": 0.1,
    },
    AUDIO: {
        "view.rate": 16_000, "view.mels": 64, "view.fmin": 60, "view.fmax": 7_800, "view.window_ms": 25,
        "view.hop_ms": 10, "view.seconds": 0.98,
    },
}  # fmt: skip
LISTED = {  # what `paper` cannot be: no setting of ours is as published, or the publication does not say
    CIFAR: ["teacher.holdout", "segments.border", "segments.resampling", "segments.hue", "segments.stored"],
    IMAGENET_SCALE: [
        "teacher.holdout", "segments.border", "segments.resampling", "segments.hue", "segments.stored", "recipe.batch",
    ],
    VIDEO: [
        "teacher.holdout", "segments.resampling", "segments.hue", "segments.stored", "segments.augmix", "recipe.batch",
    ],
    AUDIO: ["teacher.network", "student.network", "policy.name", "recipe.name", "teacher.holdout"],
}  # fmt: skip
TARGETS = [(family, target) for family in METHOD for target in family]


def composed(target: str, *overrides: str, profile: str = "paper"):
    return compose_target(target, overrides, profile=profile, suite="all")


def found(target: str, *overrides: str, source: SourceRef = CITY, profile: str = "paper") -> list[str]:
    info = registry.target(target).info
    return deviations(composed(target, *overrides, profile=profile), info, registry.modality(info.modality), source)


def keys(sentences: list[str]) -> list[str]:
    """The settings that sentences are about."""
    return [first for first in (sentence.split()[0] for sentence in sentences) if "." in first]


@pytest.mark.parametrize(("family", "target"), TARGETS)
def test_the_profile_paper_is_the_published_setting_value_by_value(family, target):
    config = composed(target)
    for key, published in METHOD[family].items():
        value = operator.attrgetter(key)(config)
        assert value == pytest.approx(published) if isinstance(published, int | float) else value == published, key


@pytest.mark.parametrize(("family", "target"), TARGETS)
def test_what_paper_cannot_be_is_listed_and_nothing_else(family, target):
    assert sorted(keys(found(target))) == sorted(LISTED[family])


CHANGED = [
    ("cifar10", "view.mean", "[0.485,0.456,0.406]"), ("cifar100", "view.std", "[0.247,0.2435,0.2616]"),
    ("cifar10", "view.size", "64"), ("cifar10", "policy.shift_fill", "source"), ("cifar10", "policy.rotation", "20"),
    ("cifar10", "recipe.batch", "256"), ("cifar10", "recipe.steps", "100"), ("cifar10", "recipe.mixing_alpha", "1"),
    ("cifar10", "recipe.weight_decay", "0.1"), ("cifar10", "recipe.mixing_partner", "permuted"),
    ("cifar10", "recipe.squared_temperature", "true"), ("cifar10", "data.train_per_class", "10"),
    ("imagenet", "view.resize", "224"), ("imagenet", "view.interpolation", "bicubic"),
    ("imagenet", "policy.second_jitter", "0"), ("imagenet", "policy.second_hue", "0.1"),
    ("imagenet", "policy.jitter", "0"), ("imagenet", "recipe.decay", "weights"),
    ("imagenet", "recipe.schedule", "cosine"), ("imagenet", "recipe.milestones", "[0.5]"),
    ("imagenet", "recipe.mixing_partner", "reversed"), ("imagenet", "recipe.mixing_per", "sample"),
    ("ucf101", "policy.redraw", "false"), ("ucf101", "policy.zoom_low", "1"), ("ucf101", "view.test_clips", "1"),
    ("ucf101", "recipe.warmup", "0"), ("ucf101", "recipe.temperature", "8"),
    ("musan3", "view.seconds", "1"), ("musan3", "view.mels", "40"),
    ("cifar10", "policy.off", "[rotation]"), ("imagenet", "policy.off", "[grey]"), ("ucf101", "policy.off", "[zoom]"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "key", "value"), CHANGED)
def test_a_changed_setting_becomes_a_deviation_that_names_it_and_the_published_value(target, key, value):
    before, after = found(target), found(target, f"{key}={value}")
    (sentence,) = set(after) - set(before)
    assert sentence.startswith(f"{key} is ")
    assert "published: " in sentence
    assert len(after) == len(before) + 1


@pytest.mark.parametrize("target", ["cifar10", "imagenet", "ucf101", "musan3"])
def test_every_key_of_the_table_is_a_setting_or_a_trait(target):
    info = registry.target(target).info
    config, traits = composed(target), registry.modality(info.modality).traits()
    for key in published_settings(info):
        assert key in traits or operator.attrgetter(key)(config) is not None
    assert set(traits) <= set(published_settings(info)), "a trait that nothing is compared with"


def test_the_published_alternative_is_no_deviation():
    assert keys(found("imagenet", "recipe.schedule=constant", "recipe.milestones=[]")) == keys(found("imagenet"))


def test_another_number_of_gpus_cannot_be_told_and_is_said():
    (sentence,) = [text for text in found("imagenet") if text.startswith("recipe.batch")]
    assert sentence == "recipe.batch is 512 in all; published: 512 for each of some GPUs, not known how many."


def test_other_networks_and_another_source_are_deviations():
    assert not [text for text in found("cifar10") if text.startswith(("the networks", "the source"))]
    networks, source = found("cifar10", "student.network=wrn-16-1", source=replace(CITY, sha256="0" * 64))[:2]
    assert networks == "the networks are wrn-40-4 → wrn-16-1; published: WRN-40-4 → WRN-16-4."
    assert source.startswith("the source is city.jpg, which is not known to be one of the publication's (one image, ")


def test_a_target_that_the_publication_lacks_is_said():
    assert found("hmdb51")[0] == "the publication has no result on hmdb51."
    assert not any("no result" in text for text in found("ucf101"))


@pytest.mark.parametrize(
    ("target", "student"),
    [("cifar10", "wrn-16-4"), ("imagenet", "resnet50"), ("imagenet", "resnet50x2"), ("kinetics400", "x3d-w5-d3")],
)
def test_every_published_student_is_known_by_a_name_that_can_be_built(target, student):
    info = registry.target(target).info
    assert registry.modality(info.modality).check_network(student) == student
    assert any(same_networks(entry, composed(target).teacher.network, student) for entry in info.published)


def test_noise_is_known_as_the_source_that_is_generated():
    digest, image = source_digests(registry.modality("image")), registry.modality("image")
    assert digest("noise") == image.source_ref("noise").sha256
    assert digest(CITY.sha256) == CITY.sha256


@pytest.mark.parametrize("status", ["done", "failed"])
def test_every_record_has_them_before_those_of_its_run(status):
    (cell,) = make_plan(Request(profile="smoke", targets=("digits",)))
    record = cell.record(status, "" if status == "done" else "why", provenance={}, deviations=["memory ran out."])
    assert record.deviations[0] == "the publication has no result on digits."
    assert record.deviations[-1] == "memory ran out."
    assert {"recipe.steps", "recipe.mixing_per", "view.size"} <= set(keys(record.deviations))
    assert Record.from_json(record.to_json()) == record


def test_settings_that_came_later_do_not_rename_cells_that_leave_them_alone():
    config = composed("digits", profile="small")
    (cell,) = cells_of("digits", config, Path("nowhere"), "cpu")
    for section, later in {
        "recipe": ("decay", "squared_temperature", "mixing_partner"), "view": ("interpolation",),
        "policy": ("shift_fill", "second_jitter", "second_hue", "off"), "teacher": ("epochs",),
    }.items():  # fmt: skip
        assert not set(later) & set(cell.identity[section])
    changes = ("recipe.decay=all", "policy.shift_fill=black", "view.interpolation=bilinear", "teacher.epochs=3")
    for change in (*changes, "policy.off=[rotation]"):
        (other,) = cells_of("digits", composed("digits", change, profile="small"), Path("nowhere"), "cpu")
        assert other.id != cell.id, change


def test_mean_and_deviation_of_cifar_are_those_of_its_training_images(real_data):
    with tarfile.open(real_data / "cifar10.tar.xz") as archive:
        members = [member for member in archive if "/train/" in member.name and member.isfile()][::25]
        pixels = np.stack([np.asarray(Image.open(archive.extractfile(member))) for member in members]) / 255
    view = composed("cifar10").view
    assert np.abs(pixels.mean((0, 1, 2)) - view.mean).max() < 0.01
    assert np.abs(pixels.std((0, 1, 2)) - view.std).max() < 0.01
