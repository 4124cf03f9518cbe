"""The image modality: what the harness asks, answered by the rooms of this package, imported when first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.base import Draws, ModalityName, Reference, SourceRef
from modalities.image.policies import POLICIES, ImagePolicy, ImageView
from modalities.image.source import SOURCES, load_source, source_ref

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from modalities.image.segments import ImageStream
    from modalities.image.source import ImageSource


class ImageModality:
    """Patches of one picture (implements ``modalities.base.Modality``)."""

    name: ModalityName = "image"
    view_type: type = ImageView
    policy_type: type = ImagePolicy

    def sources(self) -> Mapping[str, str]:
        """Named pictures, each with a line of description."""
        return SOURCES

    def policies(self) -> Mapping[str, ImagePolicy]:
        """Named policies."""
        return POLICIES

    def networks(self) -> Mapping[str, str]:
        """Network name patterns, each with a line of description."""
        from modalities.image.networks import NETWORKS

        return NETWORKS

    def check_network(self, name: str) -> None:
        """Refuse a name of no network, without building it."""
        from modalities.image.networks import check_network

        check_network(name)

    def source_ref(self, name: str) -> SourceRef:
        """Identify a named picture or the user's file without decoding it; raises BadInput when neither is there."""
        return source_ref(name)

    def load_source(self, name: str, view: ImageView, device: torch.device) -> ImageSource:
        """Decode or generate a picture once, onto the device; raises BadInput for a file that cannot be used."""
        return load_source(name, device)

    def stream(
        self, source: ImageSource, view: ImageView, policy: ImagePolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> ImageStream:  # fmt: skip
        """The endless segments of a picture."""
        from modalities.image.segments import ImageStream

        return ImageStream(
            source, view, policy, batch_size=batch_size, seed=seed, device=device, rank=rank, world_size=world_size
        )

    def network(self, name: str, view: ImageView, classes: int) -> nn.Module:
        """A network: (B, 3, size, size) in, (B, classes) logits out."""
        from modalities.image.networks import build_network

        return build_network(name, classes)

    def prepare(self, raw: Tensor, view: ImageView) -> Tensor:
        """Centre crops of raw items, (B, 3, H, W) uint8, normalised: (B, 3, size, size) float32."""
        from modalities.image.items import prepare

        return prepare(raw, view)

    def augment(self, raw: Tensor, view: ImageView, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, but shifted or cropped at random, and mirrored where that keeps the label."""
        from modalities.image.items import augment

        return augment(raw, view, draws, step)

    def preview(self, source: ImageSource, view: ImageView, policy: ImagePolicy, *, seed: int, path: Path) -> None:
        """Write a PNG of the picture with the places of some segments, beside 64 segments."""
        from modalities.image.preview import preview

        preview(source, view, policy, seed=seed, path=path)

    def references(
        self, source: str, view: ImageView, policy: ImagePolicy, device: torch.device
    ) -> Sequence[Reference]:
        """The published chain, torchvision's transforms v2 and kornia, to be timed beside ours."""
        from modalities.image.reference import references

        return references(source, view, policy, device)
