"""Steps of policies: one that is off does nothing, and leaves the draws of all others as they are."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modalities import registry
from modalities.assembly.steps import SteppedPolicy
from modalities.audio.policies import CROP, STANDARD, AudioPolicy, AudioView
from modalities.audio.segments import AudioStream
from modalities.audio.source import AudioSource
from modalities.base import SourceRef
from modalities.errors import UnknownName
from modalities.image.policies import ImagePolicy, ImageView
from modalities.image.segments import ImageStream
from modalities.image.source import ImageSource, reductions
from modalities.video.atlas import build_atlas
from modalities.video.policies import VideoPolicy, VideoView
from modalities.video.segments import VideoStream
from modalities.video.source import VideoSource

CPU = torch.device("cpu")
REF = SourceRef("test", "0" * 64, "a test")
PICTURE = np.random.default_rng(0).integers(0, 255, (40, 64, 3), dtype=np.uint8)
IMAGE = ImageSource(REF, reductions(PICTURE), CPU)
AUDIO = AudioSource(REF, torch.from_numpy(np.random.default_rng(1).normal(0, 0.1, 40_000).astype(np.float32)), 8_000)
VIDEO = VideoSource(REF, build_atlas(PICTURE[None], CPU), np.zeros(1))
# Every step of each does something.
IMAGE_ALL = ImagePolicy(recrop_low=0.3, second_jitter=0.5, grey=0.3, solarize=0.3, blur=0.5, blur_low=0.02)
VIDEO_ALL = VideoPolicy(motion=0.7, zoom_low=1.2, zoom_high=1.5)
EVERY: dict[str, SteppedPolicy] = {"image": IMAGE_ALL, "audio": STANDARD, "video": VIDEO_ALL}
# What a step changes: the drawn parameters by which a segment is made.
CHANGES = {
    "image": {
        "crop": {"box"}, "rotation": {"angle"}, "shear": {"shear"}, "recrop": {"recrop"}, "flip": {"flip"},
        "shift": {"shift"}, "colour": {"matrix", "of_mean"}, "grey": {"matrix", "of_mean"},
        "solarize": {"solarize"}, "blur": {"sigma"},
    },
    "audio": {
        "speed": {"speed", "other speed"}, "window": {"length", "start", "other length", "other start"},
        "mix": set(), "gain": {"gain"}, "polarity": {"sign"}, "noise": set(), "pitch": {"shift"},
        "filter": {"knots"}, "reverb": set(), "mel_mask": {"mel width"}, "time_mask": {"time width"},
    },
    "video": {
        "crop": {"first", "last"}, "motion": {"last"}, "zoom": {"first", "last"}, "flip": {"flip"},
        "colour": {"matrix", "of_mean"},
    },
}  # fmt: skip


def stream(policy: Any, seed: int = 0, count: int = 32) -> Any:
    options: dict[str, Any] = {"batch_size": count, "seed": seed, "device": CPU}
    if isinstance(policy, ImagePolicy):
        return ImageStream(IMAGE, ImageView(size=16), policy, **options)
    if isinstance(policy, AudioPolicy):
        return AudioStream(AUDIO, AudioView(rate=8_000, seconds=0.5, mels=16), policy, **options)
    return VideoStream(VIDEO, VideoView(frames=2, size=16, resize=16), policy, **options)


def drawn(policy: Any, seed: int) -> dict[str, np.ndarray]:
    """Every drawn parameter of a batch, by name."""
    of = stream(policy, seed)
    if isinstance(policy, AudioPolicy):
        return dict(of._draw(3))
    parts = of.parameters(3)
    parts = parts if isinstance(parts, tuple) else (parts, parts.colour)
    return {
        field.name: value
        for part in parts
        for field in fields(part)
        if isinstance(value := getattr(part, field.name), np.ndarray)
    }


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_every_step_is_on_in_a_policy_that_has_them_all_and_its_settings_exist(modality: str) -> None:
    policy = EVERY[modality]
    assert policy.steps == tuple(policy.STEPS) == tuple(CHANGES[modality])
    names = {field.name for field in fields(policy)}
    assert all(set(settings) <= names for settings in policy.STEPS.values())


@pytest.mark.parametrize("modality", registry.MODALITIES)
@given(data=st.data(), seed=st.integers(0, 2**31))
def test_steps_that_are_off_leave_every_draw_of_the_others(modality: str, data: st.DataObject, seed: int) -> None:
    policy = EVERY[modality]
    off = data.draw(st.sets(st.sampled_from(list(policy.STEPS))))
    before, after = drawn(policy, seed), drawn(replace(policy, off=tuple(off)), seed)
    allowed = set().union(*(CHANGES[modality][step] for step in off)) if off else set()
    assert before.keys() == after.keys()
    for name in before.keys() - allowed:
        np.testing.assert_array_equal(before[name], after[name], err_msg=f"{name} with {off} off")


@pytest.mark.parametrize(
    ("modality", "step"), [(modality, step) for modality, policy in EVERY.items() for step in policy.STEPS]
)
def test_each_step_by_itself_changes_segments_unless_it_is_off(modality: str, step: str) -> None:
    policy = EVERY[modality]
    batch = stream(policy).batch(0)
    without = stream(replace(policy, off=(step,)))
    if (modality, step) != ("audio", "polarity"):  # which a spectrogram alone does not show
        assert not torch.equal(batch, without.batch(0))
    idle = stream(replace(policy, **policy.STEPS[step]))
    assert torch.equal(without.batch(0), idle.batch(0))


def test_with_every_step_off_segments_of_audio_are_those_of_the_policy_that_only_cuts() -> None:
    off = replace(STANDARD, off=tuple(STANDARD.STEPS))
    np.testing.assert_array_equal(stream(off).batch(1), stream(CROP).batch(1))
    assert off.steps == () == CROP.steps


def test_with_every_step_off_segments_of_a_picture_are_its_largest_squares() -> None:
    for policy in (replace(IMAGE_ALL, off=tuple(IMAGE_ALL.STEPS)), replace(VIDEO_ALL, off=tuple(VIDEO_ALL.STEPS))):
        boxes = drawn(policy, 0)["box" if isinstance(policy, ImagePolicy) else "first"]
        np.testing.assert_allclose(boxes[:, 1:], np.tile([0, 40, 40], (len(boxes), 1)), atol=1e-9)
        assert np.ptp(boxes[:, 0]) > 5


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_other_libraries_are_compared_with_what_is_in_effect(modality: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = replace(EVERY[modality], off=tuple(EVERY[modality].STEPS))
    seen: list[Any] = []
    kind = type(policy)
    monkeypatch.setattr(kind, "in_effect", lambda self: seen.append(self) or SteppedPolicy.in_effect(self))
    view = {"audio": AudioView(rate=8_000), "image": ImageView(), "video": VideoView(frames=2, size=16, resize=16)}
    source = "speech" if modality == "audio" else "sparse"
    registry.modality(modality).references(source, view[modality], policy, CPU)
    assert seen == [policy]


def test_steps_are_put_in_order_once_each_and_compare_equal() -> None:
    policy = ImagePolicy(off=("colour", "rotation", "colour"))
    assert policy.off == ("rotation", "colour")
    assert policy == ImagePolicy(off=("rotation", "colour"))


@pytest.mark.parametrize("kind", [ImagePolicy, AudioPolicy, VideoPolicy])
def test_an_unknown_step_is_refused_with_the_nearest(kind: type[SteppedPolicy]) -> None:
    step = list(kind.STEPS)[-1]
    with pytest.raises(UnknownName, match=rf"no step of the policy named '{step}s'; did you mean {step}\b"):
        kind(off=(f"{step}s",))


def test_a_preview_shows_each_step_by_itself_on_top_of_the_crop() -> None:
    rows = VIDEO_ALL.one_by_one()
    assert list(rows) == ["all steps", "crop", "crop + motion", "crop + zoom", "crop + flip", "crop + colour"]
    assert rows["crop + flip"].steps == ("crop", "flip")
    assert list(STANDARD.one_by_one())[:3] == ["all steps", "no step", "speed"]
    assert list(replace(VIDEO_ALL, off=("crop", "zoom")).one_by_one()) == [
        "all steps", "no step", "motion", "flip", "colour",
    ]  # fmt: skip
