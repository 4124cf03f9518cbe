"""A clip that came from Python: frames and their rate, kept as a file without loss; or a picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from modalities.image import made as pictures


def write(made: Any, path: Path) -> Path:
    """Write a clip, (frames, H, W, 3) uint8 and frames per second, as AVI of FFV1; return the file.

    A picture is written as one. Raises ValueError if it is neither.
    """
    import av

    from modalities.storage.atomic import temporary_path

    if not isinstance(made, tuple | list):
        return pictures.write(made, path)
    frames, rate = made
    frames = np.asarray(frames.detach().cpu() if hasattr(frames, "detach") else frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or len(frames) < 2:
        raise ValueError(f"its frames are {frames.dtype} {frames.shape}, and have to be uint8 (2 or more, H, W, 3)")
    file = path.with_suffix(".avi")
    with temporary_path(file) as temporary:
        with av.open(temporary, "w", format="avi") as container:
            stream = container.add_stream("ffv1", rate=Fraction(rate).limit_denominator(1000))
            stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "bgr0"
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                container.mux(stream.encode(picture.reformat(format="bgr0")))
            container.mux(stream.encode(None))
        temporary.replace(file)
    return file
