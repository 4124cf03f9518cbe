"""Every draw of a clip: its range, its distribution, and independence of all others."""

from dataclasses import asdict, replace
from itertools import combinations

import numpy as np
import pytest
import torch

from draw_laws import Choice, assert_distributed, assert_independent, check_draws, log_uniform, uniform, yes
from modalities.base import SourceRef
from modalities.compute.draws import Draws
from modalities.image import colour
from modalities.video import items
from modalities.video.atlas import build_atlas
from modalities.video.policies import POLICIES, VideoPolicy, VideoView
from modalities.video.segments import VideoStream
from modalities.video.source import VideoSource

CPU = torch.device("cpu")
VIEW = VideoView(size=16, resize=24, frames=3, mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))
MANY, WIDTH, HEIGHT = 4000, 60, 40


def source(frames=1, width=WIDTH, height=HEIGHT):
    atlas = build_atlas(np.zeros((frames, height, width, 3), np.uint8), CPU)
    return VideoSource(SourceRef("blank", "0", "for a test"), atlas, np.arange(frames) / 10)


def parameters(of, policy, seed, step):
    return VideoStream(of, VIEW, policy, batch_size=MANY, seed=seed, device=CPU).parameters(step)


def test_every_draw_of_a_camera_path_follows_its_law_and_no_other_draw():
    policy = VideoPolicy(crop=1.0, area_low=0.1, area_high=0.7, flip=0.3)  # boxes of at most 0.7 always fit
    square = source(width=40, height=40)

    def columns(seed, step):
        drawn = parameters(square, policy, seed, step)
        found = {"flip": drawn.flip}
        for name, box in (("first", drawn.first / 40), ("last", drawn.last / 40)):
            left, top, wide, high = box.T
            found |= {f"{name} area": wide * high, f"{name} aspect": wide / high}
            found |= {f"{name} x": left / (1 - wide), f"{name} y": top / (1 - high)}
        return found

    law = {"area": uniform(0.1, 0.7), "aspect": log_uniform(3 / 4, 4 / 3), "x": uniform(0, 1), "y": uniform(0, 1)}
    boxes = {f"{name} {part}": law[part] for name in ("first", "last") for part in law}
    check_draws(columns, {"flip": yes(0.3)} | boxes)


@pytest.mark.parametrize("crop", [1.0, 0.5])
def test_the_crop_that_both_boxes_share_lies_anywhere_in_the_picture(crop):
    policy = VideoPolicy(crop=crop, area_low=1.0, area_high=1.0, aspect=1.0)
    side = crop * HEIGHT

    def columns(seed, step):
        drawn = parameters(source(), policy, seed, step)
        np.testing.assert_allclose(drawn.first, drawn.last)
        np.testing.assert_allclose(drawn.first[:, 2:], side)
        return {"x": drawn.first[:, 0], "y": drawn.first[:, 1]} if crop < 1 else {"x": drawn.first[:, 0]}

    law = {"x": uniform(0, WIDTH - side), "y": uniform(0, HEIGHT - side)}
    check_draws(columns, law if crop < 1 else {"x": law["x"]})


def test_boxes_that_are_drawn_again_are_inside_the_crop_and_independent():
    policy = VideoPolicy(crop=1.0, area_low=0.1, area_high=0.7, redraw=True)
    square = source(width=40, height=40)

    def columns(seed, step):
        drawn, found = parameters(square, policy, seed, step), {}
        for name, box in (("first", drawn.first / 40), ("last", drawn.last / 40)):
            left, top, wide, high = box.T
            found |= {f"{name} area": wide * high, f"{name} aspect": wide / high}
            found |= {f"{name} x": left / (1 - wide), f"{name} y": top / (1 - high)}
        return found

    law = {"area": uniform(0.1, 0.7), "aspect": log_uniform(3 / 4, 4 / 3), "x": uniform(0, 1), "y": uniform(0, 1)}
    check_draws(columns, {f"{name} {part}": law[part] for name in ("first", "last") for part in law})


def test_the_part_of_a_zoomed_clip_has_a_whole_side_and_lies_anywhere_the_same_for_both_boxes():
    # The box is the whole square, so what is left of it says which part was kept: 16 of 18 to 24 pixels.
    policy = VideoPolicy(crop=1.0, area_low=1.0, area_high=1.0, aspect=1.0, zoom_low=18 / 16, zoom_high=24 / 16)
    square = source(width=40, height=40)

    def columns(seed, step):
        drawn = parameters(square, policy, seed, step)
        np.testing.assert_allclose(drawn.first, drawn.last)
        left, top, wide, high = drawn.first.T
        np.testing.assert_allclose(wide, high)
        side = np.round(16 * 40 / wide).astype(int)
        np.testing.assert_allclose(side, 16 * 40 / wide)
        for place in (left, top):
            free = place * side / 40
            np.testing.assert_allclose(free, np.round(free), atol=1e-9)
            assert free.min() >= 0 and (free <= side - 16 + 1e-9).all()
        largest = side == 24
        assert set(np.round(left[largest] * 24 / 40)) == set(np.round(top[largest] * 24 / 40)) == set(range(9))
        even = (side - 16) % 2 == 1  # of the places along an axis: then half of them are in its first half
        first_half = ((place * side / 40 < (side - 16) / 2)[even] for place in (left, top))
        return {"side": side[even], **dict(zip(("x", "y"), first_half, strict=True))}

    for seed in (0, 1):
        found = columns(seed, 0)
        assert_distributed("side", found["side"], Choice([19, 21, 23]))
        for name in ("x", "y"):
            assert_distributed(name, found[name], yes(0.5))
        for one, other in combinations(found, 2):
            assert_independent((one, other), found[one], found[other])


