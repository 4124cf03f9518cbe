"""Speech Commands v2, all 35 words."""

from __future__ import annotations

from dataclasses import replace

from modalities.audio.targets._speechcommands import SpeechCommands
from modalities.audio.targets._speechcommands_words import WORDS
from modalities.audio.targets.speechcommands import SpeechCommands12


class SpeechCommands35(SpeechCommands):
    info = replace(
        SpeechCommands12.info,
        name="speechcommands35",
        title="Speech Commands v2, 35 words",
        classes=WORDS,
        train_items=84_843,
        test_items=11_005,
        published=(),
        notes="Official lists; the validation part (9,981 recordings) is left out.",
    )


TARGET = SpeechCommands35()
