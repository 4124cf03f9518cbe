"""The one recording that a student learns from: named ones that ship or are generated, or the user's own file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.assembly.generators import parse
from modalities.assembly.pieces import not_flat
from modalities.audio.generated_sources import GENERATORS, VERSION
from modalities.audio.policies import AudioView
from modalities.audio.sound import MAX_SAMPLES, Wave, open_sound
from modalities.base import SourceRef
from modalities.errors import BadInput, UnknownName
from modalities.storage.digest import file_sha256
from modalities.storage.paths import user_path

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ASSETS = Path(__file__).parent / "assets"
BYTES_PER_RAW_BYTE = 50  # that a source of several items holds in memory: each three times, at twice the rate, by level
MIN_SECONDS = 0.05
SILENCE = 2e-5  # between the lowest and the highest sample, full scale being 1: 100 dB below it
FULL_SCALE = 0.992  # the highest of 8 bits
CLIPPED = 0.25  # of all samples; a sine of full scale, unclipped, has a twelfth of them there
SOURCES = {
    "speech": "a radio play of our own read by seven synthetic voices of espeak-ng, 87 s (file, Opus)",
    "music": "a polyphonic piece of our own for synthesised instruments, 62 s (file, Opus)",
    **{name: generator.description for name, generator in GENERATORS.items()},
}
FILES = {"speech": "speech.ogg", "music": "music.ogg"}


@dataclass
class AudioSource:
    """One decoded recording on the device, or several of one length, one after another.

    ``wave`` is (items · samples,) float32 at the view's rate; each recording has the mean square 0.01.
    """

    ref: SourceRef
    wave: Tensor
    rate: int
    items: int = 1


def _path(name: str) -> Path:
    if name in FILES:
        return ASSETS / FILES[name]
    path = user_path(name)
    if not path.is_file():
        if path.suffix or "/" in name:
            raise BadInput(
                f"there is no recording {name}; give the path of an audio file, or one of {', '.join(SOURCES)}."
            )
        raise UnknownName("audio source", name, list(SOURCES))
    return path


def source_ref(name: str) -> SourceRef:
    """Identify a recording: a name, ``chords:7`` for another seed of a generated one than 0, or the path of a file.

    Raises BadInput if there is neither such a source nor such a file, or it cannot be read.
    """
    if generated := parse(name, GENERATORS):
        identity = f"{generated.kind}/seed={generated.seed}/version={VERSION}"
        return SourceRef(generated.name, hashlib.sha256(identity.encode()).hexdigest(), SOURCES[generated.kind])
    path = _path(name)
    label = name if name in SOURCES else path.name
    return SourceRef(label, file_sha256(path), SOURCES.get(name, f"recording {path.name}"))


def read_recording(path: Path, rate: int) -> Wave:
    """Return a whole sound file as mono (samples,) float32 at ``rate``, decoded as a dataset's items are.

    Raises BadInput for a file that cannot be decoded (see ``modalities.audio.sound``), and for one from which nothing
    can be learned: silent or constant, clipped, shorter than 50 ms, or of MAX_SAMPLES samples or more.
    """
    import soxr

    with open_sound(path, "give a WAV, FLAC, OGG or MP3 file that is intact") as sound:
        if max(sound.frames, sound.frames / sound.rate * rate) >= MAX_SAMPLES:
            raise BadInput(f"{path} lasts longer than {MAX_SAMPLES:,} samples; give a part of it.")
        seconds = sound.frames / sound.rate
        if seconds < MIN_SECONDS:
            raise BadInput(f"{path} lasts {seconds:.3f} s; give a recording of {MIN_SECONDS} s or more.")
        wave = sound.read(0, sound.frames)
    if np.ptp(wave) < SILENCE:
        raise BadInput(f"{path} is silent; give a recording with sound in it.")
    loudness = np.abs(wave)
    clipped = float((loudness >= FULL_SCALE).mean())
    if clipped > CLIPPED and loudness.max() <= 1:
        raise BadInput(f"{path} is clipped: {clipped:.0%} of its samples are at full scale; give a quieter recording.")
    resampled: Wave = wave if sound.rate == rate else soxr.resample(wave, sound.rate, rate, "VHQ")
    return resampled


def load_source(name: str, view: AudioView, device: torch.device) -> AudioSource:
    """Decode or generate the recording once, onto the device. Raises BadInput if it cannot be used."""
    import torch

    return AudioSource(source_ref(name), torch.from_numpy(read(name, view.rate)).to(device), view.rate)


def source_of_items(pieces: Tensor, ref: SourceRef, view: AudioView, device: torch.device) -> AudioSource:
    """Return a source of labelled recordings, (n, samples) int16 at the view's rate, without silent ones.

    Raises BadInput if all are silent.
    """
    waves = not_flat(pieces[:, None], 1, ref.name)[:, 0].double()
    level = 0.1 / waves.square().mean(1, keepdim=True).sqrt()
    return AudioSource(ref, (waves * level).float().flatten().to(device), view.rate, len(waves))


def read(name: str, rate: int) -> Wave:
    """Return a named recording or a file as (samples,) float32 at ``rate``, of mean square 0.01.

    Raises BadInput if it does not exist or cannot be used.
    """
    generated = parse(name, GENERATORS)
    wave = GENERATORS[generated.kind].make(generated.seed, rate) if generated else read_recording(_path(name), rate)
    level: Wave = (wave * (0.1 / np.sqrt(np.mean(np.square(wave, dtype=np.float64))))).astype(np.float32)
    return level
