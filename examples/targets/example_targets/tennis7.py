"""Tennis-7: clips of seven strokes, in four folds of our own, because the authors give no split."""

import re
from collections.abc import Iterable
from pathlib import Path

from modalities.base import TargetInfo
from modalities.datasets.files import LabelledFile, folds_by_unit
from modalities.video.folder import VideoFileTarget

SPLIT, FOLDS = "tennis7-tens-4-folds-1", 4


def block(name: str) -> str:
    """Return the leak unit of STROKE/STROKEn.mp4: clips 1–10 of a stroke, 11–20, 21–30, 31–40, or the rest."""
    stroke, _, file = name.partition("/")
    number = int(re.sub(r"\D", "", file.rpartition(".")[0]))
    return f"{stroke}/{min((number - 1) // 10, 4)}"


class Tennis7(VideoFileTarget):
    """Reads ``ROOT/tennis7/STROKE/*.mp4`` (implements ``modalities.base.TargetAdapter``)."""

    info = TargetInfo(
        name="tennis7",
        title="Tennis, seven strokes",
        modality="video",
        classes=("b_slice", "b_volley", "backhand", "f_volley", "forehand", "serve", "smash"),
        train_items=281,
        test_items=90,
        licence="not stated",
        citation="@article{tennis2025, title={3D CNN Approach for Tennis Movement Recognition Using Spatiotemporal "
        "Features of Video}, journal={Modelling and Simulation in Engineering}, doi={10.1155/mse/1483523}, "
        "year={2025}}",
        homepage="https://github.com/Nelijahk/3DCNN-Tennis-Action-Recognition",
        download_bytes=0,
        leak_unit="ten clips numbered in a row",
        folds=FOLDS,
        fold_test_items=(90, 99, 93, 89),
        notes=f"Folds of our own, {SPLIT}: each tests on a quarter of the tens of clips, because neighbours often show "
        "one match; with so few clips, one test set alone says little. Clips of a match that spans two tens, or of two "
        "strokes in it, can be on both sides.",
    )
    unit = "clips"
    layout = "STROKE/STROKEn.mp4"

    def files(self, home: Path) -> Iterable[LabelledFile]:
        clips = self.found(home, self.info.classes)
        every = (LabelledFile(clip, clip.split("/")[0], group=block(clip)) for clip in clips)
        return folds_by_unit(every, SPLIT, FOLDS)


TARGET = Tennis7()
