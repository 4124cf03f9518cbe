"""The settings of the publication, in one table, and in what a cell differs from them.

Values are those of Asano & Saeed, "The Augmented Image Prior" (ICLR 2023, arXiv 2112.00725) and of its authors' code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from benchmark.config.schema import Config
from modalities import registry
from modalities.base import Modality, Published, SourceRef, TargetInfo


@dataclass(frozen=True)
class OneOf:
    """Values of which each is published."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class PerDevice:
    """A number per GPU, of which the publication does not say how many there were."""

    value: int


@dataclass(frozen=True)
class Unpublished:
    """A setting that had a value, which the publication does not give."""


Settings = Mapping[str, Any]  # keys of a configuration, or traits of a modality's segments → published values

_STILL_SEGMENTS: Settings = {
    "policy.initial_crop": 0.5,
    "policy.area_low": 1 / 500,
    "policy.area_high": 1.0,
    "policy.aspect": 4 / 3,
    "policy.rotation": 30.0,
    "policy.shear": 30.0,
    "policy.jitter": 0.5,
    "policy.brightness": 0.4,
    "policy.contrast": 0.4,
    "policy.saturation": 0.4,
    "policy.hue": 0.1,
    "policy.flip": 0.5,
    "policy.blur": 0.0,
    "policy.off": (),
    "segments.border": "black",
    "segments.resampling": "bicubic when cropped, bilinear when turned and sheared",
    "segments.hue": "shift in HSV",
}
_EVERYWHERE: Settings = {
    "recipe.clip": 0.0,
    "recipe.squared_temperature": False,
    "recipe.mixing": "cutmix",
    "recipe.mixing_per": "batch",
    "student.start": "random",
    "teacher.holdout": 0.0,
    "data.train_per_class": 0,
}
_CIFAR: Settings = {
    **_EVERYWHERE,
    **_STILL_SEGMENTS,
    "view.size": 32,
    "view.resize": OneOf((0, 32)),
    "policy.recrop_low": 1.0,
    "policy.shift": 4 / 32,
    "policy.shift_fill": "black",
    "policy.second_jitter": 0.0,
    "policy.grey": 0.0,
    "policy.solarize": 0.0,
    "segments.stored": "50,000 JPEG files",
    "recipe.optimiser": "adam",
    "recipe.lr": 1e-3,
    "recipe.weight_decay": 0.0,
    "recipe.schedule": "constant",
    "recipe.warmup": 0.0,
    "recipe.batch": 512,
    "recipe.steps": 1000 * 50_000 // 512,
    "recipe.temperature": 8.0,
    "recipe.mixing_alpha": 0.25,
    "recipe.mixing_partner": "reversed",
}
_IMAGENET_SCALE: Settings = {
    **_EVERYWHERE,
    **_STILL_SEGMENTS,
    "view.size": 224,
    "view.resize": 256,
    "view.interpolation": "bilinear",
    "view.mean": (0.485, 0.456, 0.406),
    "view.std": (0.229, 0.224, 0.225),
    "policy.recrop_low": 0.08,
    "policy.shift": 0.0,
    "policy.second_jitter": 0.8,
    "policy.second_hue": 0.4,
    "policy.grey": 0.2,
    "policy.solarize": 0.2,
    "segments.stored": "1.2 million JPEG files of 256 pixels",
    "recipe.optimiser": "adamw",
    "recipe.lr": 1e-2,
    "recipe.weight_decay": 5e-4,
    "recipe.decay": "all",
    "recipe.schedule": OneOf(("constant", "step")),
    "recipe.milestones": OneOf(((), (100 / 200, 150 / 200))),
    "recipe.gamma": 0.5,
    "recipe.warmup": 0.0,
    "recipe.batch": PerDevice(512),
    "recipe.steps": 200 * 1_200_000 // 512,
    "recipe.temperature": 8.0,
    "recipe.mixing_alpha": 1.0,
    "recipe.mixing_partner": "permuted",
}
_VIDEO: Settings = {
    **_EVERYWHERE,
    "view.frames": 4,
    "view.size": 160,
    "view.test_clips": 10,
    "policy.off": (),
    "policy.crop": 0.5,
    "policy.area_low": 1 / 500,
    "policy.area_high": 1.0,
    "policy.aspect": 4 / 3,
    "policy.redraw": True,
    "policy.motion": 1.0,
    "policy.zoom_low": 183 / 160,
    "policy.zoom_high": 229 / 160,
    "policy.flip": 0.5,
    "policy.jitter": 0.5,
    "policy.brightness": 0.4,
    "policy.contrast": 0.4,
    "policy.saturation": 0.4,
    "policy.hue": 0.1,
    "segments.resampling": "bicubic when cropped, bilinear when scaled",
    "segments.hue": "shift in HSV",
    "segments.stored": "200,000 clips of 230 pixels",
    "segments.augmix": "AugMix at training time",
    "recipe.optimiser": "adamw",
    "recipe.lr": 1e-3,
    "recipe.weight_decay": 0.0,
    "recipe.schedule": "cosine",
    "recipe.warmup": 5 / 400,
    "recipe.batch": PerDevice(128),
    "recipe.steps": 400 * 200_000 // 128,
    "recipe.temperature": 5.0,
    "recipe.mixing_alpha": 1.0,
}
# Of audio, results alone are published. The inputs are those of the same group's earlier work.
_AUDIO: Settings = {
    "view.rate": 16_000,
    "view.seconds": 0.98,
    "view.mels": 64,
    "view.fmin": 60.0,
    "view.fmax": 7_800.0,
    "view.window_ms": 25.0,
    "view.hop_ms": 10.0,
    "teacher.network": Unpublished(),
    "student.network": Unpublished(),
    "student.start": "random",
    "policy.name": Unpublished(),
    "recipe.name": Unpublished(),
    "teacher.holdout": 0.0,
    "data.train_per_class": 0,
}
_OF_MODALITY = {"image": _IMAGENET_SCALE, "video": _VIDEO, "audio": _AUDIO}
_OF_TARGET = {
    "cifar10": {**_CIFAR, "view.mean": (0.4914, 0.4822, 0.4465), "view.std": (0.2470, 0.2435, 0.2616)},
    "cifar100": {**_CIFAR, "view.mean": (0.5071, 0.4865, 0.4409), "view.std": (0.2673, 0.2564, 0.2762)},
}


