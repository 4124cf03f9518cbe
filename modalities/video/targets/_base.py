"""What the video adapters share: clips of labelled videos, and which of the listed videos are on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from modalities.base import Published
from modalities.datasets.listing import Listing, Row
from modalities.datasets.target import Target
from modalities.video.decode import videos
from modalities.video.policies import VideoView

FOLDS = (1, 2, 3)  # of the datasets with official splits


class VideoTarget(Target):
    """Base of the video adapters, whose rows are paths."""

    unit = "videos"

    def listing(self, rows: Sequence[Row], view: VideoView, *, test: bool) -> Listing:
        """Return ``view.train_clips`` or ``view.test_clips`` raw clips of each video."""
        return videos(rows, view, test=test)


def x3d_student(top1: float) -> tuple[Published, ...]:
    """Return the published result of a video target."""
    paper = "Asano & Saeed 2023, arXiv 2112.00725"
    teacher, student = ("x3d-xs", "x3d-xs:pretrained", "x3d-w2-d2.2"), ("x3d-w5-d3",)
    return (Published(top1, "student", "X3D-XS → X3D width 5, depth 3", "one image", paper, teacher, student),)


def inventory(listed: Iterable[Path], lists: Iterable[Path]) -> tuple[list[str], str, int]:
    """Return which listed videos are missing, a fingerprint (of names, sizes and lists) and the size of the others."""
    digest, total, missing = hashlib.sha256(), 0, []
    for path in sorted(set(listed)):
        if path.is_file():
            size = path.stat().st_size
            total += size
            digest.update(f"{path.parent.name}/{path.name} {size}\n".encode())
        else:
            missing.append(path)
    for path in lists:
        digest.update(path.read_bytes())
    what = [f"{len(missing):,} videos, such as {missing[0].parent.name}/{missing[0].name}"] if missing else []
    return what, digest.hexdigest(), total
