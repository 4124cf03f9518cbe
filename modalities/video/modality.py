"""Video as the harness sees it; methods import what they need, so that listing names loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.base import Draws, ModalityName, Reference, SourceRef
from modalities.video.networks import NETWORKS, build_network, check_network
from modalities.video.policies import POLICIES, VideoPolicy, VideoView

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from modalities.video.segments import VideoStream
    from modalities.video.source import VideoSource


class VideoModality:
    """Short clips of one picture or of one clip (implements ``modalities.base.Modality``)."""

    name: ModalityName = "video"
    view_type: type = VideoView
    policy_type: type = VideoPolicy

    def sources(self) -> Mapping[str, str]:
        """Named pictures; the path of a picture or clip works as well."""
        from modalities.video.source import SOURCES

        return SOURCES

    def policies(self) -> Mapping[str, VideoPolicy]:
        """``published``, ``geometry`` (no colour changes), ``static`` (no motion)."""
        return POLICIES

    def networks(self) -> Mapping[str, str]:
        """Patterns of network names."""
        return NETWORKS

    def check_network(self, name: str) -> None:
        """Raise UnknownName unless the name matches a pattern, and BadInput for a number out of range."""
        check_network(name)

    def source_ref(self, name: str) -> SourceRef:
        """Identify a named picture or a file by path."""
        from modalities.video.source import source_ref

        return source_ref(name)

    def load_source(self, name: str, view: VideoView, device: torch.device) -> VideoSource:
        """Decode the picture or clip once, onto the device."""
        from modalities.video.source import load_source

        return load_source(name, view, device)

    def stream(
        self, source: VideoSource, view: VideoView, policy: VideoPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> VideoStream:  # fmt: skip
        """The endless segments of a source, rendered on the device that holds it."""
        from modalities.video.segments import VideoStream

        return VideoStream(source, view, policy, batch_size=batch_size, seed=seed, rank=rank, world_size=world_size)

    def network(self, name: str, view: VideoView, classes: int) -> nn.Module:
        """A network: (B, 3, frames, size, size) in, (B, classes) logits out."""
        return build_network(name, view, classes)

    def prepare(self, raw: Tensor, view: VideoView) -> Tensor:
        """(B, 3, T, H, W) uint8 to (B, 3, T, size, size) float32: the square centre, normalised."""
        from modalities.video.items import prepare

        return prepare(raw, view)

    def augment(self, raw: Tensor, view: VideoView, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, with a random crop and, if labels allow it, mirroring; the same for all frames of a clip."""
        from modalities.video.items import augment

        return augment(raw, view, draws, step)

    def preview(self, source: VideoSource, view: VideoView, policy: VideoPolicy, *, seed: int, path: Path) -> None:
        """Write a PNG of the source above the film strips of eight segments."""
        from modalities.video.preview import preview

        preview(source, view, policy, seed=seed, path=path)

    def references(
        self, source: str, view: VideoView, policy: VideoPolicy, device: torch.device
    ) -> Sequence[Reference]:
        """The published chain and torchvision's transforms, both on the CPU; none for a clip."""
        from modalities.video.reference import references

        return references(source, view, policy)


MODALITY = VideoModality()
