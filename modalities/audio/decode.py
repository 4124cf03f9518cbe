"""Sound files to windows of samples, and rows of files to labelled data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio.policies import AudioView
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput

if TYPE_CHECKING:
    from soundfile import SoundFile
    from torch import Tensor

Samples = NDArray[np.int16]

# A header outside these bounds is damaged, or made to fill the memory.
MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64
REPLACE = "replace the file or fetch it again"


@dataclass(frozen=True)
class Stretch:
    """Part of a sound file, in seconds; a ``seconds`` of 0 means up to its end."""

    path: Path
    start: float = 0.0
    seconds: float = 0.0


@contextmanager
def open_sound(path: Path, remedy: str = REPLACE) -> Iterator[SoundFile]:
    """Open a sound file; raise BadInput if it is missing, damaged, not sound, or unreadable inside the ``with``."""
    import soundfile

    name = os.fsencode(path) if os.name == "posix" else path  # a file name may not be valid text
    try:
        with _without_seeks(soundfile.SoundFile)(name) as file:
            if not (MIN_RATE <= file.samplerate <= MAX_RATE and 1 <= file.channels <= MAX_CHANNELS):
                raise BadInput(
                    f"{path} claims {file.samplerate:,} samples per second in {file.channels} channels; only "
                    f"{MIN_RATE:,} to {MAX_RATE:,} in at most {MAX_CHANNELS} can be read; {remedy}."
                )
            if file.format == "OGG":  # libsndfile crashes when it seeks in a file whose beginning it cannot decode
                if not file.read(1).size:
                    raise BadInput(f"{path} holds no sound that can be decoded; {remedy}.")
                file.seek(0)
            yield file
    except BadInput:
        raise
    except Exception as error:  # a damaged file may raise nearly anything
        raise BadInput(f"{path} cannot be read as sound ({error or type(error).__name__}); {remedy}.") from error


@cache
def _without_seeks(sound_file: type[SoundFile]) -> type[SoundFile]:
    """Leave out the seek that follows every read of a seekable file; it takes as long as the read."""
    return type("Forward", (sound_file,), {"seekable": lambda file: False})


def duration(path: Path) -> float:
    """Return the length of a sound file in seconds, from its header. Raises BadInput."""
    with open_sound(path) as file:
        return float(file.frames / file.samplerate)


def read_windows(where: Path | Stretch, rate: int, samples: int, clips: int) -> Samples:
    """Return evenly spaced windows of a sound file: (clips, samples) int16, mono, at ``rate``. Raises BadInput.

    The first window starts at the beginning and the last one ends at the end; a single one is the middle. Only these
    windows are read. Sound shorter than a window is centred in zeros.
    """
    import soxr

    stretch = where if isinstance(where, Stretch) else Stretch(where)
    with open_sound(stretch.path) as file:
        if _is_truncated(file.extra_info):
            raise BadInput(f"{stretch.path} is cut short; {REPLACE}.")
        own_rate = file.samplerate
        begin = min(round(stretch.start * own_rate), file.frames)
        length = min(round(stretch.seconds * own_rate) or file.frames, file.frames - begin)
        window = -(-samples * own_rate // rate)
        free = max(length - window, 0)
        starts = [free // 2] if clips == 1 else [free * k // (clips - 1) for k in range(clips)]
        windows: dict[int, Samples] = {}
        for start in set(starts):
            file.seek(begin + start)
            wave = file.read(min(window, length), dtype="float32", always_2d=True)
            if len(wave) < max(min(window, length), 1):
                raise BadInput(f"{stretch.path} is empty or cut short; {REPLACE}.")
            mono = wave.mean(axis=1) if wave.shape[1] > 1 else wave[:, 0]
            resampled = mono if own_rate == rate else soxr.resample(mono, own_rate, rate)
            windows[start] = _fit(resampled, samples)
    return np.stack([windows[start] for start in starts])


def _is_truncated(note: str) -> bool:
    """Return whether a WAV file holds less than its header promises, as libsndfile notes.

    Below 1 % the writer was careless; recorders that cannot know the length promise about the largest there is.
    """
    found = re.search(r"^data : (\d+) \(should be (\d+)\)", note, re.MULTILINE)
    return found is not None and int(found[2]) < 0.99 * int(found[1]) < 2.1e9


def _fit(wave: NDArray[np.float32], samples: int) -> Samples:
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
