"""Network inputs as film strips."""

from __future__ import annotations

import numpy as np
import torch

from modalities.video.display import pictures, sounds
from modalities.video.items import prepare
from modalities.video.policies import VideoView

VIEW = VideoView(frames=3, size=8, resize=8)


def test_the_frames_of_a_clip_lie_side_by_side():
    raw = torch.randint(0, 256, (2, 3, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = pictures(prepare(raw, VIEW), VIEW)
    assert found.shape == (2, 8, 24, 3) and found.dtype == np.uint8
    for frame in range(3):
        expected = raw[:, :, frame].permute(0, 2, 3, 1).numpy()
        assert np.array_equal(found[:, :, 8 * frame : 8 * (frame + 1)], expected)


def test_colours_beyond_those_of_a_screen_are_cut_and_clips_are_silent():
    clip = torch.full((1, 3, 3, 8, 8), 99.0)
    assert pictures(clip, VIEW).min() == 255 and pictures(-clip, VIEW).max() == 0
    assert sounds(clip, VIEW, None) is None
