"""How dense a picture or clip is: the figures of its frames."""

from __future__ import annotations

import numpy as np

from modalities.image.density import figures
from modalities.image.source import read
from modalities.storage.paths import user_path
from modalities.video.source import is_clip, read_clip

FRAMES = 16  # of a clip, evenly spaced


def density(name: str) -> dict[str, float]:
    """Return the figures of a picture (see ``modalities.image.density``), or their means over frames of a clip.

    Raises BadInput if the source cannot be used.
    """
    if not is_clip(name):
        return figures(read(name))
    frames, _ = read_clip(user_path(name))
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))]
    of_frames = [figures(frame) for frame in chosen]
    return {key: float(np.mean([each[key] for each in of_frames])) for key in of_frames[0]}
