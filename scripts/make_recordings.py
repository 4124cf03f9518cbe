"""Make the two recordings that ship as audio sources: a spoken text of our own and a synthesised piece of music.

Run from the repository root with the speech synthesiser ``espeak-ng`` installed; writes modalities/audio/assets/.
The committed files are authoritative: another version of the synthesiser speaks slightly differently.
"""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from modalities.audio.targets._speechcommands_words import WORDS

RATE = 16_000
ASSETS = Path(__file__).parent.parent / "modalities" / "audio" / "assets"
Wave = NDArray[np.floating]

# (voice, words per minute, pitch 0-99, text): a small radio play, so that one recording holds several voices.
PLAY = [
    ("en-us", 165, 45,
     "Good evening, and welcome aboard the Saturday ferry. A thick fog has rolled over the harbour, the gulls are "
     "quiet, and every lamp along the quay wears a pale yellow ring. Please keep your gloves and your children close."),
    ("en-us+f3", 185, 60,
     "My grandmother used to fix clocks above a cheese shop. She would hush us, touch a brass wheel, and whisper: "
     "listen, this machine is breathing. Each of them spoke with a different voice; some chirped, some growled."),
    ("en-us+m7", 150, 30,
     "Nonsense! Engines are not poets. Give me valves, pistons, a jug of oil and a pinch of patience. Yesterday we "
     "shifted a huge rusty anchor with nothing but rope, a judge's old bicycle and very loud singing."),
    ("en-us+f4", 200, 75,
     "Quick, look over there! Is that a whale, or just a zigzag of foam? Oh, it is joyful to be outside, with cold "
     "cheeks, salty lips and thirty azure miles of weather waiting beyond the lighthouse."),
    ("en-us+m3", 175, 50,
     "Ladies and gentlemen, the kitchen now offers spinach soup, fresh bread, roasted chestnuts and vanilla pudding. "
     "We also found a purple umbrella, a child's shoe, and a violin whose owner should perhaps practise elsewhere."),
    ("en-us+f2", 160, 40,
     "Thank you, captain. When the moon appears, bring the passengers upstairs; I shall measure the shadow of the "
     "mast, sketch the coast, and write a rather long letter about friendship, thunder and oatmeal."),
    ("en-us+m5", 190, 62,
     "Then pour the tea, you dreamers. The world is wide, the night is young, and even a fog, if you choose to hear "
     "it, hums, crackles, sighs and finally laughs."),
]  # fmt: skip


def spoken(voice: str, speed: int, pitch: int, text: str) -> Wave:
    """Return the lines of one speaker at RATE, with peak 0.7."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    wave, rate = soundfile.read(io.BytesIO(data))
    wave = soxr.resample(wave, rate, RATE, "VHQ")
    return np.asarray(0.7 * wave / np.abs(wave).max())


def speech() -> Wave:
    """Return the play, with a third of a second between speakers."""
    words = set(re.findall(r"[a-z]+", " ".join(text for *_, text in PLAY).lower()))
    if words & set(WORDS):  # none of the words that a target's network is to recognise may be memorised
        raise SystemExit(f"the text contains class names of targets: {sorted(words & set(WORDS))}")
    pause = np.zeros(RATE // 3)
    return np.concatenate([part for lines in PLAY for part in (spoken(*lines), pause)])


def tone(pitch: float, seconds: float, partials: Wave, attack: float, decay: float, vibrato: float) -> Wave:
    """Return a note of MIDI number ``pitch``: harmonics with attack and decay in seconds and vibrato in semitones."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * (t + vibrato * 0.0578 / 33 * np.sin(33 * t))
    wave = np.zeros_like(t)
    for k, level in enumerate(partials, 1):
        if k * 440 * 2 ** ((pitch - 69) / 12) < RATE / 2.2:
            wave += level * np.sin(k * phase) * np.exp(-t / (decay / k**0.4))
    fade = np.minimum(1, np.minimum(t / attack, (t[-1] - t) / 0.02))
    return np.asarray(wave * fade)


def music() -> Wave:
    """Return a minute for pad, bass, plucked strings, flute and percussion; seeded, so always the same piece."""
    rng = np.random.default_rng(7)
    beat = 0.42
    chords = [(45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62), (38, 57, 62, 65),
              (40, 56, 59, 64)]  # fmt: skip
    bars = 36
    total = np.zeros(int((bars * 4 * beat + 2) * RATE))

    def add(at: float, wave: Wave, level: float) -> None:
        start = int(at * RATE)
        total[start : start + len(wave)] += level * wave[: len(total) - start]

    scale = np.array([57, 59, 60, 62, 64, 65, 67, 68, 69, 71, 72, 74, 76, 77, 79, 81])
    place = 6
    for bar in range(bars):
        root, *upper = chords[bar % len(chords)] if bar % 12 < 8 else chords[-1 - bar % len(chords)]
        start = bar * 4 * beat
        for note in upper:
            add(start, tone(note, 4 * beat, 0.6 ** np.arange(8), 0.15, 4.0, 0.15), 0.07)
        for k in (0, 1.5, 2, 3):
            add(start + k * beat, tone(root, 0.9 * beat, 1 / np.arange(1, 12) ** 1.2, 0.005, 0.5, 0), 0.22)
        for k in range(8):
            note = rng.choice(upper) + 12 * rng.integers(0, 3)
            add(start + k * beat / 2, tone(note, 1.2 * beat, 1 / np.arange(1, 16) ** 0.9, 0.003, 0.25, 0), 0.10)
        at = 0.0
        while at < 4 and bar >= 2:
            length = rng.choice([0.5, 0.5, 1, 1.5])
            place = int(np.clip(place + rng.integers(-3, 4), 0, len(scale) - 1))
            flute = tone(scale[place] + 12, length * beat, np.array([1, 0.4, 0.08, 0.05]), 0.04, 6.0, 0.6)
            add(start + at * beat, flute + 0.03 * rng.standard_normal(len(flute)), 0.16)
            at += length
        for k in range(8):
            t = np.arange(int(0.2 * RATE)) / RATE
            noise = rng.standard_normal(len(t))
            if k % 4 == 0:
                drum = np.sin(2 * np.pi * (45 * t + 6 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.08)
                add(start + k * beat / 2, drum, 0.5)
            elif k % 4 == 2:
                add(start + k * beat / 2, (noise + np.sin(2 * np.pi * 185 * t)) * np.exp(-t / 0.06), 0.14)
            add(start + k * beat / 2, np.diff(noise, prepend=0) * np.exp(-t / rng.choice([0.015, 0.06])), 0.05)
    return np.asarray(0.8 * total / np.abs(total).max())


def main() -> None:
    ASSETS.mkdir(parents=True, exist_ok=True)
    for name, wave in (("speech", speech()), ("music", music())):
        path = ASSETS / f"{name}.ogg"
        soundfile.write(path, wave.astype(np.float32), RATE, format="OGG", subtype="OPUS", compression_level=0.85)
        print(f"{path.name}: {len(wave) / RATE:.1f} s, {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
