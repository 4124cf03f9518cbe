"""Sound files as labelled items: a target that is "files with labels" needs rows and this reader, no more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.datasets.index import Paths
from modalities.datasets.index import index as indexed
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput

if TYPE_CHECKING:
    from soundfile import SoundFile
    from torch import Tensor

    from modalities.audio.policies import AudioView

Samples = NDArray[np.int16]

# What a header may say; beyond, it is damaged or made to fill the memory.
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
MOST_CHANNELS = 64
REPLACE = "replace the file or fetch it again"


@dataclass(frozen=True)
class Stretch:
    """Part of a sound file, in seconds; a ``seconds`` of 0 means up to its end."""

    path: Path
    start: float = 0.0
    seconds: float = 0.0


def read_windows(where: Path | Stretch, rate: int, samples: int, clips: int) -> Samples:
    """Evenly spaced windows of a sound file: (clips, samples) int16, mono, at ``rate``.

    The first window starts at the beginning and the last one ends at the end; a single one is the middle. Only these
    windows are read. What is shorter than a window stands in the middle of zeros.

    Raises:
        BadInput: for a file that is missing, damaged or no sound.
    """
    import soxr

    stretch = where if isinstance(where, Stretch) else Stretch(where)
    with opened(stretch.path) as file:
        if _cut_short(file.extra_info):
            raise BadInput(f"{stretch.path} is cut short; {REPLACE}.")
        own = file.samplerate
        begin = min(round(stretch.start * own), file.frames)
        length = min(round(stretch.seconds * own) or file.frames, file.frames - begin)
        window = -(-samples * own // rate)
        free = max(length - window, 0)
        starts = [free // 2] if clips == 1 else [free * k // (clips - 1) for k in range(clips)]
        parts: dict[int, Samples] = {}
        for start in starts:
            if start not in parts:
                file.seek(begin + start)
                count = min(window, length)
                wave = file.read(count, dtype="float32", always_2d=True)
                if len(wave) < max(count, 1):
                    raise BadInput(f"{stretch.path} is empty or cut short; {REPLACE}.")
                mono = wave.mean(axis=1) if wave.shape[1] > 1 else wave[:, 0]
                parts[start] = _fitted(mono if own == rate else soxr.resample(mono, own, rate), samples)
    return np.stack([parts[start] for start in starts])


@contextmanager
def opened(path: Path, remedy: str = REPLACE) -> Iterator[SoundFile]:
    """A sound file with a header that can be meant; whatever goes wrong with it becomes one sentence.

    Raises:
        BadInput: for a file that is missing, damaged or no sound, or that cannot be read inside the ``with``.
    """
    import soundfile

    name = os.fsencode(path) if os.name == "posix" else path  # a name need not be text
    try:
        with _forward(soundfile.SoundFile)(name) as file:
            if not (LOWEST_RATE <= file.samplerate <= HIGHEST_RATE and 1 <= file.channels <= MOST_CHANNELS):
                raise BadInput(
                    f"{path} claims {file.samplerate:,} samples per second in {file.channels} channels, and "
                    f"{LOWEST_RATE:,} to {HIGHEST_RATE:,} in at most {MOST_CHANNELS} can be read; {remedy}."
                )
            if file.format == "OGG":  # libsndfile crashes when it seeks in one of which it cannot decode the beginning
                if not file.read(1).size:
                    raise BadInput(f"{path} holds no sound that can be decoded; {remedy}.")
                file.seek(0)
            yield file
    except BadInput:
        raise
    except Exception as error:  # a damaged file may raise nearly anything
        raise BadInput(f"{path} cannot be read as sound ({error or type(error).__name__}); {remedy}.") from error


@cache
def _forward(sound_file: type[SoundFile]) -> type[SoundFile]:
    """Sound files without the seek that follows every read of a seekable one; it takes as long as the read."""
    return type("Forward", (sound_file,), {"seekable": lambda file: False})


def _cut_short(note: str) -> bool:
    """Whether a WAV file holds less than its header promises, which libsndfile notes and otherwise passes over.

    A few bytes are a careless writer's; and recorders that cannot know the length promise about the largest there is.
    """
    found = re.search(r"^data : (\d+) \(should be (\d+)\)", note, re.MULTILINE)
    return found is not None and int(found[2]) < 0.99 * int(found[1]) < 2.1e9


def _fitted(wave: NDArray[np.float32], samples: int) -> Samples:
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
    """Labelled data of rows whose ``where`` is a path or a stretch: ``view.test_clips`` windows in a test, else 1."""
    clips = view.test_clips if test else 1
    return Listing(rows, partial(_read, rate=view.rate, samples=view.samples, clips=clips))


@dataclass(frozen=True)
class Index:
    """Sound files found on disk: their paths, a hash over names and sizes, and their size together in bytes."""

    files: Sequence[Path]
    fingerprint: str
    bytes: int


def index(folder: Path, below: Iterable[str] = (".",), suffix: str = ".wav") -> Index:
    """Sound files directly in folders ``below`` a folder, sorted; absent ones count as empty.

    Names and sizes are read once per change of a folder (``modalities.datasets.index``), so planning many cells costs
    one look.
    """
    found = indexed(folder, below, suffix)
    return Index(Paths(folder, found.names), found.fingerprint, found.bytes)


def write_wave(path: Path, wave: NDArray[np.floating], rate: int) -> None:
    """Write mono sound, clipped at full scale, as 16-bit WAV or FLAC (by suffix)."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.clip(wave, -1, 1), rate, subtype="PCM_16")