@pytest.mark.parametrize("motion", [1.0, 0.5])
def test_a_piece_of_a_film_begins_anywhere_and_lasts_half_to_one_and_a_half_of_the_views_seconds(motion):
    long = source(60, 4, 4)

    def columns(seed, step):
        drawn = parameters(long, VideoPolicy(motion=motion), seed, step)
        return {"span": drawn.span, "start": drawn.start / (5.9 - drawn.span), "flip": drawn.flip}

    check_draws(columns, {
        "span": uniform(0.8 * motion, 2.4 * motion), "start": uniform(0, 1), "flip": yes(0.5),
    })  # fmt: skip


def test_every_draw_of_a_clips_colour_follows_its_law_and_no_other_draw(monkeypatch):
    policy = VideoPolicy(jitter=1.0, brightness=0.4, contrast=0.3, saturation=0.2, hue=0.1)
    composed, compose = [], colour.compose
    monkeypatch.setattr(colour, "compose", lambda *given: composed.append(given) or compose(*given))

    def columns(seed, step):
        parameters(source(), policy, seed, step)
        names = ("brightness", "contrast", "saturation", "hue")
        return dict(zip(names, composed[-1], strict=False)) | {"order": composed[-1][4] @ [64, 16, 4, 1]}

    orders = np.unique([np.random.default_rng(i).permutation(4) @ [64, 16, 4, 1] for i in range(300)])
    assert len(orders) == 24
    check_draws(columns, {
        "brightness": uniform(0.6, 1.4), "contrast": uniform(0.7, 1.3), "saturation": uniform(0.8, 1.2),
        "hue": uniform(-0.1, 0.1), "order": Choice(orders),
    })  # fmt: skip


@pytest.mark.parametrize("name", list(POLICIES))
def test_the_named_policies_mirror_and_jitter_as_often_as_they_say(name):
    drawn = parameters(source(), POLICIES[name], 0, 0)
    changed = np.abs(drawn.colour.matrix - np.eye(3)).max(axis=(1, 2)) > 1e-9
    assert changed.mean() == pytest.approx(POLICIES[name].jitter, abs=0.03)
    assert drawn.flip.mean() == pytest.approx(POLICIES[name].flip, abs=0.03)
    assert not np.any(changed & drawn.flip) or 0.2 < (changed & drawn.flip).mean() < 0.3
    assert not drawn.colour.solarize.any() and not drawn.colour.sigma.any()


def test_the_named_policies_have_their_values():
    published = {
        "name": "published", "off": (), "code": "", "crop": 0.5,
        "area_low": 1 / 500, "area_high": 1.0, "aspect": 4 / 3, "motion": 1.0,
        "flip": 0.5, "jitter": 0.5, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1,
        "redraw": False, "zoom_low": 1.0, "zoom_high": 1.0,
    }  # fmt: skip
    assert asdict(POLICIES["published"]) == published
    assert asdict(POLICIES["geometry"]) == published | {"name": "geometry", "jitter": 0.0}
    zoomed = {"name": "published-video", "redraw": True, "zoom_low": 183 / 160, "zoom_high": 229 / 160}
    assert asdict(POLICIES["published-video"]) == published | zoomed
    assert asdict(POLICIES["static"]) == published | {"name": "static", "motion": 0.0}


def test_the_view_is_that_of_x3d_xs():
    view = VideoView()
    assert (view.shape, view.resize, view.seconds) == ((3, 4, 160, 160), 182, 1.6)
    assert (view.mean, view.std) == ((0.45,) * 3, (0.225,) * 3)


@pytest.mark.parametrize("flip", [True, False])
def test_every_draw_of_a_teachers_augmentation_follows_its_law_and_no_other_draw(flip):
    # Channel 0 holds the column of a pixel, channel 1 its row.
    at = torch.arange(24)
    channels = torch.stack([at.expand(24, 24), at[:, None].expand(24, 24), torch.zeros(24, 24, dtype=torch.long)])
    raw = channels.byte()[None, :, None].expand(2000, -1, 2, -1, -1)
    view = replace(VIEW, frames=2, flip=flip)

    def columns(seed, step):
        out = items.augment(raw, view, Draws(seed, "teacher/"), step).round()
        assert torch.equal(out[:, :, 0], out[:, :, 1]), "one window for all frames"
        left, right, top = out[:, 0, 0, 0, 0], out[:, 0, 0, 0, -1], out[:, 1, 0, 0, 0]
        mirrored = right < left
        found = {"top": top.numpy(), "left": torch.minimum(left, right).numpy()}
        if flip:
            found["flip"] = mirrored.numpy()
        else:
            assert not mirrored.any()
        return found

    place = Choice(range(9))
    check_draws(columns, {"top": place, "left": place} | ({"flip": yes(0.5)} if flip else {}))
