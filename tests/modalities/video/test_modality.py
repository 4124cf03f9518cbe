"""The video modality as the harness sees it: options, sources, items on their way into a network, preview."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from modalities.base import Draws
from modalities.errors import BadInput
from modalities.registry import modality
from modalities.video.policies import VideoPolicy, VideoView
from modalities.video.standins import write_video

VIDEO = modality("video")
CPU = torch.device("cpu")
VIEW = VideoView(size=24, resize=32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def test_naming_things_imports_no_heavy_library():
    script = (
        "import sys; from modalities.registry import modality, target; m = modality('video'); target('ucf101');"
        "m.sources(), m.policies(), m.networks();"
        "heavy = {'torch', 'torchvision', 'av', 'pytorchvideo', 'skimage', 'matplotlib'}; print(heavy & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize("kind", [VideoView, VideoPolicy])
def test_options_survive_a_typed_configuration(kind):
    assert OmegaConf.to_object(OmegaConf.structured(kind())) == kind()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: VideoView(frames=0), "view.frames is 0; give a number above 0"),
        (lambda: VideoView(size=64, resize=32), "view.resize is 32, below view.size 64"),
        (lambda: VideoPolicy(motion=1.5), "policy.motion is 1.5; give a number from 0 to 1"),
        (lambda: VideoPolicy(crop=0.0), "policy.crop is 0.0"),
        (lambda: VideoPolicy(area_low=0.5, area_high=0.1), "give 0 < area_low <= area_high <= 1"),
        (lambda: VideoPolicy(aspect=0.75), "policy.aspect is 0.75; give a number of 1 or more"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(make, said):
    with pytest.raises(BadInput) as raised:
        make()
    assert said in str(raised.value)


def test_the_named_policies_carry_their_names():
    assert {"published", "geometry", "static"} <= set(VIDEO.policies())
    assert all(policy.name == name for name, policy in VIDEO.policies().items())


def test_a_picture_and_a_clip_are_both_sources_by_path(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
    Image.fromarray(frames[0]).save(tmp_path / "picture.png")
    write_video(tmp_path / "clip.avi", frames)
    still = VIDEO.load_source(str(tmp_path / "picture.png"), VIEW, CPU)
    clip = VIDEO.load_source(str(tmp_path / "clip.avi"), VIEW, CPU)
    assert not still.moves and still.ref.name == "picture.png"
    assert clip.moves and clip.ref.name == "clip.avi" and clip.seconds == pytest.approx(0.5)
    assert still.ref.sha256 != clip.ref.sha256
    for source in (still, clip):
        stream = VIDEO.stream(source, VIEW, VIDEO.policies()["published"], batch_size=4, seed=0, device=CPU)
        assert stream.batch(0).shape == (4, *VIEW.shape)


def test_a_large_clip_is_thinned_out_evenly(tmp_path, monkeypatch):
    from modalities.video import source

    bars = np.zeros((12, 48, 64, 3), np.uint8)
    bars[:, :, ::2] = 200
    write_video(tmp_path / "clip.avi", bars)
    monkeypatch.setattr(source, "SHORT_SIDE", 24)
    monkeypatch.setattr(source, "MAX_PIXELS", 24 * 32 * 4)
    loaded = source.load_source(str(tmp_path / "clip.avi"), VIEW, CPU)
    assert (loaded.atlas.height, loaded.atlas.width) == (24, 32)
    assert loaded.times == pytest.approx([0, 0.3, 0.6, 0.9])


@pytest.mark.parametrize("content", [b"", b"no clip at all"])
def test_a_file_that_is_no_clip_is_named(tmp_path, content):
    (tmp_path / "datum.mp4").write_bytes(content)
    with pytest.raises(BadInput, match=r"datum\.mp4 cannot be decoded as a video"):
        VIDEO.load_source(str(tmp_path / "datum.mp4"), VIEW, CPU)


def test_a_clip_of_one_frame_is_refused_with_the_remedy(tmp_path):
    write_video(tmp_path / "one.avi", np.zeros((1, 48, 64, 3), np.uint8))
    with pytest.raises(BadInput, match=r"one\.avi holds a single frame; give a clip of at least two"):
        VIDEO.load_source(str(tmp_path / "one.avi"), VIEW, CPU)


def test_a_source_that_is_not_there_is_named():
    with pytest.raises(BadInput, match="missing"):
        VIDEO.source_ref("missing.mp4")


def raw_items(count=6, side=32):
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (count, 3, 4, side, side), dtype=np.uint8))


def test_a_prepared_item_is_its_normalised_centre():
    raw = raw_items()
    prepared = VIDEO.prepare(raw, VIEW)
    assert prepared.dtype == torch.float32
    expected = (raw.numpy()[..., 4:28, 4:28] / 255 - 0.5) / 0.25
    assert np.allclose(prepared.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("flip", [True, False])
def test_an_augmented_item_is_one_window_of_all_its_frames_mirrored_only_where_labels_allow_it(flip):
    view = VideoView(size=24, resize=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), flip=flip)
    raw = raw_items(24)
    changed = VIDEO.augment(raw, view, Draws(0), 3)
    mirrored, places = [], set()
    for before, after in zip(raw.float() / 255, changed, strict=True):
        windows = before.unfold(2, 24, 1).unfold(3, 24, 1)  # (3, T, 9, 9, 24, 24)
        for which, candidate in ((False, after), (True, after.flip(-1))):
            same = (windows - candidate[:, :, None, None]).abs().amax(dim=(0, 1, 4, 5)) < 1e-6
            for place in same.nonzero().tolist():
                mirrored.append(which)
                places.add(tuple(place))
    assert len(mirrored) == 24 and len(places) > 10
    assert any(mirrored) == flip and not all(mirrored)
    assert torch.equal(changed, VIDEO.augment(raw, view, Draws(0), 3))
    assert not torch.equal(changed, VIDEO.augment(raw, view, Draws(0), 4))


def test_a_preview_shows_the_datum_and_eight_strips(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "clip.avi", frames)
    source = VIDEO.load_source(str(tmp_path / "clip.avi"), VIEW, CPU)
    path = tmp_path / "new" / "preview.png"
    VIDEO.preview(source, VIEW, VIDEO.policies()["published"], seed=0, path=path)
    with Image.open(path) as picture:
        assert picture.height > 2 * picture.width  # eight strips of four squares below the datum
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 1000
    again = tmp_path / "again.png"
    VIDEO.preview(source, VIEW, VIDEO.policies()["published"], seed=0, path=again)
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(again)))
