"""A recording that came from Python: samples and their rate, kept as a file without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def write(made: Any, path: Path) -> Path:
    """Write a recording, (samples,) or (samples, channels) floats and their rate, as WAV of float32; return the file.

    Raises ValueError if it is none.
    """
    import soundfile

    from modalities.storage.atomic import atomic_stream

    if not isinstance(made, tuple | list) or len(made) != 2:
        raise ValueError("a recording is a pair of samples and samples per second")
    samples, rate = made
    wave = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    if not np.issubdtype(wave.dtype, np.floating) or wave.ndim not in (1, 2) or not np.isfinite(wave).all():
        raise ValueError(f"its samples are {wave.dtype} {wave.shape}, and have to be finite floats in one or two axes")
    file = path.with_suffix(".wav")
    with atomic_stream(file) as stream:
        soundfile.write(stream, wave.astype(np.float32), int(rate), "FLOAT", format="WAV")
    return file
