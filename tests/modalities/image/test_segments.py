"""Segments: faithful to the published chain, random-access, shared by ranks, one affine map each."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from modalities.compute.draws import Draws
from modalities.image import MODALITY, colour, geometry, source
from modalities.image.policies import POLICIES, ImagePolicy, ImageView
from modalities.image.reference import published_chain, published_geometry
from modalities.image.segments import on_cpu, resample

CPU = torch.device("cpu")
PLAIN = ImageView(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def stream(picture, policy="published", view=PLAIN, **options):
    policy = POLICIES[policy] if isinstance(policy, str) else policy
    return MODALITY.stream(picture, view, policy, **{"batch_size": 16, "seed": 3, "device": CPU, **options})


def compiled(picture, affine, size):
    """The pixels that the CPU's kernel cuts out, colours left as they are."""
    n = len(affine)
    eye, none = np.tile(np.eye(3), (n, 1, 1)), np.zeros(n)
    still = colour.Colour(eye, np.zeros((n, 3, 3)), none.astype(bool), none)
    return on_cpu(picture, affine, size, still, np.zeros(3), np.ones(3))


backends = pytest.mark.parametrize(
    ("cut", "tolerance"), [(resample, 1e-4), (compiled, 1 / 64)], ids=["grid_sample", "kernel"]
)


def one(**values):
    """The geometry of one sample that takes the box 10, 20, 90 × 90 and changes nothing else."""
    plain = {
        "box": np.array([[10.0, 20.0, 90.0, 90.0]]), "angle": np.zeros(1), "shear": np.zeros(1),
        "recrop": np.array([[0.0, 0.0, 1.0, 1.0]]), "flip": np.array([False]), "shift": np.zeros((1, 2)),
    }  # fmt: skip
    return geometry.Geometry(**{**plain, **values})


@backends
@pytest.mark.parametrize(
    ("name", "size", "samples"), [("deadleaves", 32, 60), ("deadleaves", 96, 40), ("china", 32, 40)]
)
def test_geometry_agrees_with_pil_and_torchvision(name, size, samples, cut, tolerance, request):
    picture = request.getfixturevalue(name)
    original = Image.fromarray(source.read(name))
    place = geometry.draw(Draws(1), 0, samples, picture.width, picture.height, size, POLICIES["geometry"])
    ours = cut(picture, place.affine(size), size).numpy()
    psnr = []
    for i in range(samples):
        reference, inside = published_geometry(original, place, i, size)
        error = ours[i] - np.asarray(reference).transpose(2, 0, 1) / 255
        psnr.append(-10 * math.log10(np.mean(error[:, inside] ** 2)))
    assert np.mean(psnr) >= 30, np.mean(psnr)
    assert np.min(psnr) >= 27, np.min(psnr)


def test_the_reference_chain_gives_segments_of_the_same_colours_as_ours(deadleaves):
    torch.manual_seed(0)
    chain = published_chain(PLAIN, replace(POLICIES["published"], shift=0.0), 1440)
    original = Image.fromarray(source.read("deadleaves"))
    theirs = torch.stack([chain(original)[:, 12:20, 12:20] for _ in range(100)])
    ours = stream(deadleaves, replace(POLICIES["published"], shift=0.0), batch_size=400).batch(0)[:, :, 12:20, 12:20]
    assert abs(theirs.mean() - ours.mean()) < 0.04
    assert abs(theirs.std() - ours.std()) < 0.04


@backends
def test_a_box_without_turns_is_a_plain_antialiased_resize(cut, tolerance, china):
    size, side = 32, geometry.canvas(32)
    ours = cut(china, one(box=np.array([[100.0, 50.0, 180.0, 180.0]])).affine(size), size)[0].numpy()
    whole = Image.fromarray(source.read("china")).resize((side, side), Image.Resampling.BICUBIC, (100, 50, 280, 230))
    first = round((side - size) / 2)
    expected = np.asarray(whole)[first : first + size, first : first + size].transpose(2, 0, 1) / 255
    assert np.sqrt(np.mean((ours - expected) ** 2)) < 0.03


