"""Other libraries' ways to make segments: each policy, with shapes and values like ours; absent libraries are named."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from modalities import registry
from modalities.image import reference
from modalities.image.policies import POLICIES, ImageView

CPU, VIEW = torch.device("cpu"), ImageView(size=24)
MODALITY = registry.modality("image")


@pytest.mark.parametrize("policy", POLICIES)
def test_every_library_that_is_installed_makes_segments_of_every_policy(policy):
    ways = MODALITY.references("china", VIEW, POLICIES[policy], CPU)
    assert [name.partition(",")[0].split()[0] for name, _, _ in ways] == [
        "published", "torchvision.transforms.v2", "kornia", "albumentations",
    ]  # fmt: skip
    for name, count, make in ways:
        library = name.partition(",")[0]
        if make is None:
            assert not find_spec(library)
            continue
        made = make(0)
        segments = made if isinstance(made, torch.Tensor) else torch.stack(list(made))
        assert segments.shape == (count, *VIEW.shape) and segments.dtype == torch.float32
        assert segments.isfinite().all()
        assert segments.std() > 0 and segments.abs().max() < 4, "normalised"


def test_a_library_that_is_not_installed_has_a_row_without_a_function(monkeypatch):
    monkeypatch.setattr(reference, "find_spec", lambda name: None)
    ways = {way.name: way.make for way in MODALITY.references("china", VIEW, POLICIES["published"], CPU)}
    assert [name for name, make in ways.items() if make is None] == [
        "kornia, a batch", "albumentations, one picture at a time",
    ]  # fmt: skip
