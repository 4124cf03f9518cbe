"""Which view fits a dataset of clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from modalities.video.look import suggest_view
from modalities.video.standins import write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    write_clips(folder, ("jump",), "{0}_{1}_{2}.avi".format, seed=0, groups=2, per_group=1)
    return sorted(folder.rglob("*.avi"))


def test_a_clip_is_as_long_as_the_videos(clips: list[Path]) -> None:
    import av

    with av.open(str(clips[0])) as container:
        stream = container.streams.video[0]
        seconds, side = stream.frames / float(stream.average_rate), min(stream.width, stream.height)
    found = suggest_view(clips)
    assert found.view == {"seconds": pytest.approx(min(seconds, 2.0), abs=0.05)}
    assert found.seen == f"the median of 2 videos lasts {seconds:.2f} s; the shorter side has {side} pixels"
