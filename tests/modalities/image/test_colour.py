"""Colour: the one matrix equals torchvision's chain, and hue, grey, solarize and blur what they are called."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import functional as F

from draw_laws import Choice, check_draws, uniform, yes
from modalities.compute.draws import Draws
from modalities.image import colour, source
from modalities.image.policies import POLICIES

NONE, SINGLE_PROCESS = np.zeros(3), np.ones(3)


@pytest.fixture(scope="module")
def muted() -> torch.Tensor:
    """Real pixels, (1, 3, 100, 100), so far from black and white that nothing is clipped on the way."""
    pixels = torch.from_numpy(source.read("china")[100:200, 200:300]).permute(2, 0, 1)[None]
    return 0.35 + 0.2 * pixels.float() / 255


def jittered(pixels, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0, order=(0, 1, 2, 3), **values):
    matrix, of_mean = colour.compose(*(np.array([value]) for value in (brightness, contrast, saturation, hue, order)))
    plain = {"solarize": np.array([False]), "sigma": np.zeros(1)}
    return colour.apply(pixels, colour.Colour(matrix, of_mean, **{**plain, **values}), NONE, SINGLE_PROCESS)


def theirs(pixels, brightness, contrast, saturation, order):
    steps = {
        0: (F.adjust_brightness, brightness),
        1: (F.adjust_contrast, contrast),
        2: (F.adjust_saturation, saturation),
    }
    for which in order:
        if which in steps:
            change, factor = steps[which]
            pixels = change(pixels, factor)
    return pixels


@settings(max_examples=40, deadline=None)
@given(
    factors=st.tuples(*(st.floats(0.6, 1.4) for _ in range(3))), order=st.permutations(range(4)),
)  # fmt: skip
def test_brightness_contrast_and_saturation_in_any_order_are_torchvisions(muted, factors, order):
    ours = jittered(muted, *factors, order=order)
    torch.testing.assert_close(ours, theirs(muted, *factors, order), atol=2e-4, rtol=0)


def test_each_sample_has_its_own_colour(muted):
    factors = np.array([0.7, 1.0, 1.3])
    matrix, of_mean = colour.compose(factors, SINGLE_PROCESS, SINGLE_PROCESS, NONE, np.tile(np.arange(4), (3, 1)))
    batch = muted.expand(3, -1, -1, -1)
    ours = colour.apply(batch, colour.Colour(matrix, of_mean, np.zeros(3, bool), NONE), NONE, SINGLE_PROCESS)
    for i, factor in enumerate(factors):
        torch.testing.assert_close(ours[i], F.adjust_brightness(muted[0], factor), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["china", "flower", "astronaut", "chelsea"])
@pytest.mark.parametrize("turns", [-0.1, -0.03, 0.05, 0.1])
def test_linear_hue_stays_close_to_hsv_hue(name, turns):
    if name not in source.SOURCES:
        pytest.skip(f"the installed libraries carry no {name}")
    pixels = torch.from_numpy(source.read(name)[::4, ::4].copy()).permute(2, 0, 1)[None].float() / 255
    ours, hsv = jittered(pixels, hue=turns), F.adjust_hue(pixels, turns)
    difference = (ours - hsv).abs()
    assert difference.mean() < 0.05
    assert difference.max() < 0.25
    assert difference.mean() < (pixels - hsv).abs().mean()


@given(turns=st.floats(-0.5, 0.5))
def test_a_hue_rotation_keeps_greys_and_undoes_itself(turns):
    forth, back = colour.hue_matrix(np.array([turns, -turns]))
    np.testing.assert_allclose(forth @ SINGLE_PROCESS, SINGLE_PROCESS, atol=1e-12)
    np.testing.assert_allclose(forth @ back, np.eye(3), atol=1e-12)


def test_a_third_of_a_turn_takes_red_to_green():
    np.testing.assert_allclose(colour.hue_matrix(np.array([1 / 3]))[0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_grey_is_torchvisions(muted):
    shade = colour.draw(Draws(0), 0, 1, replace(POLICIES["geometry"], grey=1.0))
    ours = colour.apply(muted, shade, NONE, SINGLE_PROCESS)
    torch.testing.assert_close(ours, F.rgb_to_grayscale(muted, 3), atol=2e-4, rtol=0)


def test_solarize_is_torchvisions():
    pixels = torch.arange(256, dtype=torch.uint8).repeat(3, 1).view(1, 3, 16, 16)
    ours = jittered(pixels.float() / 255, solarize=np.array([True]))
    torch.testing.assert_close(ours, F.solarize(pixels, 128).float() / 255, atol=1e-6, rtol=0)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.6])
def test_blur_is_torchvisions(muted, sigma):
    small = muted[:, :, :32, :32].contiguous()
    ours = jittered(small, sigma=np.array([sigma / 32]))
    torch.testing.assert_close(ours, F.gaussian_blur(small, [11, 11], [sigma, sigma]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("side", "reach"), [(8, 1), (9, 1), (10, 2), (64, 10), (96, 14), (3, 1), (2, 1)])
def test_blur_reaches_over_three_twentieths_of_the_side(muted, side, reach):
    small = muted[:, :, :side, :side].contiguous()
    kernel = [2 * reach + 1] * 2
    ours = colour.blur(small, torch.tensor([side / 10]))
    torch.testing.assert_close(ours, F.gaussian_blur(small, kernel, [side / 10] * 2), atol=1e-5, rtol=0)


def test_only_the_chosen_samples_are_solarized_and_blurred(muted):
    batch = muted.expand(3, -1, -1, -1) + 0.3
    eye = np.broadcast_to(np.eye(3), (3, 3, 3))
    shade = colour.Colour(eye, 0 * eye, np.array([True, False, False]), np.array([0.0, 0.0, 0.03]))
    ours = colour.apply(batch.contiguous(), shade, NONE, SINGLE_PROCESS)
    torch.testing.assert_close(ours[1], batch[1])
    assert (ours[0] - batch[0]).abs().max() > 0.1
    assert ours[2].std() < batch[2].std()


def test_values_beyond_white_are_clipped_once_at_the_end(muted):
    assert jittered(muted * 1.8, brightness=1.4).max() == 1
    # Brighter, then washed out: lights that leave [0, 1] on the way come back, where a clip in between loses them.
    bright = muted * 1.8
    ours = jittered(bright, brightness=1.4, saturation=0.0)
    expected = (1.4 * F.rgb_to_grayscale(bright, 3)).clamp(0, 1)
    torch.testing.assert_close(ours, expected, atol=2e-4, rtol=0)
    assert (ours - theirs(bright, 1.4, 1.0, 0.0, (0, 2))).abs().max() > 0.01


def test_jitter_touches_as_many_samples_as_the_policy_says():
    shade = colour.draw(Draws(0), 0, 4000, POLICIES["published"])
    changed = np.abs(shade.matrix - np.eye(3)).max(axis=(1, 2)) > 1e-9
    assert abs(changed.mean() - 0.5) < 0.03


def test_a_policy_without_colour_changes_nothing(muted):
    shade = colour.draw(Draws(0), 0, 1, POLICIES["geometry"])
    torch.testing.assert_close(colour.apply(muted, shade, NONE, SINGLE_PROCESS), muted)


def test_two_jitters_are_one_after_the_other(muted):
    # Both of full probability; each is what the same draws give alone, with the second's own hue.
    policy = replace(POLICIES["published"], jitter=1.0, second_jitter=1.0, second_hue=0.3)
    draws, batch = Draws(5), muted.expand(6, -1, -1, -1)
    once = colour.draw(draws, 2, 6, replace(policy, second_jitter=0.0))
    again = colour.draw(draws.within("second"), 2, 6, replace(policy, hue=0.3, second_jitter=0.0))
    expected = colour.apply(colour.apply(batch, once, NONE, SINGLE_PROCESS), again, NONE, SINGLE_PROCESS)
    both = colour.apply(batch, colour.draw(draws, 2, 6, policy), NONE, SINGLE_PROCESS)
    inside = ((expected > 0.02) & (expected < 0.98)).all(1, keepdim=True).expand_as(expected)  # nothing was clipped
    assert inside.float().mean() > 0.5
    assert (both - expected)[inside].abs().max() < 0.02
    assert (both - colour.apply(batch, once, NONE, SINGLE_PROCESS)).abs().mean() > 0.01


def test_the_second_jitter_happens_as_often_as_it_should_and_apart_from_the_first():
    policy = replace(POLICIES["published-imagenet"], grey=0.0)
    n = 4000
    first = colour.draw(Draws(1), 0, n, replace(policy, second_jitter=0.0)).matrix
    second = colour.draw(Draws(1), 0, n, replace(policy, jitter=0.0)).matrix
    changed = [(np.abs(matrix - np.eye(3)).max((1, 2)) > 1e-9) for matrix in (first, second)]
    assert changed[0].mean() == pytest.approx(0.5, abs=0.03)
    assert changed[1].mean() == pytest.approx(0.8, abs=0.03)
    assert (changed[0] & changed[1]).mean() == pytest.approx(0.4, abs=0.03)


# --- draws


def test_every_draw_of_the_colour_follows_its_law_and_no_other_draw(monkeypatch):
    policy = replace(
        POLICIES["published"], jitter=1.0, brightness=0.4, contrast=0.3, saturation=0.2, hue=0.1,
        grey=0.2, solarize=0.3, blur=1.0, blur_low=0.02, blur_high=0.05,
    )  # fmt: skip
    composed = []
    compose = colour.compose
    monkeypatch.setattr(colour, "compose", lambda *given: composed.append(given) or compose(*given))

    def columns(seed, step):
        shade = colour.draw(Draws(seed, "image/"), step, 4000, policy)
        brightness, contrast, saturation, hue, order = composed[-1]
        return {
            "brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue,
            "order": order @ [64, 16, 4, 1], "solarize": shade.solarize, "sigma": shade.sigma,
            "grey": np.abs(shade.matrix - shade.matrix[:, :1]).max(axis=(1, 2)) < 1e-12,
        }  # fmt: skip

    check_draws(columns, {
        "brightness": uniform(0.6, 1.4), "contrast": uniform(0.7, 1.3), "saturation": uniform(0.8, 1.2),
        "hue": uniform(-0.1, 0.1), "order": Choice([p @ np.array([64, 16, 4, 1]) for p in ORDERS]),
        "solarize": yes(0.3), "sigma": uniform(0.02, 0.05), "grey": yes(0.2),
    })  # fmt: skip


ORDERS = np.array(list(permutations(range(4))))


def test_who_is_jittered_blurred_solarized_or_grey_is_drawn_apart():
    policy = replace(POLICIES["published"], jitter=0.5, grey=0.2, solarize=0.3, blur=0.4)

    def columns(seed, step):
        shade = colour.draw(Draws(seed, "image/"), step, 4000, policy)
        grey = np.abs(shade.matrix - shade.matrix[:, :1]).max(axis=(1, 2)) < 1e-12
        changed = np.where(grey[:, None, None], shade.matrix - colour._GREY, shade.matrix - np.eye(3))
        return {
            "jitter": (np.abs(changed) > 1e-9).any(axis=(1, 2)),
            "grey": grey, "solarize": shade.solarize, "blur": shade.sigma > 0,
        }  # fmt: skip

    check_draws(columns, {"jitter": yes(0.5), "grey": yes(0.2), "solarize": yes(0.3), "blur": yes(0.4)})


@pytest.mark.parametrize("name", list(POLICIES))
def test_the_named_policies_change_colours_as_often_as_they_say(name):
    policy = POLICIES[name]
    shade = colour.draw(Draws(2, "image/"), 1, 4000, policy)
    grey = np.abs(shade.matrix - shade.matrix[:, :1]).max(axis=(1, 2)) < 1e-12
    assert grey.mean() == pytest.approx(policy.grey, abs=0.03)
    assert shade.solarize.mean() == pytest.approx(policy.solarize, abs=0.03)
    assert (shade.sigma > 0).mean() == pytest.approx(policy.blur, abs=0.03)


def test_a_second_jitter_is_drawn_apart_from_the_first_and_follows_it(monkeypatch):
    policy = replace(POLICIES["published"], jitter=1.0, second_jitter=0.6, hue=0.1, second_hue=0.4)
    composed, compose = [], colour.compose
    monkeypatch.setattr(colour, "compose", lambda *given: composed.append(given) or compose(*given))

    def columns(seed, step):
        shade = colour.draw(Draws(seed, "image/"), step, 6000, policy)
        first, second = composed[-2:]
        one, two = compose(*first), compose(*second)
        np.testing.assert_allclose(shade.matrix, two[0] @ one[0], atol=1e-12)
        np.testing.assert_allclose(shade.of_mean, two[0] @ one[1] + two[1] @ (one[0] + one[1]), atol=1e-12)
        again = second[0] != 1
        assert np.array_equal(again, second[3] != 0)
        names = ("brightness", "contrast", "saturation")
        ours = {name: values[:3000] for name, values in zip(names, first, strict=False)}
        hues = {"hue": first[3][:3000], "second hue": second[3][again][:3000]}
        return ours | {f"second {name}": v[again][:3000] for name, v in zip(names, second, strict=False)} | hues

    strengths = {f"{when}{name}": uniform(0.6, 1.4) for when in ("", "second ") for name in (
        "brightness", "contrast", "saturation"
    )}  # fmt: skip
    check_draws(columns, strengths | {"hue": uniform(-0.1, 0.1), "second hue": uniform(-0.4, 0.4)})
    shade = colour.draw(Draws(0), 0, 4000, replace(policy, jitter=0.0))
    assert (np.abs(shade.matrix - np.eye(3)).max(axis=(1, 2)) > 1e-9).mean() == pytest.approx(0.6, abs=0.03)
