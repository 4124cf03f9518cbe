"""Network inputs as pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modalities.base import SourceRef
from modalities.image.display import pictures, show_source, sounds
from modalities.image.items import prepare
from modalities.image.policies import ImageView
from modalities.image.source import ImageSource

VIEW = ImageView(size=8)


def test_a_picture_comes_back_from_a_network_input():
    raw = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = pictures(prepare(raw, VIEW), VIEW)
    assert found.dtype == np.uint8 and np.array_equal(found, raw.permute(0, 2, 3, 1).numpy())


def test_colours_beyond_those_of_a_screen_are_cut():
    assert pictures(torch.full((1, 3, 8, 8), 99.0), VIEW).min() == 255
    assert pictures(torch.full((1, 3, 8, 8), -99.0), VIEW).max() == 0


def test_pictures_are_silent():
    assert sounds(torch.zeros(1, 3, 8, 8), VIEW, None) is None


@pytest.mark.parametrize("items", [1, 2])
def test_the_datum_is_shown_as_it_is_and_of_several_the_first(items):
    pixels = np.random.default_rng(0).integers(0, 256, (items * 6, 9, 3), dtype=np.uint8)
    source = ImageSource(SourceRef("x", "0" * 64, "x"), (pixels,), torch.device("cpu"), items)
    shown, sound = show_source(source, VIEW)
    assert sound is None
    assert np.array_equal(shown, pixels[None, :6])
