"""The one recording that a student learns from: named ones that ship or are generated, or the user's own file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio.decode import open_sound
from modalities.audio.policies import AudioView
from modalities.base import Draws, SourceRef
from modalities.errors import BadInput, UnknownName
from modalities.storage.paths import user_path

if TYPE_CHECKING:
    import torch
    from soundfile import SoundFile
    from torch import Tensor

ASSETS = Path(__file__).parent / "assets"
NOISE_SECONDS = 60
MIN_SECONDS = 0.05
MAX_SAMPLES = 400_000_000  # before and after resampling: more than two hours at any usual rate
BLOCK = 1 << 20  # samples of all channels that are decoded at once
SOURCES = {
    "speech": "a radio play of our own read by seven synthetic voices of espeak-ng, 87 s (file, Opus)",
    "music": "a polyphonic piece of our own for synthesised instruments, 62 s (file, Opus)",
    "noise": "white Gaussian noise, 60 s (generated, seed 0)",
}
FILES = {"speech": "speech.ogg", "music": "music.ogg"}


@dataclass
class AudioSource:
    """One decoded recording on the device: ``wave`` is (samples,) float32 at the view's rate, of mean square 0.01."""

    ref: SourceRef
    wave: Tensor
    rate: int


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


@cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_ref(name: str) -> SourceRef:
    """Identify a named recording or a file by path. Raises BadInput if there is neither."""
    if name == "noise":
        return SourceRef(name, hashlib.sha256(b"noise/seed=0/version=1").hexdigest(), SOURCES[name])
    path = _path(name)
    stat = path.stat()
    label = name if name in SOURCES else path.name
    return SourceRef(label, _sha256(path, stat.st_size, stat.st_mtime_ns), SOURCES.get(name, f"recording {path.name}"))


def read_recording(path: Path, rate: int) -> NDArray[np.float32]:
    """Return a whole sound file as mono (samples,) float32 at ``rate``; channels are averaged.

    A truncated WAV or OGG file is read up to its end, because these formats cannot tell. Raises BadInput for a file
    that is missing, empty, not sound, damaged, silent, shorter than 50 ms, or has MAX_SAMPLES samples or more.
    """
    import soxr

    with open_sound(path, "give a WAV, FLAC, OGG or MP3 file") as file:
        promised, source_rate = file.frames, file.samplerate
        wave = _mono(file)
    if max(len(wave), len(wave) / source_rate * rate) >= MAX_SAMPLES:
        raise BadInput(f"{path} lasts longer than {MAX_SAMPLES:,} samples; give a part of it.")
    if len(wave) < promised:
        raise BadInput(f"{path} is damaged: {len(wave)} of {promised} samples can be read; give an intact file.")
    if len(wave) < MIN_SECONDS * source_rate:
        raise BadInput(f"{path} lasts {len(wave) / source_rate:.3f} s; give a recording of {MIN_SECONDS} s or more.")
    if not np.isfinite(wave).all() or np.abs(wave).max() < 1e-5:
        raise BadInput(f"{path} is silent or holds invalid samples; give a recording with sound in it.")
    resampled: NDArray[np.float32] = wave if source_rate == rate else soxr.resample(wave, source_rate, rate, "VHQ")
    return resampled


def _mono(file: SoundFile) -> NDArray[np.float32]:
    """Return the mean of the channels, (samples,), up to MAX_SAMPLES; the header's length is not trusted."""
    parts, left = [np.zeros(0, np.float32)], MAX_SAMPLES
    while len(block := file.read(min(left, BLOCK // file.channels), dtype="float32", always_2d=True)):
        parts.append(block.mean(axis=1))
        left -= len(block)
    return np.concatenate(parts)


def load_source(name: str, view: AudioView, device: torch.device) -> AudioSource:
    """Decode or generate the recording once, onto the device. Raises BadInput if it cannot be used."""
    import torch

    ref = source_ref(name)
    if name == "noise":
        wave = Draws(0, "noise source/").normal(0, "wave", NOISE_SECONDS * view.rate).astype(np.float32)
    else:
        wave = read_recording(_path(name), view.rate)
    wave = wave * (0.1 / np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    return AudioSource(ref, torch.from_numpy(wave.astype(np.float32)).to(device), view.rate)
