"""Video files: whole ones to damage, and what reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from .base import Decoder, Seeds, read_all
from .image import pictures


def _films(suffix: str) -> Seeds:
    def seeds(root: Path) -> list[bytes]:
        from modalities.video import standins
        from modalities.video.targets import _kinetics400_standin as h264

        frames = np.stack([np.asarray(picture.resize((48, 32))) for picture in (pictures() * 2)[:6]])
        path = root / f"whole.{suffix}"
        ways: list[Callable[[], None]] = [
            lambda: h264.write_h264(path, frames),
            lambda: h264.write_h264(path, frames, uneven=True),
            lambda: h264.write_h264(path, frames, turned=True),
        ]
        if suffix == "avi":
            ways = [lambda: standins.write_video(path, frames), lambda: standins.write_video(path, frames[:5], 25)]
        found = []
        for write in ways:
            write()
            found.append(path.read_bytes())
        path.unlink()
        return found

    return seeds


def _film(root: Path, *, place: str) -> None:
    """Call the readers of a source and of a dataset's item."""
    from modalities.video.decode import ClipReader
    from modalities.video.source import _clip

    def source() -> None:
        frames, times = _clip(root / place)
        assert len(frames) == len(times)

    def item() -> None:
        assert ClipReader(4, 0.8, 2, 32)(root / place).shape == (2, 3, 4, 32, 32)

    read_all(source, item)


def _video(name: str, what: str) -> Decoder:
    place = f"item.{name}"
    return Decoder(name, f"{what} as a video source and as a dataset's item", place, _films(name),
                   partial(_film, place=place))  # fmt: skip


DECODERS = (_video("mp4", "H.264 in MP4"), _video("avi", "MPEG-4 in AVI"))
