"""The stand-in of HMDB51: a camera that pans, tilts or rests over vertical or horizontal grain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Draws
from modalities.video.standins import FRAMES, HEIGHT, WIDTH, write_video

CAMERAS = ("across", "up", "down", "rest")
GRAINS = ("upright", "lying")  # eight classes: every camera over every grain; mirroring keeps the class
SIDES = {"short": (3.5, 5.5), "long": (10.0, 16.0)}  # of a grain, pixels
GROUPS, TAKES = 10, 5  # source videos of a class, and clips of each
MARGIN = 40  # pixels that the camera may move


def render(number: int, scene: Draws, take: int) -> NDArray[np.uint8]:
    """Return the frames (FRAMES, HEIGHT, WIDTH, 3) of one clip of class ``number`` (0 … 7)."""
    from PIL import Image

    camera, grain = CAMERAS[number % 4], GRAINS[number // 4]
    short, long = (float(scene.uniform(take, f"{side} side", 1, *ends)[0]) for side, ends in SIDES.items())
    cell = (long, short) if grain == "upright" else (short, long)
    rows, columns = (int((side + 2 * MARGIN) / size) + 2 for side, size in zip((HEIGHT, WIDTH), cell, strict=True))
    colour = scene.uniform(0, "colour", 3, 60, 195)
    noise = (
        colour
        + 45 * scene.normal(take, "grey", (rows, columns, 1))
        + 25 * scene.normal(take, "tint", (rows, columns, 3))
    )
    small = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    ground = np.asarray(small.resize((WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN), Image.Resampling.BICUBIC))
    travel = scene.uniform(take, "travel", 1, 20, 36)[0]
    side = 1 if scene.chance(take, "side", 1, 0.5)[0] else -1
    x, y = {"across": (side * travel, 0), "up": (0, -travel), "down": (0, travel), "rest": (0, 0)}[camera]
    shake = scene.normal(take, "shake", (FRAMES, 2)) * 0.6
    frames = []
    for moment, (dx, dy) in zip(np.linspace(-0.5, 0.5, FRAMES), shake, strict=True):
        left, top = round(MARGIN + moment * x + dx), round(MARGIN + moment * y + dy)
        frames.append(ground[top : top + HEIGHT, left : left + WIDTH])
    return np.stack(frames)


def write(videos: Path, lists: Path, classes: Sequence[str], seed: int) -> None:
    """Write clips and split lists: each fold tests three groups of ten; one clip of each class is in no split."""
    lists.mkdir(parents=True)
    for number, label in enumerate(classes):
        (videos / label).mkdir(parents=True)
        tags: dict[str, int] = {}
        for group in range(GROUPS):
            scene = Draws(seed, f"stand-in/{label}/{group}/")
            for take in range(TAKES):
                # Like the originals, names contain characters that are special in a shell.
                name = f"#{label[:3]}_film_({group})_{label}_f_nm_np1_fr_med_{take}.avi"
                write_video(videos / label / name, render(number, scene, take))
                tags[name] = group
        unused = max(tags)
        for fold in range(3):
            held = range(3 * fold, 3 * fold + 3)
            lines = (f"{name} {0 if name == unused else 2 if group in held else 1} \n" for name, group in tags.items())
            (lists / f"{label}_test_split{fold + 1}.txt").write_text("".join(lines), encoding="utf-8")
