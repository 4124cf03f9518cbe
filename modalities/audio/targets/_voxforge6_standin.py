"""The stand-in of VoxForge: the speed of talking, and which sounds follow each other, tell the language."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modalities.audio.targets._synthesis import Manner, any_voice, write_talk
from modalities.datasets.splits import held_out

RATE = 16_000
HOST = "www.repository.voxforge1.org/downloads"
SPEAKERS = {False: 12, True: 4}  # of each language, for training and test
UTTERANCES = 8  # of each speaker
MANNERS = {
    "de": Manner(9, "ieeaao", "ttssm", 0.8, -0.1),
    "en": Manner(9, "ieaaoo", "ttsmm", 0.5, -0.4),
    "es": Manner(13, "ieeaao", "ttsm", 0.1, -0.1),
    "fr": Manner(10, "iieeuu", "tssmm", 0.2, 0.4),
    "it": Manner(7, "ieaaoo", "ttmm", 0.0, 0.2),
    "ru": Manner(9, "iauuoo", "tsssm", 0.6, -0.2),
}


def write(folder: Path, list_name: str, split: str, seed: int) -> None:
    """Write submissions of all languages and the list of their archives."""
    rng = np.random.default_rng(seed)
    urls = []
    for language, manner in MANNERS.items():
        needed = dict(SPEAKERS)
        while any(needed.values()):
            speaker = "".join(rng.choice(list("aeiklmnorstu"), 7))
            test = held_out(speaker, split)
            if not needed[test]:
                continue
            needed[test] -= 1
            submission = f"{speaker}-2012{rng.integers(1000, 1230)}-{''.join(rng.choice(list('abcdefgh'), 3))}"
            place, voice = folder / language / submission, any_voice(rng)
            for number in range(UTTERANCES):
                path = place / "wav" / f"{language}-{number:04}.wav"
                write_talk(path, voice, manner, rng.uniform(1.6, 2.2), RATE, rng)
            (place / "etc").mkdir()
            (place / "etc" / "README").write_text(f"User Name:{speaker}\n\nLanguage:{language}\n", encoding="utf-8")
            urls.append(f"{HOST}/{language}/Trunk/Audio/Main/16kHz_16bit/{submission}.tgz\n")
    (folder / list_name).write_text("".join(urls), encoding="utf-8")
