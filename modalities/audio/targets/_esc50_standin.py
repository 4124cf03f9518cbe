"""The stand-in of ESC-50: thirteen of its classes, imitated by texture: rain, knocks, sirens, bells and more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from modalities.audio.standins import write_wave
from modalities.audio.targets._synthesis import Wave, faded, hiss, tone

RATE = 44_100
SECONDS = 1.1  # the original's clips last 5 s
RECORDINGS, TAKES = 3, 2  # recordings of a class in a fold, and clips cut from each

Draw = np.random.Generator
_COUNT = int(RATE * SECONDS)
_TIME = np.arange(_COUNT) / RATE


def _band(low: float, high: float, rng: Draw, count: int = _COUNT) -> Wave:
    return hiss(count, RATE, rng, lambda f: 1 / (1 + (low / (f + 1)) ** 4) / (1 + (f / high) ** 4))


def _struck(times: Wave, sound: Callable[[], Wave]) -> Wave:
    wave = np.zeros(2 * _COUNT)
    for moment in times[(times >= 0) & (times < SECONDS)]:
        one, at = sound(), int(moment * RATE)
        wave[at : at + len(one)] += one[: 2 * _COUNT - at]
    return wave[:_COUNT]


def _beats(rate: float, rng: Draw, jitter: float = 0.03) -> Wave:
    places = np.arange(0, SECONDS, 1 / rate) + rng.uniform(0, 1 / rate)
    return np.asarray(places + rng.normal(0, jitter / rate, len(places)))


def _click(low: float, high: float, seconds: float, rng: Draw) -> Wave:
    count = int(seconds * RATE)
    return np.asarray(_band(low, high, rng, count) * np.exp(-np.linspace(0, 7, count)) * rng.uniform(0.5, 1))


def rain(rng: Draw) -> Wave:
    return _band(1500, 9000, rng) + _struck(rng.uniform(0, SECONDS, 60), lambda: _click(1500, 5000, 0.01, rng))


def sea_waves(rng: Draw) -> Wave:
    swell = 0.08 + np.sin(np.pi * (_TIME * rng.uniform(0.8, 1.2) + rng.uniform(0, 1))) ** 4
    return np.asarray(_band(200, 2500, rng) * swell)


def crackling_fire(rng: Draw) -> Wave:
    times = rng.uniform(0, SECONDS, rng.integers(15, 35))
    return _struck(times, lambda: _click(800, 6000, 0.004, rng) * rng.exponential(1)) + 0.03 * _band(60, 400, rng)


def crickets(rng: Draw) -> Wave:
    pulse = np.sin(2 * np.pi * rng.uniform(14, 24) * _TIME) > rng.uniform(-0.2, 0.4)
    return np.asarray(np.sin(2 * np.pi * rng.uniform(2600, 3400) * _TIME) * pulse + 0.05 * _band(500, 3000, rng))


def chirping_birds(rng: Draw) -> Wave:
    def chirp() -> Wave:
        glide = np.linspace(rng.uniform(1500, 2200), rng.uniform(2600, 3600), int(rng.uniform(0.05, 0.12) * RATE))
        return faded(tone(glide[:: rng.choice([-1, 1])], RATE, [1.0]), 400)

    return _struck(_beats(rng.uniform(4, 7), rng, 0.3), chirp) + 0.02 * _band(300, 3000, rng)


def wind(rng: Draw) -> Wave:
    gust = np.interp(_TIME, np.linspace(0, SECONDS, 5), rng.uniform(0.2, 1, 5))
    return np.asarray(_band(80, rng.uniform(250, 450), rng) * gust)


def clock_tick(rng: Draw) -> Wave:
    return _struck(_beats(rng.uniform(3, 5), rng, 0.005), lambda: _click(2000, 3500, 0.02, rng)) + 0.005 * _band(
        100, 3000, rng
    )


def door_wood_knock(rng: Draw) -> Wave:
    low = rng.uniform(120, 260)
    return _struck(_beats(rng.uniform(4, 7), rng), lambda: _click(low, 2.5 * low, 0.07, rng)) + 0.005 * _band(
        100, 3000, rng
    )


def vacuum_cleaner(rng: Draw) -> Wave:
    whine = tone(np.full(_COUNT, rng.uniform(450, 750)), RATE, [1.0, 0.7, 0.5, 0.3])
    return np.asarray(whine + 0.8 * _band(300, 5000, rng))


def siren(rng: Draw) -> Wave:
    sweep = np.sin(2 * np.pi * (rng.uniform(1.0, 2.0) * _TIME + rng.uniform(0, 1)))
    return tone(rng.uniform(700, 900) * 2 ** (0.4 * sweep), RATE, [1.0, 0.4, 0.3, 0.1]) + 0.05 * _band(100, 3000, rng)


def engine(rng: Draw) -> Wave:
    pitch = rng.uniform(28, 50) * (1 + 0.03 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * _TIME))
    return tone(pitch, RATE, [0.9**k for k in range(24)]) + 0.3 * _band(50, 600, rng)


def church_bells(rng: Draw) -> Wave:
    root = rng.uniform(300, 600)

    def bell() -> Wave:
        t, scale = _TIME, rng.choice([1, 1.125, 1.25])
        partials = ((0.5, 2), (1, 3), (1.19, 4), (1.5, 5), (2, 5), (2.74, 7), (3.76, 8))  # of a minor-third bell
        return np.asarray(sum(np.sin(2 * np.pi * root * scale * a * t) * np.exp(-d * t) for a, d in partials))

    return _struck(_beats(rng.uniform(1.5, 2.5), rng), bell) + 0.02 * _band(100, 3000, rng)


def clapping(rng: Draw) -> Wave:
    return _struck(rng.uniform(0, SECONDS, 24), lambda: _click(700, 2500, 0.03, rng))


SOUNDS = (rain, sea_waves, crackling_fire, crickets, chirping_birds, wind, clapping, door_wood_knock, vacuum_cleaner,
          clock_tick, siren, engine, church_bells)  # fmt: skip


def write(folder: Path, classes: Sequence[str], seed: int) -> None:
    """Write clips of five folds and ``meta/esc50.csv``; clips cut from one recording share a fold."""
    rng = np.random.default_rng(seed)
    lines = ["filename,fold,target,category,esc10,src_file,take\n"]
    for fold in range(1, 6):
        for sound in SOUNDS:
            target = classes.index(sound.__name__)
            for _ in range(RECORDINGS):
                source = rng.integers(1_000, 300_000)
                for take in "ABCD"[:TAKES]:
                    name = f"{fold}-{source}-{take}-{target}.wav"
                    wave = sound(rng)
                    write_wave(folder / "audio" / name, rng.uniform(0.2, 0.8) * wave / np.abs(wave).max(), RATE)
                    lines.append(f"{name},{fold},{target},{sound.__name__},False,{source},{take}\n")
    (folder / "meta").mkdir(parents=True, exist_ok=True)
    (folder / "meta" / "esc50.csv").write_text("".join(lines), encoding="utf-8")
