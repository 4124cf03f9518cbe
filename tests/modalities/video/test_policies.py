"""The limits of a clip's view and of a policy's values."""

from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pytest

from modalities.errors import BadInput
from modalities.video.policies import VideoPolicy, VideoView


@pytest.mark.parametrize("name", ["motion", "flip", "jitter"])
def test_a_share_lies_between_0_and_1(name):
    for value in (0.0, 1.0):
        assert getattr(VideoPolicy(**{name: value}), name) == value
    for value in (-1e-9, 1 + 1e-9, np.nan):
        with pytest.raises(BadInput, match=rf"policy\.{name} is"):
            VideoPolicy(**{name: value})


def test_crops_areas_aspects_and_zooms_go_up_to_their_limits():
    VideoPolicy(crop=1.0, area_low=1.0, area_high=1.0, aspect=1.0, zoom_low=1.0, zoom_high=1.0)
    VideoPolicy(crop=1e-3, area_low=1e-6, area_high=1e-6, zoom_low=1.5, zoom_high=1.5)
    for change in (
        {"crop": 0.0}, {"crop": 1.0001}, {"area_low": 0.0}, {"area_low": 0.5, "area_high": 0.4999},
        {"area_high": 1.0001}, {"aspect": 0.9999}, {"aspect": np.nan}, {"zoom_low": 0.9999},
        {"zoom_low": 1.5, "zoom_high": 1.4999},
    ):  # fmt: skip
        with pytest.raises(BadInput, match=next(iter(change)).split("_")[0]):
            VideoPolicy(**change)


@pytest.mark.parametrize("name", ["frames", "size", "resize", "seconds", "train_clips", "test_clips"])
def test_sizes_are_above_0(name):
    assert getattr(VideoView(**{"size": 1, "resize": 1} | {name: 1}), name) == 1
    for value in (0, -1, np.nan):
        with pytest.raises(BadInput, match=rf"view\.{name} is {value}"):
            VideoView(**{"size": 1, "resize": 1} | {name: value})


def test_a_raw_item_is_no_smaller_than_what_is_cut_out_of_it():
    assert VideoView(size=32, resize=32, frames=5).shape == (3, 5, 32, 32)
    with pytest.raises(BadInput, match=r"view\.resize is 31"):
        VideoView(size=32, resize=31)


def test_views_and_policies_cannot_be_changed_behind_a_cells_back() -> None:
    for given in (VideoView(), VideoPolicy()):
        with pytest.raises(FrozenInstanceError):
            setattr(given, next(iter(asdict(given))), 1)