@backends
def test_a_flip_mirrors_the_segment(cut, tolerance, china):
    affine = one().affine(32)
    mirrored = one(flip=np.array([True])).affine(32)
    torch.testing.assert_close(cut(china, mirrored, 32), cut(china, affine, 32).flip(3), atol=tolerance, rtol=0)


@backends
def test_a_shift_moves_the_segment_by_whole_pixels(cut, tolerance, china):
    affine = one().affine(32)
    moved = one(shift=np.array([[3.0, -2.0]])).affine(32)
    still, shifted = cut(china, affine, 32), cut(china, moved, 32)
    torch.testing.assert_close(shifted[:, :, :-2, 3:], still[:, :, 2:, :-3], atol=tolerance, rtol=0)


def test_the_second_crop_takes_its_share_of_the_patch():
    whole, half = one().affine(32)[0], one(recrop=np.array([[0.5, 0.25, 0.5, 0.5]])).affine(32)[0]
    corner = half @ [0, 0, 1]
    np.testing.assert_allclose(corner, whole @ [16, 8, 1])
    np.testing.assert_allclose(half @ [32, 32, 1], whole @ [32, 24, 1])


@backends
def test_outside_the_picture_the_picture_is_reflected(cut, tolerance, china):
    # A canvas pixel is a picture pixel here, so the left half of the segment lies beyond the left border.
    side, size = geometry.canvas(32), 32
    first = round((side - size) / 2)
    box = np.array([[-16.0 - first, 40.0, side, side]], dtype=float)
    segment = cut(china, one(box=box).affine(size), size)[0]
    torch.testing.assert_close(segment[:, :, :16], segment[:, :, 16:].flip(2), atol=tolerance, rtol=0)


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("size", [8, 33, 96])
def test_the_kernel_agrees_with_torch_on_whole_batches(china, policy, size):
    place, shade = stream(china, policy, replace(PLAIN, size=size), batch_size=24).parameters(5)
    soft = replace(shade, solarize=np.zeros(24, bool))  # a threshold would make much of a little
    mean, std, affine = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.25, 0.3]), place.affine(size)
    ours = on_cpu(china, affine, size, soft, mean, std)
    torchs = colour.apply(resample(china, affine, size), soft, mean, std)
    error = (ours - torchs) * torch.tensor(std)[:, None, None]
    assert error.abs().max() < 1 / 64
    assert error.square().mean().sqrt() < 1 / 512


def test_the_kernel_solarizes_and_blurs_as_torch_does(china):
    policy = replace(POLICIES["crop"], solarize=0.5, blur=0.5, blur_low=0.02, blur_high=0.05)
    place, shade = stream(china, policy, batch_size=64).parameters(0)
    assert 10 < shade.solarize.sum() < 54
    assert 10 < (shade.sigma > 0).sum() < 54
    affine, mean, std = place.affine(32), np.zeros(3), np.ones(3)
    ours = on_cpu(china, affine, 32, shade, mean, std)
    torchs = colour.apply(resample(china, affine, 32), shade, mean, std)
    # A value beside the threshold may fall on its other side; nearly all do not.
    assert ((ours - torchs).abs() < 1 / 64).float().mean() > 0.98


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32), width=st.integers(1, 40), height=st.integers(1, 40), scale=st.floats(0.05, 20),
    far=st.floats(0, 200), size=st.sampled_from([8, 13]),
)  # fmt: skip
def test_any_map_of_any_picture_is_sampled_as_the_reflected_picture_says(seed, width, height, scale, far, size):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = source.ImageSource(source.source_ref("china"), (pixels,), CPU)
    affine = rng.uniform(-scale, scale, (1, 2, 3))
    affine[:, :, 2] = rng.uniform(-far, far, (1, 2))
    ours = compiled(picture, affine, size)[0].numpy()
    # Bilinear interpolation in the picture and its mirror images, worked out pixel by pixel.
    at = np.arange(size) + 0.5
    x, y = np.einsum("ij,jyx->iyx", affine[0], np.stack([*np.meshgrid(at, at), np.ones((size, size))])) - 0.5

    def reflected(place, length):
        return np.minimum(place % (2 * length), 2 * length - 1 - place % (2 * length))

    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    expected = 0
    for across, down, weight in (
        (0, 0, (1 - x + left) * (1 - y + top)), (1, 0, (x - left) * (1 - y + top)),
        (0, 1, (1 - x + left) * (y - top)), (1, 1, (x - left) * (y - top)),
    ):  # fmt: skip
        corner = pixels[reflected(top + down, height), reflected(left + across, width)] / 255
        expected = expected + weight[..., None] * corner
    np.testing.assert_allclose(ours, expected.transpose(2, 0, 1), atol=1 / 64)


