"""The image modality: the harness's contract, implemented by the files of this package, imported on demand."""

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
        """Return the named pictures, each with a one-line description."""
        return SOURCES

    def policies(self) -> Mapping[str, ImagePolicy]:
        """Return the named policies."""
        return POLICIES

    def networks(self) -> Mapping[str, str]:
        """Return the patterns of network names, each with a one-line description."""
        from modalities.image.networks import NETWORKS

        return NETWORKS

    def check_network(self, name: str) -> None:
        """Raise for a name that ``network`` cannot build, without building anything."""
        from modalities.image.networks import check_network

        check_network(name)

    def source_ref(self, name: str) -> SourceRef:
        """Identify a named picture or the user's file without decoding it; raise BadInput if neither exists."""
        return source_ref(name)

    def load_source(self, name: str, view: ImageView, device: torch.device) -> ImageSource:
        """Decode or generate a picture once, onto the device; raise BadInput for an unusable file."""
        return load_source(name, device)

    def stream(
        self, source: ImageSource, view: ImageView, policy: ImagePolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> ImageStream:  # fmt: skip
        """Return the endless segments of a picture."""
        from modalities.image.segments import ImageStream

        return ImageStream(
            source, view, policy, batch_size=batch_size, seed=seed, device=device, rank=rank, world_size=world_size
        )

    def network(self, name: str, view: ImageView, classes: int) -> nn.Module:
        """Build a network: (B, 3, size, size) in, (B, classes) logits out."""
        from modalities.image.networks import build_network

        return build_network(name, classes)

    def prepare(self, raw: Tensor, view: ImageView) -> Tensor:
        """Return normalised centre crops, (B, 3, size, size) float32, of raw items, (B, 3, H, W) uint8."""
        from modalities.image.items import prepare

        return prepare(raw, view)

    def augment(self, raw: Tensor, view: ImageView, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, but shifted or cropped at random, and mirrored if that keeps the label."""
        from modalities.image.items import augment

        return augment(raw, view, draws, step)

    def preview(self, source: ImageSource, view: ImageView, policy: ImagePolicy, *, seed: int, path: Path) -> None:
        """Write a PNG of the picture with the outlines of some segments, next to 64 segments."""
        from modalities.image.preview import preview

        preview(source, view, policy, seed=seed, path=path)

    def references(
        self, source: str, view: ImageView, policy: ImagePolicy, device: torch.device
    ) -> Sequence[Reference]:
        """Return the published chain, torchvision's transforms v2 and kornia, to be timed next to ours."""
        from modalities.image.reference import references

        return references(source, view, policy, device)
