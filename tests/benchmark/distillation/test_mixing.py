"""Every draw of mixing: its range, its distribution, and independence of all others; boxes worked by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import stats

from benchmark.distillation import mixing
from benchmark.distillation.mixing import cutmix_box, mix
from doubles import as_read
from draw_laws import assert_independent, check_draws, uniform
from modalities.base import Draws, rank_slice

MANY, HEIGHT, WIDTH = 4000, 5, 70


@pytest.fixture
def boxes(monkeypatch):
    """The shares and centres of the boxes that were asked for, newest last."""
    asked = []
    monkeypatch.setattr(mixing, "cutmix_box", lambda *given: asked.append(given) or cutmix_box(*given))
    return asked


@pytest.mark.parametrize("alpha", [1.0, 0.25])
def test_every_draw_of_cutmix_follows_its_law_and_no_other_draw(boxes, alpha):
    def columns(seed, step):
        mix(torch.zeros(MANY, 1, HEIGHT, WIDTH), "cutmix", alpha, "sample", Draws(seed, "mixing/"), step)
        share, row, column, height, width = boxes[-1]
        assert (height, width) == (HEIGHT, WIDTH)
        return {"share": share, "row": row, "column": column}

    check_draws(columns, {"share": stats.beta(alpha, alpha), "row": uniform(0, 1), "column": uniform(0, 1)})


@pytest.mark.parametrize("per", ["batch", "sample"])
def test_boxes_reach_every_row_and_every_column_of_segments_that_are_not_square(boxes, per):
    segments = torch.arange(64.0).reshape(64, 1, 1, 1).expand(64, 1, HEIGHT, WIDTH).contiguous()
    pasted = torch.zeros(HEIGHT, WIDTH)
    for step in range(60):
        pasted += (mix(segments, "cutmix", 1.0, per, Draws(0), step) != segments)[:, 0].float().mean(0)
        assert all(len(set(values)) == (1 if per == "batch" else 64) for values in boxes[-1][:3])
    assert (pasted > 0).all()


def test_a_box_is_clipped_on_each_side_and_measured_along_its_own_axis():
    # Sides are half of 10 x 40: 5 x 20. Around the first, the middle and the last pixel.
    share, at = np.full(3, 0.75), np.array([0.0, 0.5, 0.999])
    top, bottom, left, right = cutmix_box(share, at, at, 10, 40)
    assert [top.tolist(), bottom.tolist()] == [[0, 2, 6], [2, 7, 10]]
    assert [left.tolist(), right.tolist()] == [[0, 10, 29], [10, 30, 40]]


def test_a_box_of_the_whole_segment_leaves_nothing_and_one_of_no_area_everything():
    whole = cutmix_box(np.zeros(1), np.full(1, 0.5), np.full(1, 0.5), 8, 6)
    none = cutmix_box(np.ones(1), np.full(1, 0.5), np.full(1, 0.5), 8, 6)
    assert [int(edge[0]) for edge in whole] == [0, 8, 0, 6]
    assert none[0] == none[1] and none[2] == none[3]


def test_what_is_inside_the_box_comes_from_the_partner_and_what_is_outside_stays(boxes):
    segments = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 2, HEIGHT, WIDTH).contiguous()
    mixed = mix(segments, "cutmix", 1.0, "sample", Draws(1), 0)
    for i, (top, bottom, left, right) in enumerate(np.stack(cutmix_box(*boxes[-1]), 1).astype(int)):
        expected = torch.full((HEIGHT, WIDTH), float(i))
        expected[top:bottom, left:right] = 5 - i
        assert torch.equal(mixed[i], expected.expand(2, -1, -1))


@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_every_draw_of_mixup_follows_its_law_and_no_other_draw(alpha):
    segments = torch.zeros(MANY, 1, 1, 1)
    segments[: MANY // 2] = 1  # the first half is mixed with zeros, so it shows its shares

    def columns(seed, step):
        return {"share": mix(segments, "mixup", alpha, "sample", Draws(seed), step)[: MANY // 2].flatten().numpy()}

    check_draws(columns, {"share": stats.beta(alpha, alpha)})


def test_one_share_per_batch_is_the_same_for_all():
    segments = torch.cat([torch.ones(4, 1, 2, 2), torch.zeros(4, 1, 2, 2)])
    for step in range(3):
        mixed = mix(segments, "mixup", 1.0, "batch", Draws(0), step)
        share = float(Draws(0).beta(step, "share", 1, 1.0, 1.0)[0])
        assert torch.allclose(mixed[:4], torch.tensor(share)) and torch.allclose(mixed[4:], torch.tensor(1 - share))


@pytest.mark.parametrize("per", ["batch", "sample"])
@pytest.mark.parametrize("kind", ["none", "mixup", "cutmix"])
def test_kinds_are_known_by_their_names(kind, per):
    segments = torch.randn(4, 1, 6, 6)
    expected = mix(segments, kind, 1.0, per, Draws(0), 1)
    assert torch.equal(mix(segments, as_read(kind), 1.0, as_read(per), Draws(0), 1), expected)
    assert torch.equal(expected, segments) == (kind == "none")


def test_permuted_partners_are_drawn_apart_from_boxes_anew_at_each_step_and_on_each_rank():
    segments = torch.arange(float(MANY)).reshape(MANY, 1, 1, 1)

    def order(seed, step, rank=0):
        mixed = mix(
            segments, "mixup", 1.0, "sample", Draws(seed), step, partner=as_read("permuted"), rank=rank, world_size=2
        )  # fmt: skip
        share = torch.tensor(Draws(seed).beta(step, "share", 2 * MANY, 1.0, 1.0)[rank_slice(2 * MANY, rank, 2)])
        own = segments.flatten().double()
        partner = (mixed.flatten().double() - share * own) / (1 - share)
        sure = share < 0.9
        return torch.where(sure, partner, torch.full_like(own, -1)).round().numpy()

    found = {(seed, step, rank): order(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}
    for one, other in combinations(found, 2):
        both = (found[one] >= 0) & (found[other] >= 0)
        assert_independent((one, other), found[one][both], found[other][both])
    first = found[0, 0, 0]
    known = first[first >= 0]
    assert len(np.unique(known)) > 0.98 * len(known), "a permutation, but for rounding"
    assert_independent("own and partner", first[first >= 0], np.arange(MANY)[first >= 0])
