"""Audio as the harness sees it; methods import what they need, so that listing names loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.audio.networks import NETWORKS, build_network, check_network
from modalities.audio.policies import POLICIES, AudioPolicy, AudioView
from modalities.base import Draws, ModalityName, Reference, SourceRef

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from modalities.audio.segments import AudioStream
    from modalities.audio.source import AudioSource


class AudioModality:
    """Log-mel windows of one recording (implements ``modalities.base.Modality``)."""

    name: ModalityName = "audio"
    view_type: type = AudioView
    policy_type: type = AudioPolicy

    def sources(self) -> Mapping[str, str]:
        """Recordings that ship with the package or are generated."""
        from modalities.audio.source import SOURCES

        return SOURCES

    def policies(self) -> Mapping[str, AudioPolicy]:
        """``standard`` (our own: the published policy was never released), ``plain`` (windows, gain), ``crop``."""
        return POLICIES

    def networks(self) -> Mapping[str, str]:
        """Patterns of network names."""
        return NETWORKS

    def check_network(self, name: str) -> None:
        """Raise UnknownName unless the name matches a pattern."""
        check_network(name)

    def source_ref(self, name: str) -> SourceRef:
        """Identify a named recording or a file by path."""
        from modalities.audio.source import source_ref

        return source_ref(name)

    def load_source(self, name: str, view: AudioView, device: torch.device) -> AudioSource:
        """Decode or generate the recording once, onto the device."""
        from modalities.audio.source import load_source

        return load_source(name, view, device)

    def stream(
        self, source: AudioSource, view: AudioView, policy: AudioPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> AudioStream:  # fmt: skip
        """The endless segments of a recording."""
        from modalities.audio.segments import AudioStream

        return AudioStream(
            source, view, policy, batch_size=batch_size, seed=seed, device=device, rank=rank, world_size=world_size
        )

    def network(self, name: str, view: AudioView, classes: int) -> nn.Module:
        """A network: (B, 1, mels, frames) in, (B, classes) logits out."""
        return build_network(name, view, classes)

    def prepare(self, raw: Tensor, view: AudioView) -> Tensor:
        """(B, samples) int16 at the view's rate to (B, 1, mels, frames), standardised per item."""
        from modalities.audio.items import prepare

        return prepare(raw, view)

    def augment(self, raw: Tensor, view: AudioView, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, after a random shift in time, gain, noise, pitch shift, equaliser and masks."""
        from modalities.audio.items import augment

        return augment(raw, view, draws, step)

    def preview(self, source: AudioSource, view: AudioView, policy: AudioPolicy, *, seed: int, path: Path) -> None:
        """Write a PNG of the recording's first seconds above a grid of segments."""
        from modalities.audio.preview import preview

        preview(source, view, policy, seed=seed, path=path)

    def references(
        self, source: str, view: AudioView, policy: AudioPolicy, device: torch.device
    ) -> Sequence[Reference]:
        """librosa with SciPy, and torchaudio, both on the CPU."""
        from modalities.audio.reference import references

        return references(source, view, policy)


MODALITY = AudioModality()