def test_the_number_of_threads_changes_nothing(china):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = stream(china, batch_size=18).batch(1)
        torch.set_num_threads(4)
        assert torch.equal(stream(china, batch_size=18).batch(1), alone)
    finally:
        torch.set_num_threads(before)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32), width=st.integers(1, 3000), height=st.integers(1, 3000))
def test_boxes_lie_in_the_picture_and_obey_the_policy(seed, width, height):
    policy = ImagePolicy(initial_crop=0.5, area_low=0.1, area_high=0.6)
    box = geometry.draw(Draws(seed), 0, 32, width, height, 32, policy).box
    square = max(0.5 * min(width, height), 1)
    assert (box[:, :2] >= -1e-9).all()
    assert (box[:, 0] + box[:, 2] <= width + 1e-6).all()
    assert (box[:, 1] + box[:, 3] <= height + 1e-6).all()
    share, ratio = box[:, 2] * box[:, 3] / square**2, box[:, 2] / box[:, 3]
    assert (share > 0.0999).all()
    assert (share < 0.6001).all()
    assert (ratio < 4 / 3 + 1e-9).all()
    assert (ratio > 3 / 4 - 1e-9).all()


def test_boxes_are_distributed_as_torchvisions():
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    blank = torch.zeros(1, 1000, 1000)
    theirs = np.array([RandomResizedCrop.get_params(blank, [0.002, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]) / 1000
    ours = geometry.draw(Draws(0), 0, 4000, 1000, 1000, 32, replace(POLICIES["published"], initial_crop=1.0)).box / 1000
    for column_ours, column_theirs in ((0, 1), (1, 0), (2, 3), (3, 2)):
        quantiles = np.linspace(0.05, 0.95, 10)
        np.testing.assert_allclose(
            np.quantile(ours[:, column_ours], quantiles), np.quantile(theirs[:, column_theirs], quantiles), atol=0.035
        )


@pytest.mark.parametrize("policy", list(POLICIES))
def test_steps_can_be_rendered_in_any_order_and_again(china, policy):
    once = stream(china, policy)
    late = once.batch(7)
    once.batch(0)
    assert torch.equal(once.batch(7), late)
    assert torch.equal(stream(china, policy).batch(7), late)
    assert not torch.equal(once.batch(8), late)
    assert not torch.equal(stream(china, policy, seed=4).batch(7), late)


def test_no_global_generator_is_read_or_set(china):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    stream(china, "published-imagenet").batch(0)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize("policy", ["published", "published-imagenet"])
def test_the_ranks_together_render_what_one_process_renders(china, policy):
    from modalities.base import rank_slice

    whole = stream(china, policy).batch(5)
    for rank in range(4):
        share = stream(china, policy, rank=rank, world_size=4).batch(5)
        torch.testing.assert_close(share, whole[rank_slice(16, rank, 4)], atol=1e-5, rtol=0)


def test_changing_the_colour_leaves_the_geometry_alone(china):
    ours, other = stream(china), stream(china, replace(POLICIES["published"], jitter=0.0, grey=0.5))
    np.testing.assert_array_equal(ours.parameters(2)[0].affine(32), other.parameters(2)[0].affine(32))


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("size", [8, 32, 65])
def test_segments_are_finite_in_range_and_of_the_stated_shape(china, policy, size):
    ours = stream(china, policy, replace(PLAIN, size=size))
    batch = ours.batch(0)
    assert batch.shape == (16, *ours.shape)
    assert batch.dtype == torch.float32
    assert batch.min() >= 0
    assert batch.max() <= 1
    assert batch.std() > 0.05


@pytest.mark.parametrize("policy", ["published", "published-imagenet"])
def test_normalisation_comes_last(china, policy):
    view = ImageView()
    mean, std = torch.tensor(view.mean)[:, None, None], torch.tensor(view.std)[:, None, None]
    plain, ours = stream(china, policy).batch(0), stream(china, policy, view).batch(0)
    torch.testing.assert_close(ours, (plain - mean) / std, atol=1e-5, rtol=0)


def test_the_crop_policy_neither_turns_nor_colours(china):
    place, shade = stream(china, "crop").parameters(0)
    affine = place.affine(32)
    np.testing.assert_allclose(affine[:, 0, 1], 0)
    np.testing.assert_allclose(affine[:, 1, 0], 0)
    np.testing.assert_allclose(shade.matrix, np.broadcast_to(np.eye(3), (16, 3, 3)))


def test_a_published_shift_of_cifar_is_zero_padding_and_a_crop(china):
    # The same patches without a shift, padded by 4 black pixels and cropped; colours are left out, since a jitter's
    # contrast sees the shifted patch.
    view = replace(ImageView(), size=32)
    policy = replace(POLICIES["published-cifar"], jitter=0.0)
    shifted, still = (stream(china, replace(policy, shift=shift), view) for shift in (0.125, 0.0))
    black = [-mean / std for mean, std in zip(view.mean, view.std, strict=True)]
    corners = set()
    for step in range(4):
        place, _ = shifted.parameters(step)
        for segment, patch, (x, y) in zip(shifted.batch(step), still.batch(step), place.shift.astype(int), strict=True):
            padded = torch.tensor(black)[:, None, None].repeat(1, 40, 40)
            padded[:, 4:36, 4:36] = patch
            torch.testing.assert_close(segment, padded[:, 4 - y : 36 - y, 4 - x : 36 - x], atol=0.15, rtol=0)
            corners.add((x, y))
    assert min(map(min, corners)) < -2 and max(map(max, corners)) > 2


def test_other_policies_show_more_of_the_source_where_they_shift(china):
    as_read = "".join(["sou", "rce"])  # a text of its own, as a file gives it
    filled = stream(china, replace(POLICIES["published"], jitter=0.0, shift_fill=as_read)).batch(0)
    black = stream(china, replace(POLICIES["published-cifar"], jitter=0.0)).batch(0)
    assert (black == 0).all(1).float().mean() > (filled == 0).all(1).float().mean() + 0.05
    kept = (black != 0).any(1, keepdim=True).expand_as(black)
    assert torch.equal(black[kept], filled[kept])


def test_a_policy_outside_its_range_is_refused():
    from modalities.errors import BadInput

    with pytest.raises(BadInput, match=r"policy\.flip is 1\.5"):
        ImagePolicy(flip=1.5)


def test_preview_draws_the_picture_and_64_segments(china, tmp_path):
    MODALITY.preview(china, ImageView(), POLICIES["published"], seed=0, path=tmp_path / "new" / "p.png")
    sheet = np.asarray(Image.open(tmp_path / "new" / "p.png"))
    assert sheet.shape == (30 + 640 + 16 + 7 * 80, round(640 * 640 / 427) + 8 + 640, 3)
    tile = sheet[30:108, -640:-562].astype(float)
    segment = stream(china, batch_size=64, seed=0).batch(0)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(np.asarray(Image.fromarray(tile.astype(np.uint8)).resize((32, 32))) - segment).mean() < 20
