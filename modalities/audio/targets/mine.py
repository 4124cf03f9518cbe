"""Mine: describe the dataset in one sentence."""

from modalities.audio.folder import AudioFolderTarget
from modalities.base import TargetInfo


class Mine(AudioFolderTarget):
    """Reads ``ROOT/mine/{train,test}/CLASS/*.wav`` (implements ``modalities.base.TargetAdapter``)."""

    info = TargetInfo(
        name="mine",
        title="Mine",
        modality="audio",
        classes=("first", "second", "third", "fourth"),  # in the official order; also the names of the folders
        train_items=2_000,
        test_items=500,
        licence="not stated",
        citation="@misc{mine, title={Mine}, author={Its Authors}, year={2000}}",
        homepage="https://example.org/mine",
        download_bytes=0,
        leak_unit="file",  # what train and test must not share, such as a speaker or a scene
    )


TARGET = Mine()
