"""Generated clips with labels: motion and texture tell the class; place, colour and speed are random."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Array, Draws

WIDTH, HEIGHT, FRAMES, RATE = 80, 60, 16, 10
TILE = 72  # pixels of the moving object's texture
MOTIONS = ("rise", "fall", "approach", "recede")
TEXTURES = ("coarse", "fine")  # eight classes: every motion with every texture; mirroring keeps the class
_ROWS, _COLUMNS = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)


def write_clips(
    folder: Path,
    labels: Sequence[str],
    file_name: Callable[[str, int, int], str],
    *,
    seed: int,
    groups: int,
    per_group: int,
) -> list[tuple[str, int]]:
    """Write clips of up to eight classes as ``folder/LABEL/NAME``; return ``LABEL/NAME`` with the group of each.

    They are MPEG-4. Clips of one group share colours and background, as scenes from one video do.
    """
    written = []
    for number, label in enumerate(labels):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for group in range(1, groups + 1):
            scene = Draws(seed, f"stand-in/{label}/{group}/")
            for clip in range(1, per_group + 1):
                name = file_name(label, group, clip)
                write_video(folder / label / name, render(number, scene, clip))
                written.append((f"{label}/{name}", group))
    return written


def render(number: int, scene: Draws, clip: int) -> NDArray[np.uint8]:
    """Return the frames (FRAMES, HEIGHT, WIDTH, 3) of one clip of class ``number`` (0 … 7): an object that moves."""
    motion, texture = MOTIONS[number % 4], TEXTURES[number // 4]
    colours = scene.uniform(0, "colours", (2, 3), 0, 255)
    cell = 16 if texture == "coarse" else 4
    pattern = _blotches(scene.within("pattern/"), clip, TILE, TILE, cell, colours[0], 75.0)
    ground = _blotches(scene.within("ground/"), 0, HEIGHT, WIDTH, 6, colours[1], 45.0)
    is_disc = bool(scene.chance(clip, "round", 1, 0.5)[0])  # otherwise a box
    start = scene.uniform(clip, "start", 2, 0.38, 0.62) * [WIDTH, HEIGHT]  # centre at the middle of the clip
    radius = float(scene.uniform(clip, "radius", 1, 15, 24)[0])
    speed = float(scene.uniform(clip, "speed", 1, 0.7, 1.3)[0])
    drift = scene.uniform(clip, "drift", 2, -5, 5)  # pixels over the clip
    frames = []
    for moment in np.linspace(-0.5, 0.5, FRAMES).tolist():
        centre, zoom = start + moment * drift, 1.0
        if motion in ("rise", "fall"):
            centre = centre + np.array([0, moment * speed * (-28 if motion == "rise" else 28)])
        else:
            zoom = math.exp(moment * speed * (0.9 if motion == "approach" else -0.9))
        x, y = (_COLUMNS - centre[0]) / zoom, (_ROWS - centre[1]) / zoom
        distance = np.hypot(x, y) if is_disc else np.maximum(abs(x), abs(y))
        cover = np.clip((radius - distance) * zoom + 0.5, 0, 1)[..., None]
        row, column = ((np.rint(place).astype(int) + TILE // 2) % TILE for place in (y, x))
        frames.append((cover * pattern[row, column] + (1 - cover) * ground).astype(np.uint8))
    return np.stack(frames)


def _blotches(
    draws: Draws, step: int, height: int, width: int, cell: int, colour: Array, strength: float
) -> NDArray[np.float32]:
    """Return smooth random blotches of about ``cell`` pixels around a colour, (height, width, 3)."""
    from PIL import Image

    rows, columns = height // cell + 1, width // cell + 1
    noise = draws.normal(step, "blotches", (rows, columns, 3)) * strength
    noise[..., :] += draws.normal(step, "grey", (rows, columns, 1)) * strength
    small = Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def write_video(
    path: Path, frames: NDArray[np.uint8], rate: int = RATE, codec: Literal["mpeg4", "libx264"] = "mpeg4"
) -> None:
    """Write (n, H, W, 3) frames as video, by default as old datasets do."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        if codec == "mpeg4":
            stream.bit_rate = 1_000_000
        stream.codec_context.thread_count = 1
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
