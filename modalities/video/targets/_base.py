"""What the video adapters share: clips of labelled videos, and the published result."""

from __future__ import annotations

from collections.abc import Sequence

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
