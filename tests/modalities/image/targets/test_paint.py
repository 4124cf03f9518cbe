"""The painter of stand-ins: colours against the standard library, distances by hand, pictures that do not depend on
how many are painted."""

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modalities.compute.draws import Draws
from modalities.image.targets import (
    _cifar100_standin,
    _flowers102_standin,
    _imagenet_standin,
    _pets37_standin,
    _places365_standin,
    _stl10_standin,
)
from modalities.image.targets._paint import BATCH, Canvas, box, colour, disc, paint, petals

PAINTERS = {
    "cloth": (_cifar100_standin.cloth, _cifar100_standin.KINDS),
    "stack": (_stl10_standin.stack, _stl10_standin.KINDS),
    "outline": (_imagenet_standin.outline, _imagenet_standin.OUTLINE_KINDS),
    "strewn": (_imagenet_standin.strewn, _imagenet_standin.STREWN_KINDS),
    "scene": (_places365_standin.scene, _places365_standin.KINDS),
    "blossom": (_flowers102_standin.blossom, _flowers102_standin.KINDS),
    "head": (_pets37_standin.head, _pets37_standin.KINDS),
}


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1), st.floats(0, 1))
def test_colours_are_those_of_the_standard_library(hue, saturation, value):
    assert np.allclose(colour(hue, saturation, value), colorsys.hsv_to_rgb(hue, saturation, value), atol=1e-5)


def test_distances_are_negative_inside_and_zero_on_the_edge():
    x, y = np.float32([[0, 0.5, 1, 2]]), np.float32([[0, 0, 0, 0]])
    one, half = np.float32(1), np.float32(0.5)
    assert np.allclose(disc(x, y, one), [[-1, -0.5, 0, 1]])
    assert np.allclose(box(x, y, one, half), [[-0.5, -0.5, 0, 1]])
    assert np.allclose(petals(x, y, 5, one, 0.4), [[-1, -0.5, 0, 1]])  # a petal points to the right
    between = np.float32([np.cos(np.pi / 5)]), np.float32([np.sin(np.pi / 5)])
    assert np.allclose(petals(*between, 5, one, 0.4), 0.4, atol=1e-6)


def test_what_is_laid_covers_its_inside_and_nothing_beyond_its_edge():
    canvas = Canvas(Draws(0), 0, 1, 32)
    canvas.lay(disc(canvas.x, canvas.y, np.float32(0.5)), np.ones(3, np.float32))
    radius = np.hypot(canvas.x, canvas.y)[0]
    assert (canvas.pixels[0][radius < 0.5 - 1 / 32] == 1).all()
    assert (canvas.pixels[0][radius > 0.5 + 1 / 32] == 0).all()


@pytest.mark.parametrize("name", PAINTERS)
def test_a_picture_does_not_depend_on_how_many_are_painted(name):
    picture, kinds = PAINTERS[name]
    few, many = (paint(3, "train", items, kinds, 32, picture) for items in (5, BATCH + 5))
    assert few[0].dtype == np.uint8
    assert np.array_equal(few[0], many[0][:5])
    assert many[1].tolist() == [i % kinds for i in range(BATCH + 5)]


@pytest.mark.parametrize("name", PAINTERS)
def test_no_kind_is_known_by_the_mean_colour_alone(name):
    """A nearest-mean classifier of mean colours, fitted on other pictures, is far from right."""
    picture, kinds = PAINTERS[name]
    (train, of_train), (test, of_test) = (paint(1, split, 20 * kinds, kinds, 32, picture) for split in "ab")
    means = np.stack([train[of_train == kind].mean((0, 1, 2)) for kind in range(kinds)])
    distance = np.linalg.norm(test.mean((1, 2))[:, None] - means, axis=2)
    assert (distance.argmin(1) == of_test).mean() < 0.75
