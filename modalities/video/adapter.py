"""The video modality as the harness sees it; torch is imported inside methods, so that naming things is quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.base import Draws, ModalityName, Reference, SegmentStream, SourceRef
from modalities.video import source
from modalities.video.options import NETWORKS, POLICIES, VideoPolicy, VideoView, check_network

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class VideoModality:
    """Implements ``modalities.base.Modality``."""

    name: ModalityName = "video"
    view_type = VideoView
    policy_type = VideoPolicy

    def sources(self) -> Mapping[str, str]:
        """Named source data with a line of description; a path to a picture or clip does as well."""
        return source.names()

    def policies(self) -> Mapping[str, VideoPolicy]:
        """Named policies."""
        return POLICIES

    def networks(self) -> Mapping[str, str]:
        """Network names and patterns with a line of description."""
        return NETWORKS

    def check_network(self, name: str) -> None:
        """Refuse a name of no network, without building it."""
        check_network(name)

    def source_ref(self, name: str) -> SourceRef:
        """Identify a named source or a file by path. Raises BadInput when neither is there."""
        return source.identify(name)

    def load_source(self, name: str, view: VideoView, device: torch.device) -> source.VideoSource:
        """Decode the datum once, onto the device. Raises BadInput for a file that cannot be used."""
        return source.load(name, device)

    def stream(
        self, source: source.VideoSource, view: VideoView, policy: VideoPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> SegmentStream:  # fmt: skip
        """The endless clips of a source, rendered on the device that holds it."""
        from modalities.video.segments import VideoStream

        return VideoStream(source, view, policy, batch_size=batch_size, seed=seed, rank=rank, world_size=world_size)

    def network(self, name: str, view: VideoView, classes: int) -> nn.Module:
        """A network that takes (B, *view.shape) and returns (B, classes) logits. Raises UnknownName."""
        from modalities.video.networks import build

        return build(name, view, classes)

    def prepare(self, raw: Tensor, view: VideoView) -> Tensor:
        """(B, 3, T, H, W) uint8 to network input: the square centre of view.size pixels, normalised."""
        from modalities.video.items import prepare

        return prepare(raw, view)

    def augment(self, raw: Tensor, view: VideoView, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, with a random crop and, where labels allow it, mirroring; per clip, shared by its frames."""
        from modalities.video.items import augment

        return augment(raw, view, draws, step)

    def preview(
        self, source: source.VideoSource, view: VideoView, policy: VideoPolicy, *, seed: int, path: Path
    ) -> None:
        """Write a PNG: the source above the film strips of eight segments."""
        from modalities.video.preview import preview

        preview(source, view, policy, seed=seed, path=path)

    def references(
        self, source: str, view: VideoView, policy: VideoPolicy, device: torch.device
    ) -> Sequence[Reference]:
        """The published chain, and torchvision's transforms, both on the CPU, to be timed beside ours.

        There are none for a clip: what is published starts from a picture.
        """
        import numpy as np
        import torch

        from modalities.image.source import read
        from modalities.video.reference import published_chain, torchvision_chain
        from modalities.video.source import is_clip

        if is_clip(source):
            return []
        picture = read(source)
        planes = torch.from_numpy(picture).permute(2, 0, 1).contiguous()

        def published(number: int) -> Tensor:
            return published_chain(picture, view, policy, np.random.default_rng(number))

        def torchvision(number: int) -> Tensor:
            with torch.random.fork_rng(devices=[]):  # ColorJitter draws from torch's own generator
                torch.manual_seed(number)
                return torchvision_chain(planes, view, policy, np.random.default_rng(number))

        return [
            Reference("published chain, encode and decode included", 1, published),
            Reference("torchvision.transforms.v2, per clip", 1, torchvision),
        ]


MODALITY = VideoModality()
