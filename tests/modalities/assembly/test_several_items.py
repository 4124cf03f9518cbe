"""Sources of several items: each segment is cut from one of them, as if that item were the source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from modalities import registry
from modalities.assembly import modality as assembly
from modalities.audio import logmel
from modalities.audio.policies import AudioView
from modalities.base import SourceRef, rank_slice
from modalities.errors import BadInput
from modalities.image import colour
from modalities.image.policies import ImageView
from modalities.image.segments import on_cpu, resample
from modalities.video.policies import VideoView

CPU = torch.device("cpu")
REF = SourceRef("several", "0", "for a test")
VIEWS: dict[str, Any] = {
    "image": ImageView(size=16), "audio": AudioView(rate=8_000, seconds=0.5), "video": VideoView(size=16, frames=4),
}  # fmt: skip
POLICIES = {
    "image": "published",
    "audio": "standard",
    "video": "published",
}
RAW = {"image": (3, 24, 20), "audio": (4_000,), "video": (3, 4, 20, 24)}
OFF_THE_KERNEL = {"image": 1 / 100, "audio": 3e-2, "video": 2e-3}


def item(modality: str, number: int, clips: int = 1) -> torch.Tensor:
    """Noise, coarse enough to be more than its mean after a crop."""
    numbers = np.random.default_rng(number)
    if modality == "audio":
        return torch.from_numpy(numbers.normal(0, 2_000, (clips, *RAW["audio"])).astype(np.int16))
    return torch.from_numpy(numbers.integers(0, 256, (clips, *RAW[modality]), dtype=np.uint8))


def policy(modality: str) -> Any:
    """Return a policy; recordings are not mixed, so that each segment shows one item."""
    found = registry.modality(modality).policies()[POLICIES[modality]]
    return replace(found, mix=0.0) if modality == "audio" else found


def source(modality: str, *items: torch.Tensor) -> Any:
    return registry.modality(modality).source_of_items(items, REF, VIEWS[modality], CPU)


def stream(modality: str, made: Any, **ranks: int) -> Any:
    return registry.modality(modality).stream(
        made, VIEWS[modality], policy(modality), batch_size=12, seed=3, device=CPU, **ranks
    )


@pytest.fixture(scope="module", params=list(VIEWS))
def modality(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_segment_is_that_of_a_source_of_its_item_alone(modality):
    items = [item(modality, number) for number in range(5)]
    together = stream(modality, source(modality, *items))
    alone = [stream(modality, source(modality, one)) for one in items]
    used = set()
    for step in (0, 7):
        found = together.batch(step)
        singly = torch.stack([one.batch(step) for one in alone])
        distances = (singly - found).flatten(2).abs().amax(2).numpy()  # (items, segments)
        which = distances.argmin(0)
        assert distances.min(0).max() < 1e-3
        assert np.sort(distances, axis=0)[1].min() > 1e-2  # and of no other
        assert np.bincount(which, minlength=5).max() <= 3
        used |= set(which.tolist())
    assert used == set(range(5))


def test_ranks_render_their_shares_of_the_same_batch(modality):
    made = source(modality, *(item(modality, number) for number in range(5)))
    whole = stream(modality, made).batch(4)
    for rank in (0, 1):
        share = stream(modality, made, rank=rank, world_size=2).batch(4)
        assert torch.allclose(share, whole[rank_slice(12, rank, 2)], atol=1e-5)


def test_each_clip_of_an_item_counts_as_an_item(modality):
    assert source(modality, item(modality, 0, clips=2), item(modality, 1, clips=2)).items == 4


def test_flat_and_silent_items_are_left_out_and_nothing_else_is_refused(modality):
    flat = torch.full_like(item(modality, 0), 7)
    with_flat = source(modality, item(modality, 0), flat, item(modality, 1))
    assert with_flat.items == 2
    without = source(modality, item(modality, 0), item(modality, 1))
    assert torch.equal(stream(modality, with_flat).batch(1), stream(modality, without).batch(1))
    with pytest.raises(BadInput, match="several: all 2 items are flat or silent"):
        source(modality, flat, flat)


def test_as_many_items_may_be_given_as_fit(modality, monkeypatch):
    kind, one = registry.modality(modality), item(modality, 0)
    monkeypatch.setattr(assembly, "MAX_SOURCE_BYTES", 100 * one.nbytes)
    assert 1 < kind.most_items(one) < 100
    assert kind.most_items(torch.cat([one, one])) == kind.most_items(one) // 2
    monkeypatch.setattr(assembly, "MAX_SOURCE_BYTES", 1)
    assert kind.most_items(one) == 1


def test_the_kernels_render_what_torch_renders(modality, monkeypatch):
    made = stream(modality, source(modality, *(item(modality, number) for number in range(5))))
    ours = made.batch(2)
    if modality == "image":
        place, shade = made.parameters(2)
        arguments = (made.source, place.affine(16), 16)
        which = made._items.at(2)
        ours = on_cpu(*arguments, shade, np.zeros(3), np.ones(3), which)
        torchs = colour.apply(resample(*arguments, which), shade, np.zeros(3), np.ones(3))
    elif modality == "video":
        monkeypatch.setattr(made, "_kernel", False)
        torchs = made.batch(2)
    else:
        monkeypatch.setattr(made, "_by_kernel", made._by_torch)
        monkeypatch.setattr(logmel, "log_mel_by_kernel", logmel.log_mel_by_torch)
        torchs = made.batch(2)
    assert (ours - torchs).abs().max() < OFF_THE_KERNEL[modality]


def test_a_recording_is_mixed_with_one_that_is_drawn_by_itself():
    kind = registry.modality("audio")
    made = source("audio", *(item("audio", number) for number in range(50)))
    mixed = replace(kind.policies()["standard"], mix=1.0)
    streams = kind.stream(made, VIEWS["audio"], mixed, batch_size=50, seed=0, device=CPU)
    first, second = (order.at(0) for order in streams._items)
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first == second).sum() < 10
