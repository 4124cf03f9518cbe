"""Speech Commands v2, all 35 words."""

from __future__ import annotations

from modalities.audio.targets._speechcommands import BYTES, CITATION, HOMEPAGE, SpeechCommands
from modalities.audio.targets._speechcommands_words import WORDS
from modalities.base import TargetInfo


class SpeechCommands35(SpeechCommands):
    """See ``SpeechCommands``."""

    info = TargetInfo(
        name="speechcommands35",
        title="Speech Commands v2, 35 words",
        modality="audio",
        classes=WORDS,
        train_items=84_843,
        test_items=11_005,
        licence="CC BY 4.0",
        citation=CITATION,
        homepage=HOMEPAGE,
        download_bytes=BYTES,
        leak_unit="speaker",
        notes="Official lists; the validation part (9,981 recordings) is left out.",
    )
    words = WORDS
    has_extra_classes = False


TARGET = SpeechCommands35()
