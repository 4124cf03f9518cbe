"""Sound files to windows of samples, and rows of files to labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio.policies import AudioView
from modalities.audio.sound import Wave, open_sound
from modalities.datasets.listing import Listing, Row

if TYPE_CHECKING:
    from torch import Tensor

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Stretch:
    """Part of a sound file, in seconds; a ``seconds`` of 0 means up to its end."""

    path: Path
    start: float = 0.0
    seconds: float = 0.0


def duration(path: Path) -> float:
    """Return the length of a sound file in seconds, from its header where that is exact. Raises BadInput."""
    with open_sound(path) as sound:
        return sound.frames / sound.rate


def read_windows(where: Path | Stretch, rate: int, samples: int, clips: int) -> Samples:
    """Return evenly spaced windows of a sound file: (clips, samples) int16, mono, at ``rate``. Raises BadInput.

    The first window starts at the beginning and the last one ends at the end; a single one is the middle. Only these
    windows are read if the format allows it. Sound shorter than a window is centred in zeros. A window that exceeds
    full scale, as unscaled floating-point files do, is scaled down to it. Silence is read as what it is.
    """
    import soxr

    stretch = where if isinstance(where, Stretch) else Stretch(where)
    with open_sound(stretch.path) as sound:
        begin = min(round(stretch.start * sound.rate), sound.frames)
        length = min(round(stretch.seconds * sound.rate) or sound.frames, sound.frames - begin)
        window = -(-samples * sound.rate // rate)
        free = max(length - window, 0)
        starts = [free // 2] if clips == 1 else [free * k // (clips - 1) for k in range(clips)]
        windows: dict[int, Samples] = {}
        for start in set(starts):
            wave = sound.read(begin + start, max(min(window, length), 1))
            if (peak := np.abs(wave).max()) > 1:
                wave = wave / peak
            resampled = wave if sound.rate == rate else soxr.resample(wave, sound.rate, rate)
            windows[start] = _fit(resampled, samples)
    return np.stack([windows[start] for start in starts])


def _fit(wave: Wave, samples: int) -> Samples:
    """Centre-crop or zero-pad to ``samples``, as int16."""
    extra = len(wave) - samples
    if extra > 0:
        wave = wave[extra // 2 : extra // 2 + samples]
    whole = np.clip(np.rint(wave * 2**15), -(2**15), 2**15 - 1).astype(np.int16)
    return np.pad(whole, (-min(extra, 0) // 2, -(min(extra, 0) // 2))) if extra < 0 else whole


def _read(where: Path | Stretch, rate: int, samples: int, clips: int) -> Tensor:
    import torch

    return torch.from_numpy(read_windows(where, rate, samples, clips))


def recordings(rows: Sequence[Row], view: AudioView, *, test: bool) -> Listing:
    """Return labelled data of rows of paths or stretches: ``view.test_clips`` windows of each in a test, else one."""
    clips = view.test_clips if test else 1
    return Listing(rows, partial(_read, rate=view.rate, samples=view.samples, clips=clips))
