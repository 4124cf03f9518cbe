"""Network inputs as film strips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modalities.base import SourceRef
from modalities.video.atlas import Atlas
from modalities.video.display import pictures, show_source, sounds
from modalities.video.items import prepare
from modalities.video.policies import VideoView
from modalities.video.source import VideoSource

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


@pytest.mark.parametrize(("frames", "places"), [(1, [0]), (3, [0, 1, 2]), (10, [0, 3, 6, 9])])
def test_a_few_evenly_spaced_frames_of_the_datum_are_shown(frames, places):
    height, width = 6, 9
    texture = torch.zeros(2 * frames * height, width + 5, 4)  # of two clips; the reductions stand to the right
    for frame in range(2 * frames):
        texture[frame * height : (frame + 1) * height, :width] = frame / 255
    texture[:, width:] = 1
    atlas = Atlas(texture, torch.zeros(1, 2), torch.zeros(1, 2), 2 * frames, width)
    source = VideoSource(SourceRef("x", "0" * 64, "x"), atlas, np.arange(frames, dtype=float), items=2)
    shown, sound = show_source(source, VIEW)
    assert sound is None
    assert shown.shape == (len(places), height, width, 3)
    assert [int(frame.max()) for frame in shown] == [int(frame.min()) for frame in shown] == places
