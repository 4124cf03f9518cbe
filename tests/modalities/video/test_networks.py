"""Networks for clips: logits of the right shape at every size, sensitive to the order of the frames."""

import hashlib

import pytest
import torch
from torch import hub, nn

from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.video.networks import NETWORKS, build_network
from modalities.video.policies import VideoView

ZOO = "7c1510507e192fcc3daa7f2ba32ece8e9286905ebf28c075082ceb152b272349"  # of the whole file, in order


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(autouse=True)
def _same_weights():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("name", ["x3d-xs", "x3d-w1-d1", "r2plus1d-4", "early-8"])
@pytest.mark.parametrize(("frames", "pixels"), [(4, 24), (4, 50), (8, 32)])
def test_a_network_answers_with_one_logit_per_class_at_small_and_odd_sizes(name, frames, pixels):
    view = VideoView(frames=frames, size=pixels, resize=pixels)
    logits = build_network(name, view, 7)(torch.randn(2, *view.shape))
    assert logits.shape == (2, 7)
    assert logits.min() < 0 or logits.sum(1).sub(1).abs().max() > 0.1  # no softmax in the head


def test_x3d_xs_has_the_published_number_of_parameters():
    # Feichtenhofer 2020, table 4
    assert size(build_network("x3d-xs", VideoView(), 400)) == pytest.approx(
        3.76e6, rel=0.02
    )  # Feichtenhofer 2020, table 4


def test_x3d_is_named_by_its_factors():
    view = VideoView(size=32, resize=32)
    assert size(build_network("x3d-w2-d2.2", view, 10)) == size(build_network("x3d-xs", view, 10))
    assert size(build_network("x3d-w3-d2.2", view, 10)) > size(build_network("x3d-xs", view, 10))
    assert size(build_network("x3d-w2-d3", view, 10)) > size(build_network("x3d-xs", view, 10))


def test_x3d_has_no_dropout_and_repeats_itself_in_training():
    network = build_network("x3d-w1-d1", VideoView(size=32, resize=32), 5).train()
    clip = torch.randn(2, 3, 4, 32, 32)
    assert torch.equal(network(clip), network(clip))


@pytest.mark.parametrize("name", ["x3d-w1-d1", "r2plus1d-4", "early-8"])
def test_the_order_of_frames_changes_the_answer(name):
    network = build_network(name, VideoView(size=32, resize=32), 5)
    clip = torch.randn(4, 3, 4, 32, 32)
    assert (network(clip) - network(clip.flip(2))).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["r2plus1d-4", "early-8"])
def test_a_small_network_learns_which_way_things_move(name):
    view = VideoView(size=16, resize=16)
    network = build_network(name, view, 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    ground = torch.randn(512, 3, 16, 64)
    label = torch.arange(512) % 2

    def pan(wide, way):
        return torch.stack([wide[:, :, 24 + 3 * way * t : 40 + 3 * way * t] for t in range(4)], 1)

    clips = torch.stack([pan(wide, way) for wide, way in zip(ground, (2 * label - 1).tolist(), strict=True)])
    for step in range(90):
        part = slice(32 * (step % 12), 32 * (step % 12) + 32)
        loss = nn.functional.cross_entropy(network(clips[part]), label[part])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    held_out = network.eval()(clips[384:]).argmax(1) == label[384:]
    assert held_out.float().mean() > 0.8


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownName, match="there is no video network named 'x3d-xl'; did you mean x3d-xs"):
        build_network("x3d-xl", VideoView(), 5)


def test_pretrained_weights_come_from_the_cache_and_get_a_new_last_layer(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_hub_dir", str(tmp_path))
    stored = build_network("x3d-xs", VideoView(), 400)
    (tmp_path / "checkpoints").mkdir()
    torch.save({"model_state": stored.state_dict()}, tmp_path / "checkpoints" / "X3D_XS.pyth")
    loaded = build_network("x3d-xs:pretrained", VideoView(size=64, resize=64), 9)  # another size: it is fine-tuned
    ours, theirs = loaded.state_dict(), stored.state_dict()
    different = {name for name in theirs if not torch.equal(ours[name], theirs[name])}
    assert different == {"blocks.5.proj.weight", "blocks.5.proj.bias"}
    assert loaded(torch.randn(1, 3, 4, 64, 64)).shape == (1, 9)
    whole = build_network("x3d-xs:pretrained", VideoView(), 400)
    assert whole.labels == registry.target("kinetics400").info.classes
    assert not hasattr(loaded, "labels")


@pytest.mark.parametrize(
    ("change", "classes", "remedy"),
    [
        ({"size": 112, "resize": 128}, 400, "view.size=112; set view.size=160"),
        ({"frames": 8}, 400, "view.frames=8; set view.frames=4"),
        ({"mean": (0.5, 0.5, 0.5)}, 9, r"set 'view.mean=\[0.45, 0.45, 0.45\]'"),
        ({"std": (0.2, 0.2, 0.2)}, 400, r"set 'view.std=\[0.225, 0.225, 0.225\]'"),
    ],
)
def test_clips_that_pretrained_weights_never_saw_are_refused(change, classes, remedy):
    with pytest.raises(BadInput, match=remedy):
        build_network("x3d-xs:pretrained", VideoView(**change), classes)


def test_the_model_zoo_orders_the_classes_as_the_adapter_does():
    # From the kinetics_classnames.json of the zoo, among them what other orders exchange: sorted folder names swap the
    # two kinds of skiing, and capitals sort first in some.
    zoo = {
        "abseiling": 0, "air drumming": 1, "clay pottery making": 58, "marching": 192, "massaging person's head": 196,
        "parkour": 207, "passing American football (in game)": 208, "passing American football (not in game)": 209,
        "petting animal (not cat)": 212, "punching bag": 258, "punching person (boxing)": 259,
        "shooting goal (soccer)": 297, "ski jumping": 307, "skiing (not slalom or crosscountry)": 308,
        "skiing crosscountry": 309, "skiing slalom": 310, "tai chi": 346, "tying knot (not on a tie)": 369,
        "using remote controller (not gaming)": 374, "zumba": 399,
    }  # fmt: skip
    classes = registry.target("kinetics400").info.classes
    assert {name: classes.index(name) for name in zoo} == zoo
    in_order = "\n".join(f"{name} {number}" for number, name in enumerate(classes))
    assert hashlib.sha256(in_order.encode()).hexdigest() == ZOO


def test_without_a_network_pretrained_weights_say_where_to_put_them(tmp_path, monkeypatch):
    from urllib.error import URLError

    monkeypatch.setattr(hub, "_hub_dir", str(tmp_path))

    def offline(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(hub, "download_url_to_file", offline)
    with pytest.raises(BadInput, match=r"download https://\S+X3D_XS\.pyth .* and put it into .*checkpoints"):
        build_network("x3d-xs:pretrained", VideoView(), 400)


def test_every_listed_name_has_a_description():
    assert all(name and text for name, text in NETWORKS.items())
