"""Audio for the harness: ties the rooms of this package to the contract of a modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.audio.options import POLICIES, AudioPolicy, AudioView
from modalities.base import Draws, ModalityName, Reference, SegmentStream, SourceRef
from modalities.compute.draws import Array
from modalities.compute.to_device import to_device

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from modalities.audio.source import AudioSource

# What a teacher's training items go through; labels survive all of it.
SHIFT_SECONDS = 0.1
GAIN_DB = 6.0
NOISE_DB = (10.0, 50.0)
SHIFT_BANDS = 1.5
FILTER_DB = 4.0
MASK = 0.15

BATCH = 128  # of a reference that works on batches


class AudioModality:
    """Log-mel windows of one recording (implements ``modalities.base.Modality``)."""

    name: ModalityName = "audio"
    view_type: type = AudioView
    policy_type: type = AudioPolicy

    def sources(self) -> Mapping[str, str]:
        """Recordings that ship or are generated."""
        from modalities.audio.source import SOURCES

        return SOURCES

    def policies(self) -> Mapping[str, AudioPolicy]:
        """``standard`` (our own: the published policy was never released), ``plain`` (windows, gain), ``crop``."""
        return POLICIES

    def networks(self) -> Mapping[str, str]:
        """Patterns of network names."""
        from modalities.audio.options import NETWORKS

        return NETWORKS

    def check_network(self, name: str) -> None:
        """See ``modalities.audio.options.family_and_width``."""
        from modalities.audio.options import family_and_width

        family_and_width(name)

    def source_ref(self, name: str) -> SourceRef:
        """See ``modalities.audio.source.source_ref``."""
        from modalities.audio.source import source_ref

        return source_ref(name)

    def load_source(self, name: str, view: AudioView, device: torch.device) -> AudioSource:
        """See ``modalities.audio.source.load_source``."""
        from modalities.audio.source import load_source

        return load_source(name, view, device)

    def stream(
        self, source: AudioSource, view: AudioView, policy: AudioPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> SegmentStream:  # fmt: skip
        """See ``modalities.audio.segments.AudioStream``."""
        from modalities.audio.segments import AudioStream

        return AudioStream(
            source, view, policy, batch_size=batch_size, seed=seed, device=device, rank=rank, world_size=world_size
        )

    def network(self, name: str, view: AudioView, classes: int) -> nn.Module:
        """See ``modalities.audio.networks.network``."""
        from modalities.audio.networks import network

        return network(name, classes)

    def prepare(self, raw: Tensor, view: AudioView) -> Tensor:
        """(B, samples) int16 at the view's rate to (B, 1, mels, frames), standardised per item."""
        from modalities.audio.pictures import pictures

        return pictures(raw.float() / 2**15, view)

    def augment(self, raw: Tensor, view: AudioView, draws: Draws, step: int) -> Tensor:
        """As ``prepare``, after a random shift in time, gain, noise, pitch, equaliser and masks."""
        import torch

        from modalities.audio import changes
        from modalities.audio.pictures import Finish, pictures

        size, samples = raw.shape

        def drawn(name: str, low: float = 0.0, high: float = 1.0) -> Array:
            return draws.uniform(step, name, size, low, high)

        def placed(values: Array) -> Tensor:
            return to_device(values.astype(np.float32), raw.device)

        margin = round(SHIFT_SECONDS * view.rate)
        padded = torch.nn.functional.pad(raw.float() / 2**15, (margin, margin))
        rows = torch.arange(size, device=raw.device)
        wave = padded.unfold(-1, samples, 1)[rows, placed(drawn("shift", 0, 2 * margin)).long()]
        wave = wave * changes.decibels(placed(drawn("gain", -GAIN_DB, GAIN_DB)))[:, None]
        level = changes.decibels(-placed(drawn("noise level", *NOISE_DB)))[:, None] * changes.power(wave).sqrt()
        wave = wave + level * changes.noise(placed(drawn("noise place")), samples)
        finish = Finish(
            drawn("bands", -SHIFT_BANDS, SHIFT_BANDS),
            draws.uniform(step, "knots", (size, changes.KNOTS), -FILTER_DB, FILTER_DB),
            seconds=np.zeros(size),
            level=np.zeros(size),
            mel_start=drawn("mel mask start"),
            mel_width=drawn("mel mask width", 0, MASK),
            time_start=drawn("time mask start"),
            time_width=drawn("time mask width", 0, MASK),
        )
        return pictures(wave, view, finish)

    def preview(self, source: AudioSource, view: AudioView, policy: AudioPolicy, *, seed: int, path: Path) -> None:
        """See ``modalities.audio.preview.preview``."""
        from modalities.audio.preview import preview

        preview(source, view, policy, seed=seed, path=path)

    def references(
        self, source: str, view: AudioView, policy: AudioPolicy, device: torch.device
    ) -> Sequence[Reference]:
        """librosa and SciPy, and torchaudio, both on the CPU, to be timed beside ours."""
        import torch

        from modalities.audio.reference import segment, torchaudio_batch
        from modalities.audio.segments import at_least

        wave = at_least(self.load_source(source, view, torch.device("cpu")).wave, view, policy)
        samples = wave.numpy()

        def librosa(number: int) -> object:
            return segment(samples, view, policy, np.random.default_rng(number))

        def torchaudio(number: int) -> Tensor:
            with torch.random.fork_rng(devices=[]):  # its masks draw from torch's own generator
                torch.manual_seed(number)
                return torchaudio_batch(wave, view, policy, np.random.default_rng(number), BATCH)

        return [
            Reference("librosa and SciPy, per clip", 1, librosa),
            Reference("torchaudio, per batch, fewer changes", BATCH, torchaudio),
        ]


MODALITY = AudioModality()
