"""Arabic-10: the ten digit words of the Arabic Speech Commands dataset, by its own split of speakers."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from modalities.audio.folder import AudioFileTarget
from modalities.base import TargetInfo
from modalities.datasets.files import LabelledFile
from modalities.datasets.lists import table

LISTS = {"train.csv": "train", "val.csv": "train", "test.csv": "test"}  # the harness holds a part out by itself


class Arabic10(AudioFileTarget):
    """Reads ``ROOT/arabic10/{train,val,test}.csv`` (implements ``modalities.base.TargetAdapter``)."""

    info = TargetInfo(
        name="arabic10",
        title="Arabic Speech Commands, ten digits",
        modality="audio",
        classes=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        train_items=2_400,
        test_items=600,
        licence="CC BY 4.0",
        citation="@article{ghandoura2021building, author={Ghandoura, Abdulkader and Hjabo, Farouk and Al Dakkak, "
        "Oumayma}, title={Building and Benchmarking an Arabic Speech Commands Dataset for Small-Footprint Keyword "
        "Spotting}, journal={Engineering Applications of Artificial Intelligence}, volume={102}, year={2021}}",
        homepage="https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset",
        download_bytes=0,
        leak_unit="speaker",
        notes="Trained on the lists train and val, 24 speakers; the list test has six others.",
    )
    lists = tuple(LISTS)
    layout = "dataset/WORD/SPEAKER_NO_ROUND.flac beside " + ", ".join(LISTS)

    def files(self, home: Path) -> Iterator[LabelledFile]:
        for name, split in LISTS.items():
            for line in table(home / name, ("file", "class")):
                speaker = PurePosixPath(line["file"]).name.partition("_")[0]
                yield LabelledFile(line["file"], line["class"], split, speaker)


TARGET = Arabic10()
