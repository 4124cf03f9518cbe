"""Every draw of a segment's geometry: its range, its distribution, and independence of all others."""

import math

import numpy as np
import pytest

from draw_laws import Choice, check_draws, log_uniform, uniform, yes
from modalities.compute.draws import Draws
from modalities.image import geometry
from modalities.image.policies import POLICIES, ImagePolicy

MANY = 4000
WIDTH, HEIGHT, SIZE = 1000, 600, 32


def drawn(seed, step, policy, width=WIDTH, height=HEIGHT, size=SIZE):
    return geometry.draw(Draws(seed, "image/"), step, MANY, width, height, size, policy)


def box_columns(box, name):
    """What a random-resized crop of the unit square draws, worked back from the boxes."""
    left, top, wide, high = box.T
    return {
        f"{name} area": wide * high,
        f"{name} aspect": wide / high,
        f"{name} x": left / (1 - wide),
        f"{name} y": top / (1 - high),
    }


BOX = {"area": uniform(0.1, 0.7), "aspect": log_uniform(3 / 4, 4 / 3), "x": uniform(0, 1), "y": uniform(0, 1)}


def test_every_draw_of_the_published_geometry_follows_its_law_and_no_other_draw():
    # Boxes of at most 0.7 always fit, so that their area is uniform; the initial square is the whole picture.
    policy = ImagePolicy(initial_crop=1.0, area_low=0.1, area_high=0.7, recrop_low=0.5, rotation=30, shear=20, flip=0.3)

    def columns(seed, step):
        place = drawn(seed, step, policy, 500, 500)
        return {
            **box_columns(place.box / 500, "crop"),
            "angle": place.angle, "shear": place.shear, "flip": place.flip,
            "shift x": place.shift[:, 0], "shift y": place.shift[:, 1],
        }  # fmt: skip

    check_draws(columns, {
        **{f"crop {name}": law for name, law in BOX.items()},
        "angle": uniform(-math.radians(30), math.radians(30)),
        "shear": uniform(-math.radians(20), math.radians(20)),
        "flip": yes(0.3),
        "shift x": Choice(range(-4, 5)), "shift y": Choice(range(-4, 5)),
    })  # fmt: skip


def test_the_second_crop_is_drawn_like_the_first_and_apart_from_it():
    policy = ImagePolicy(initial_crop=1.0, area_low=0.1, area_high=0.7, recrop_low=0.3)

    def columns(seed, step):
        place = drawn(seed, step, policy, 500, 500)
        second = box_columns(place.recrop, "recrop")
        kept = {name: second[name] for name in ("recrop x", "recrop y")}
        return {**box_columns(place.box / 500, "crop"), **kept, "recrop is wide": second["recrop aspect"] > 1}

    check_draws(columns, {
        **{f"crop {name}": law for name, law in BOX.items()},
        "recrop x": BOX["x"], "recrop y": BOX["y"], "recrop is wide": yes(0.5),
    })  # fmt: skip


@pytest.mark.parametrize("crop", [0.5, 0.2])
def test_the_initial_square_lies_anywhere_in_the_picture_its_row_apart_from_its_column(crop):
    policy = ImagePolicy(initial_crop=crop, area_low=1.0, area_high=1.0, aspect=1.0)
    square = crop * HEIGHT

    def columns(seed, step):
        box = drawn(seed, step, policy).box
        np.testing.assert_allclose(box[:, 2:], square)
        return {"x": box[:, 0], "y": box[:, 1]}

    check_draws(columns, {"x": uniform(0, WIDTH - square), "y": uniform(0, HEIGHT - square)})


def test_a_tall_picture_is_cut_like_a_wide_one():
    policy = ImagePolicy(initial_crop=1.0, area_low=1.0, area_high=1.0, aspect=1.0)
    box = drawn(0, 0, policy, 300, 900).box
    np.testing.assert_allclose(box[:, [0, 2, 3]], np.broadcast_to([0, 300, 300], (MANY, 3)))
    assert box[:, 1].min() < 2 and box[:, 1].max() > 598


@pytest.mark.parametrize("name", list(POLICIES))
def test_the_named_policies_use_their_ranges_to_both_ends(name):
    policy = POLICIES[name]
    place = drawn(1, 2, policy)
    for values, reach in (
        (np.degrees(place.angle), policy.rotation),
        (np.degrees(place.shear), policy.shear),
        (place.shift, round(policy.shift * SIZE)),
    ):
        assert values.min() == pytest.approx(-reach, abs=0.05) and values.max() == pytest.approx(reach, abs=0.05)
    assert place.flip.mean() == pytest.approx(policy.flip, abs=0.03)
    area = place.box[:, 2] * place.box[:, 3] / (policy.initial_crop * HEIGHT) ** 2
    assert policy.area_low <= area.min() < policy.area_low + 0.003 and 0.95 < area.max() <= policy.area_high + 1e-9
    second = place.recrop[:, 2] * place.recrop[:, 3]
    assert policy.recrop_low - 1e-9 <= second.min() < policy.recrop_low + 0.01


def test_an_area_that_never_fits_gives_the_whole_square():
    box = drawn(0, 0, ImagePolicy(initial_crop=1.0, area_low=1.0, area_high=1.0), 500, 500).box
    whole = (box == [0, 0, 500, 500]).all(1)
    assert whole.mean() > 0.95, "a box of area 1 fits at aspect 1 alone"


@pytest.mark.parametrize(("size", "side"), [(8, 11), (32, 45), (96, 135), (224, 316)])
def test_the_canvas_holds_the_turned_segment(size, side):
    assert geometry.canvas(size) == side


def test_after_ten_attempts_that_do_not_fit_the_whole_square_is_taken():
    # A box of area a fits if |log aspect| <= -log a; over areas from 0.9 to 1 that is one attempt in 5.6.
    policy = ImagePolicy(initial_crop=1.0, area_low=0.9, area_high=1.0)
    box = np.concatenate([drawn(seed, 0, policy, 500, 500).box for seed in range(8)])
    fits = (1 - 0.9 + 0.9 * math.log(0.9)) / 0.1 / math.log(4 / 3)
    assert (box == [0, 0, 500, 500]).all(1).mean() == pytest.approx((1 - fits) ** 10, abs=0.008)
