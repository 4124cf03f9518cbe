"""The one picture or clip that a student learns from; over a picture, a camera moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.assembly.pieces import not_flat
from modalities.base import SourceRef
from modalities.errors import BadInput
from modalities.image import source as pictures
from modalities.storage.digest import file_sha256
from modalities.storage.paths import user_path
from modalities.video.policies import VideoView

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from modalities.video.atlas import Atlas

# The pictures of the image modality.
SOURCES = {name: f"{text}; a camera moves over it" for name, text in pictures.SOURCES.items()}
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
# All frames of a clip lie on the device: large frames are shrunk, and of long clips every n-th frame is taken.
SHORT_SIDE = 256
BYTES_PER_RAW_BYTE = 13  # that a source of several items holds in memory: four floats per pixel, on all levels
MAX_PIXELS = 20_000_000  # of all frames together, about half a gigabyte with their reductions


@dataclass(frozen=True)
class VideoSource:
    """The decoded source on the compute device; a picture is a clip of one frame.

    Of several clips, which have the same times, the atlas holds the frames one clip after another.
    """

    ref: SourceRef
    atlas: Atlas
    times: NDArray[np.float64]  # (frames of a clip,) seconds from the first one, rising
    items: int = 1

    @property
    def moves(self) -> bool:
        """Whether the source is a clip, in which time passes instead of a camera moving."""
        return len(self.times) > 1

    @property
    def seconds(self) -> float:
        """Seconds from the first frame to the last."""
        return float(self.times[-1])

    def nearest(self, moments: NDArray[np.float64], item: NDArray[np.int64] | int = 0) -> NDArray[np.int64]:
        """Return the pictures of the atlas that are nearest to moments in seconds, in clips whose numbers broadcast."""
        between = (self.times[1:] + self.times[:-1]) / 2
        return np.searchsorted(between, moments) + item * len(self.times)


def source_ref(name: str) -> SourceRef:
    """Identify a named picture or a file by path. Raises BadInput if there is neither, or it cannot be read."""
    path = user_path(name)
    if not is_clip(name):
        return pictures.source_ref(name)
    return SourceRef(path.name, file_sha256(path), f"the clip {path.name}")


def is_clip(name: str) -> bool:
    """Return whether a name is a file that counts as a clip: any without the suffix of a picture."""
    path = user_path(name)
    return name not in SOURCES and path.is_file() and path.suffix.lower() not in PICTURES


def load_source(name: str, view: VideoView, device: torch.device) -> VideoSource:
    """Decode the picture or clip once, onto the device. Raises BadInput for a file that cannot be used."""
    from modalities.video.atlas import build_atlas

    ref = source_ref(name)
    frames, times = read_clip(user_path(name)) if is_clip(name) else (pictures.read(name)[None], np.zeros(1))
    return VideoSource(ref, build_atlas(frames, device), times)


def source_of_items(pieces: Tensor, ref: SourceRef, view: VideoView, device: torch.device) -> VideoSource:
    """Return a source of labelled clips, (n, 3, frames, H, W) uint8, which last ``view.seconds``, without flat ones.

    Raises BadInput if all are flat.
    """
    from modalities.video.atlas import build_atlas

    clips = not_flat(pieces, pictures.MIN_CONTRAST, ref.name).permute(0, 2, 3, 4, 1)
    times = np.arange(clips.shape[1], dtype=np.float64) * (view.seconds / clips.shape[1])
    return VideoSource(ref, build_atlas(clips.flatten(0, 1).contiguous().numpy(), device), times, len(clips))


def read_clip(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the frames of a clip, (frames, H, W, 3), shrunk and thinned as SHORT_SIDE says, and their seconds.

    Raises BadInput for a file that cannot be used.
    """
    from modalities.video.decode import decode, frame_times

    times = frame_times(path)
    if len(times) < 2:
        raise BadInput(f"{path} holds a single frame; give a clip of at least two, or a picture file.")
    first = decode(path, np.zeros(1, np.int64), SHORT_SIDE)
    every = math.ceil(len(times) * first[..., 0].size / MAX_PIXELS)
    numbers = np.arange(0, len(times), every)
    frames = decode(path, numbers, SHORT_SIDE)
    pictures.check_contrast(frames, path)
    return frames, times[numbers]