_OURS = "which is ours: the published one is not known."
_PAPER = {"teacher.holdout": 0.1}  # where the profile ``paper`` is not as published
_APART = (
    "the source is ",
    "the networks are ",
    "segments.",
)  # sentences on the axes of a cell, and on what none can be


def published_settings(info: TargetInfo) -> Settings:
    """Return the published settings of a target, or those that the publication has for targets of its modality."""
    return _settings(info.name, info.modality)


def _settings(target: str, modality: str) -> Settings:
    return MappingProxyType(_OF_TARGET.get(target) or _OF_MODALITY.get(modality, {}))


def differing_settings(found: Iterable[str], target: str, modality: str) -> list[str]:
    """Return in what a cell differs from those of ``paper`` with a published source and networks, one sentence each.

    Args:
        found: the deviations of a cell's record: those that ``deviations`` computed, then what happened as it ran.
        target, modality: of the cell.

    What every cell of ``paper`` differs in is left out, since no setting makes it as published: how segments are made,
    the part held out, the number of GPUs, and what the publication does not tell.
    """
    settings = _settings(target, modality)
    expected = {_difference(key, value, settings[key]) for key, value in _PAPER.items() if key in settings}
    expected |= {_difference(key, one.value, one) for key, one in settings.items() if isinstance(one, PerDevice)}
    return [text for text in found if text not in expected and not text.startswith(_APART) and _OURS not in text]


def deviations(config: Config, info: TargetInfo, modality: Modality, source: SourceRef) -> list[str]:
    """Return in what a cell differs from the publication, one sentence each; computed from its settings alone."""
    found = []
    if not info.published:
        found.append(f"the publication has no result on {info.name}.")
    students = [entry for entry in info.published if entry.role == "student"]
    named = {entry.networks: None for entry in students if entry.student}
    pair = (config.teacher.network, config.student.network)
    if named and not any(same_networks(entry, *pair) for entry in students):
        found.append(f"the networks are {' → '.join(pair)}; published: {', or '.join(named)}.")
    digests = source_digests(modality)
    if students and not any(source.sha256 in map(digests, entry.sources) for entry in students):
        data = ", ".join(dict.fromkeys(entry.datum for entry in students))
        found.append(f"the source is {source.name}, which is not known to be one of the publication's ({data}).")
    traits = modality.traits()
    for key, published in published_settings(info).items():
        value = traits[key] if key in traits else attrgetter(key)(config)
        if sentence := _difference(key, value, published):
            found.append(sentence)
    return found


def same_networks(entry: Published, teacher: str, student: str) -> bool:
    """Return whether a published result is of networks of these two names."""
    pairs = ((teacher, entry.teacher), (student, entry.student))
    return all(any(fnmatchcase(name, pattern) for pattern in patterns) for name, patterns in pairs)


def source_digests(modality: Modality) -> Callable[[str], str]:
    """Return a function from an entry of ``Published.sources`` to the SHA-256 by which a source is known."""

    def digest(source: str) -> str:
        return modality.source_ref(source).sha256 if source in modality.sources() else source

    return digest


def published_results() -> dict[str, tuple[Published, ...]]:
    """Return the published results of each target, with the SHA-256 of their sources."""
    found = {}
    for adapter in registry.usable()[0].values():
        digest = source_digests(registry.modality(adapter.info.modality))
        found[adapter.info.name] = tuple(
            replace(entry, sources=tuple(map(digest, entry.sources))) for entry in adapter.info.published
        )
    return found


def _difference(key: str, value: Any, published: Any) -> str:
    """Return a sentence on a setting that is not as published; empty if it is."""
    if isinstance(published, Unpublished):
        return f"{key} is {value}, {_OURS}"
    if isinstance(published, PerDevice):
        return f"{key} is {value} in all; published: {published.value} for each of some GPUs, not known how many."
    allowed = published.values if isinstance(published, OneOf) else (published,)
    if any(_equal(value, one) for one in allowed):
        return ""
    return f"{key} is {_text(value)}; published: {' or '.join(map(_text, allowed))}."


def _equal(value: Any, published: Any) -> bool:
    if isinstance(published, tuple):
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        return listed and len(value) == len(published) and all(map(_equal, value, published))
    if isinstance(published, float):
        return isinstance(value, int | float) and math.isclose(value, published, rel_tol=1e-6, abs_tol=1e-12)
    return bool(value == published)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return f"{value:,.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
