"""Speech Commands v2, the 12-class task: ten commands, silence and unknown words."""

from __future__ import annotations

from modalities.audio.targets._published import project_page
from modalities.audio.targets._speechcommands import BYTES, SpeechCommands
from modalities.audio.targets._speechcommands_words import COMMANDS
from modalities.base import TargetInfo


class SpeechCommands12(SpeechCommands):
    info = TargetInfo(
        name="speechcommands",
        title="Speech Commands v2, 12 classes",
        modality="audio",
        classes=(*COMMANDS, "silence", "unknown"),
        train_items=36_923,
        test_items=4_890,
        licence="CC BY 4.0",
        citation=(
            "@article{warden2018speech, title={Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition}, "
            "author={Pete Warden}, journal={arXiv:1804.03209}, year={2018}}"
        ),
        homepage="https://arxiv.org/abs/1804.03209",
        download_bytes=BYTES,
        leak_unit="speaker",
        published=project_page(teacher=0.9515, full_data=0.9486, clip_a=0.8290, clip_b=0.8419),
        notes=(
            "Official lists; the validation part is left out. Unknown and silence are 10 % each, as officially, but "
            "chosen by hash and by even spacing, so 816 of the 4,890 test items differ from the separate test archive. "
            "Silence of training and test comes from different stretches of the same six recordings."
        ),
    )


TARGET = SpeechCommands12()
