"""What the endless clips of one datum are: compared with PIL, with hand-worked boxes and with laws of randomness."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.base import SegmentStream, SourceRef
from modalities.compute.draws import rank_slice
from modalities.errors import BadInput
from modalities.image import source as pictures
from modalities.video import MODALITY
from modalities.video.atlas import build_atlas
from modalities.video.policies import POLICIES, VideoPolicy, VideoView
from modalities.video.reference import camera_path, clip_of_a_picture
from modalities.video.segments import VideoStream
from modalities.video.source import VideoSource

CPU = torch.device("cpu")
VIEW = VideoView(size=32, resize=36, frames=5, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
PLAIN = replace(POLICIES["geometry"], flip=0.0)


def still(pixels):
    return VideoSource(SourceRef("picture", "0", "for a test"), build_atlas(pixels[None], CPU), np.zeros(1))


@pytest.fixture(scope="module")
def photograph():
    return pictures.read("china")


@pytest.fixture(scope="module")
def datum(photograph):
    return still(photograph)


def film(count=40, rate=10.0):
    """A clip whose frame n is grey of value 5 n everywhere."""
    frames = np.broadcast_to((np.arange(count) * 5).astype(np.uint8)[:, None, None, None], (count, 48, 64, 3))
    return VideoSource(SourceRef("film", "0", "for a test"), build_atlas(frames, CPU), np.arange(count) / rate)


def stream(source, policy=PLAIN, view=VIEW, batch_size=8, seed=3, **ranks):
    return VideoStream(
        source, view, policy, batch_size=batch_size, seed=seed, device=source.atlas.texture.device, **ranks
    )


def psnr(ours, theirs):
    """Decibels between (…) values of 0 … 1 and uint8."""
    return -10 * np.log10(np.mean((ours - theirs / 255.0) ** 2))


def pictures_of(clip):
    """(3, T, H, W) tensor to (T, H, W, 3) array."""
    return clip.permute(1, 2, 3, 0).numpy()


def test_first_and_last_frames_are_pil_crops_of_the_first_and_last_box(photograph, datum):
    segments = stream(datum, batch_size=32)
    drawn, clips = segments.parameters(0), segments.batch(0)
    first, last = [], []
    for i in range(32):
        by_hand = camera_path(photograph, drawn.first[i], drawn.last[i], 2, 32)
        ours = pictures_of(clips[i])
        first.append(psnr(ours[0], by_hand[0]))
        last.append(psnr(ours[-1], by_hand[1]))
    assert np.mean(first) > 34 and np.mean(last) > 34
    assert min(first + last) > 27


def test_frames_between_lie_on_the_straight_line_between_the_boxes(photograph, datum):
    segments = stream(datum, batch_size=16)
    drawn, clips = segments.parameters(1), segments.batch(1)
    for i in range(16):
        left, top, width, height = 0.25 * drawn.first[i] + 0.75 * drawn.last[i]  # frame 3 of 0 … 4
        box = np.array([left, top, width, height])
        assert psnr(pictures_of(clips[i])[3], camera_path(photograph, box, box, 1, 32)[0]) > 27


def test_a_box_of_the_output_size_on_whole_pixels_is_copied_exactly(photograph, datum):
    cut = datum.atlas.cut(torch.zeros(1, dtype=torch.long), torch.tensor([[40.0, 100.0, 32.0, 32.0]]), 32)
    expected = photograph[100:132, 40:72] / 255.0
    assert np.abs(cut[0].permute(1, 2, 0).numpy() - expected).max() < 2e-3


def test_a_mirrored_box_is_the_box_read_backwards(datum):
    boxes = torch.tensor([[10.5, 20.25, 77.0, 60.0], [3.0, 4.0, 20.0, 25.0]])
    which = torch.zeros(2, dtype=torch.long)
    plain = datum.atlas.cut(which, boxes, 24)
    mirrored = datum.atlas.cut(which, boxes, 24, flip=torch.tensor([True, False]))
    assert torch.allclose(mirrored[0], plain[0].flip(-1), atol=1e-4)
    assert torch.equal(mirrored[1], plain[1])


@pytest.fixture(scope="module")
def ramp():
    return build_atlas(np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (1, 190, 256, 3)), CPU)


@settings(max_examples=40, deadline=None)
@given(left=st.floats(0, 150), top=st.floats(0, 100), width=st.floats(2, 100), height=st.floats(2, 80))
def test_a_linear_ramp_keeps_its_values_whatever_the_box(ramp, left, top, width, height):
    # Reduction and interpolation keep a linear function, so pixel k of n shows the ramp at left + (k + ½) width / n.
    cut = ramp.cut(torch.zeros(1, dtype=torch.long), torch.tensor([[left, top, width, height]]), 8)[0, 0] * 255
    expected = left + (np.arange(8) + 0.5) * width / 8 - 0.5
    inside = (expected > 24) & (expected < 231)  # the border, repeated, is no longer linear
    # Levels hold whole grey levels and whole numbers of pixels, hence the tolerance.
    assert np.abs(cut.numpy() - expected)[:, inside].max(initial=0) < 0.75


def test_the_pictures_of_an_atlas_do_not_leak_into_each_other():
    source = film(4)
    corner = torch.tensor([[0.0, 0.0, 4.0, 4.0], [60.0, 44.0, 4.0, 4.0], [0.0, 0.0, 64.0, 48.0]])
    for number in range(4):
        cut = source.atlas.cut(torch.full((3,), number), corner, 8)
        assert torch.allclose(cut, torch.full_like(cut, number * 5 / 255), atol=1e-5)


def test_one_change_of_colour_is_shared_by_all_frames_of_a_clip(photograph):
    pale = still((photograph * 0.4 + 76).astype(np.uint8))  # far from black and white, so that nothing is clipped
    strong = VideoPolicy("jitter", flip=0.0, jitter=1.0, brightness=0.2, contrast=0.2, saturation=0.3, hue=0.1)
    plain = stream(pale, replace(strong, jitter=0.0)).batch(0)
    changed = stream(pale, strong).batch(0)
    maps = []
    for before, after in zip(plain, changed, strict=True):
        fitted = []
        for frames in (slice(0, 2), slice(3, 5)):  # the same affine map of colours, fitted to both ends of a clip
            source = before[:, frames].reshape(3, -1)
            design = torch.cat([source, torch.ones(1, source.shape[1])]).T.double()
            target = after[:, frames].reshape(3, -1).T.double()
            solution = torch.linalg.lstsq(design, target).solution
            assert torch.allclose(design @ solution, target, atol=1e-4)
            fitted.append(solution)
        assert torch.allclose(*fitted, atol=2e-2)
        maps.append(fitted[0])
    assert all((maps[0] - other).abs().max() > 0.01 for other in maps[1:])  # and it differs between clips


@pytest.mark.parametrize("source", ["still", "film", "pixel"])
@pytest.mark.parametrize("size", [7, 32, 50])
def test_the_kernel_of_the_cpu_and_torch_agree(datum, source, size, monkeypatch):
    one = still(np.full((1, 1, 3), 80, np.uint8))
    given_ = {"still": datum, "film": film(), "pixel": one}[source]
    segments = stream(given_, POLICIES["published"], replace(VIEW, size=size, resize=size), batch_size=32)
    compiled = segments.batch(0)
    monkeypatch.setattr(segments, "_kernel", False)
    plain = segments.batch(0)
    # grid_sample knows a place to a few thousandths of a pixel, the kernel knows it exactly.
    assert (compiled - plain).abs().max() < 6e-3 and (compiled - plain).abs().mean() < 2e-4


def test_clips_do_not_depend_on_the_number_of_threads(datum):
    before, segments = torch.get_num_threads(), stream(datum, POLICIES["published"])
    try:
        clips = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            clips.append(segments.batch(0))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*clips)


def test_the_static_policy_shows_one_picture_in_all_frames(datum):
    clips = stream(datum, POLICIES["static"]).batch(0)
    assert torch.equal(clips, clips[:, :, :1].expand_as(clips))
    assert not torch.allclose(clips[0], clips[1])


def test_motion_scales_the_way_from_the_first_box_to_the_last(datum):
    whole, half = (stream(datum, replace(PLAIN, motion=motion)).parameters(0) for motion in (1.0, 0.5))
    assert np.array_equal(whole.first, half.first)
    assert np.allclose(half.last - half.first, (whole.last - whole.first) / 2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), step=st.integers(0, 10**6))
def test_every_box_lies_in_one_square_crop_and_keeps_the_published_ranges(datum, seed, step):
    drawn = stream(datum, POLICIES["published"], seed=seed).parameters(step)
    side = 427 / 2
    for boxes in (drawn.first, drawn.last):
        left, top, width, height = boxes.T
        assert (left >= 0).all() and (top >= 0).all()
        assert (left + width <= 640 + 1e-9).all() and (top + height <= 427 + 1e-9).all()
        assert (width <= side + 1e-9).all() and (height <= side + 1e-9).all()
        assert (width * height >= side**2 / 500 * 0.74).all()  # clipped to the crop, at most a quarter is lost
    reach = np.maximum(drawn.first[:, :2] + drawn.first[:, 2:], drawn.last[:, :2] + drawn.last[:, 2:])
    assert (reach - np.minimum(drawn.first[:, :2], drawn.last[:, :2]) <= side + 1e-9).all()


def test_a_step_is_the_same_whenever_and_however_often_it_is_asked_for(datum):
    one, other = (stream(datum, POLICIES["published"]) for _ in range(2))
    expected = [one.batch(step) for step in range(3)]
    assert torch.equal(other.batch(2), expected[2])
    assert torch.equal(other.batch(0), expected[0])
    assert not torch.equal(expected[0], expected[1])
    assert not torch.equal(stream(datum, POLICIES["published"], seed=4).batch(0), expected[0])


@pytest.mark.parametrize("source", ["still", "film"])
@pytest.mark.parametrize("ranks", [2, 4])
def test_the_ranks_together_render_what_one_process_renders(datum, source, ranks):
    given_ = datum if source == "still" else film()
    whole = stream(given_, POLICIES["published"]).batch(5)
    for rank in range(ranks):
        share = stream(given_, POLICIES["published"], rank=rank, world_size=ranks).batch(5)
        assert torch.allclose(share, whole[rank_slice(8, rank, ranks)], atol=1e-6)


def test_a_policy_that_never_changes_colours_cuts_the_same_boxes(datum):
    assert np.array_equal(
        stream(datum, POLICIES["published"]).parameters(2).first,
        stream(datum, POLICIES["geometry"]).parameters(2).first,
    )


def test_segments_have_the_views_shape_and_normalisation(datum):
    normalised = replace(VIEW, mean=(0.5, 0.25, 0.1), std=(0.5, 0.2, 0.4))
    plain, scaled = stream(datum).batch(0), stream(datum, view=normalised).batch(0)
    assert isinstance(stream(datum), SegmentStream)
    assert plain.shape == (8, *VIEW.shape) and plain.dtype == torch.float32
    assert plain.min() >= 0 and plain.max() <= 1
    mean, std = torch.tensor([0.5, 0.25, 0.1]).view(3, 1, 1, 1), torch.tensor([0.5, 0.2, 0.4]).view(3, 1, 1, 1)
    assert torch.allclose(scaled, (plain - mean) / std, atol=1e-5)


def test_the_frames_of_a_film_come_in_order_from_the_drawn_moments():
    segments = stream(film(), batch_size=16)
    drawn, clips = segments.parameters(0), segments.batch(0)
    for i in range(16):
        moments = drawn.start[i] + np.linspace(0, 1, 5) * drawn.span[i]
        assert moments[0] >= 0 and moments[-1] <= 3.9 + 1e-9
        assert 0.5 * 1.6 <= drawn.span[i] <= 1.5 * 1.6
        assert np.array_equal(drawn.first[i], drawn.last[i])  # time runs, the camera stands
        shown = clips[i, 0, :, 0, 0].numpy() * 51
        assert np.abs(shown - moments * 10).max() <= 0.5 + 1e-3  # the nearest frame: 0.1 s apart, values 5 apart
        assert (np.diff(shown) > 0).all()


def test_a_film_shorter_than_the_span_is_shown_from_end_to_end():
    drawn = stream(film(6)).parameters(0)
    assert np.allclose(drawn.start, 0) and np.allclose(drawn.span, 0.5)


def test_a_film_under_the_static_policy_stands_still():
    clips = stream(film(), POLICIES["static"]).batch(0)
    assert torch.equal(clips, clips[:, :, :1].expand_as(clips))


def test_the_reference_chain_keeps_its_frames_alike_when_both_boxes_are(photograph):
    box = np.array([100.0, 50.0, 80.0, 60.0])
    clip = camera_path(photograph, box, box, 3, 16)
    assert np.array_equal(clip[0], clip[1]) and np.array_equal(clip[1], clip[2])
    published = clip_of_a_picture(photograph, POLICIES["published"], np.random.default_rng(0), 4, 16)
    assert published.shape == (4, 16, 16, 3) and not np.array_equal(published[0], published[3])


def test_other_ways_to_make_clips_give_clips_like_ours(datum):
    view = VideoView(size=32, resize=36)
    ours = stream(datum, POLICIES["published"], view, batch_size=256).batch(0)
    ways = MODALITY.references("china", view, POLICIES["published"], torch.device("cpu"))
    assert [name.split()[0] for name, _, _ in ways] == ["published", "torchvision.transforms.v2,"]
    for _, count, call in ways:
        # A number decides a segment, up to what the encoder of the published chain rounds now so, now so.
        assert count == 1 and (call(3) - call(3)).abs().mean() < 0.1 and (call(3) - call(4)).abs().mean() > 0.2
        theirs = torch.stack([call(number) for number in range(60)])
        assert theirs.shape[1:] == ours.shape[1:] and theirs.dtype == ours.dtype
        assert abs(theirs.mean() - ours.mean()) < 0.25 and abs(theirs.std() - ours.std()) < 0.25
        change, expected = ((clips[:, :, 0] - clips[:, :, -1]).abs().mean() for clips in (theirs, ours))
        assert 0.8 < change / expected < 1.25, "the camera moves as far"


def test_a_film_has_no_other_ways(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"any")
    assert MODALITY.references(str(path), VIEW, PLAIN, torch.device("cpu")) == []


def test_boxes_that_are_drawn_again_are_those_of_a_random_resized_crop(datum):
    # No box is cut: its aspect is in range, as cut boxes' are not, and it lies in a square of half the shorter side.
    again = replace(PLAIN, redraw=True)
    drawn = stream(datum, again, batch_size=4000).parameters(0)
    crop = 0.5 * min(datum.atlas.width, datum.atlas.height)
    for box in (drawn.first, drawn.last):
        ratio = box[:, 2] / box[:, 3]
        assert ratio.min() > 3 / 4 - 1e-9 and ratio.max() < 4 / 3 + 1e-9
        assert box[:, 2:].max() <= crop
        assert (box[:, 2] * box[:, 3]).max() <= crop**2
        assert box[:, :2].min() >= 0
        assert (box[:, :2] + box[:, 2:] <= [datum.atlas.width, datum.atlas.height]).all()
    cut = stream(datum, batch_size=4000).parameters(0).first
    assert (cut[:, 2] / cut[:, 3]).max() > drawn.first[:, 2].max() / crop or (cut[:, 2:] == crop).any()
    # Both boxes of a clip lie in one square.
    span = np.maximum(*(box[:, :2] + box[:, 2:] for box in (drawn.first, drawn.last)))
    assert (span - np.minimum(drawn.first[:, :2], drawn.last[:, :2])).max() <= crop + 1e-6
    assert not np.array_equal(drawn.first, drawn.last)


def test_a_zoom_keeps_a_square_of_160_of_183_to_229_pixels_the_same_in_all_frames(datum):
    view = replace(VIEW, size=160, resize=160)
    policy = POLICIES["published-video"]
    plain = stream(datum, replace(policy, zoom_low=1.0, zoom_high=1.0), view, batch_size=3000).parameters(0)
    drawn = stream(datum, policy, view, batch_size=3000).parameters(0)
    parts = []
    for whole, part in ((plain.first, drawn.first), (plain.last, drawn.last)):
        share = part[:, 2:] / whole[:, 2:]
        assert np.allclose(share[:, 0], share[:, 1])
        side = 160 / share[:, 0]
        assert np.allclose(side, np.rint(side), atol=1e-6)
        assert set(np.rint(side).astype(int)) == set(range(183, 230))
        place = (part[:, :2] - whole[:, :2]) / whole[:, 2:] * side[:, None]  # in pixels of the enlarged frame
        assert np.allclose(place, np.rint(place), atol=1e-5)
        assert place.min() >= -1e-6 and (place <= side[:, None] - 160 + 1e-6).all()
        assert abs(np.corrcoef(place[:, 0] / (side - 160), place[:, 1] / (side - 160))[0, 1]) < 0.08
        parts.append(np.concatenate([share, place], 1))
    assert np.allclose(parts[0], parts[1], atol=1e-5)


def test_a_zoom_out_of_range_is_refused():
    with pytest.raises(BadInput, match=r"policy.zoom_low 1.4 and zoom_high 1.2 .* give 1 <= zoom_low <= zoom_high"):
        VideoPolicy(zoom_low=1.4, zoom_high=1.2)
