"""The stand-in of Kinetics-400: a camera approaches, leaves or passes warm or cold discs; H.264 in MP4."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Draws
from modalities.video.standins import FRAMES, HEIGHT, RATE, WIDTH

MOVES = ("nearer", "further", "across", "rest")
# Mean colour of the discs. Their colours vary widely, so a palette is a cue, but not in every corner of the picture.
PALETTES = {"warm": (165, 125, 85), "cold": (85, 125, 165)}
VIDEOS = {"train": 36, "val": 14}  # of each of the eight classes
DISCS = 90
DETAIL = 4  # width of the painted picture, in frame widths; a frame shows about half of it
TICKS = 1000  # time stamps per second


def render(number: int, scene: Draws) -> NDArray[np.uint8]:
    """Return the frames (FRAMES, HEIGHT, WIDTH, 3) of a video of class ``number`` (0 … 7)."""
    from PIL import Image, ImageDraw

    move, palette = MOVES[number % 4], np.array(list(PALETTES.values())[number // 4])
    size = np.array([WIDTH, HEIGHT]) * DETAIL
    places = scene.uniform(0, "places", (DISCS, 2)) * size
    radii = 5 * scene.uniform(0, "radii", DISCS, 0.05, 1) ** -0.5 * DETAIL / 2
    colours = palette + 45 * scene.normal(0, "colours", (DISCS, 3)) + 45 * scene.normal(0, "light", (DISCS, 1))
    painted = Image.new("RGB", tuple(size.tolist()), tuple(palette.tolist()))
    brush = ImageDraw.Draw(painted)
    for (x, y), radius, colour in zip(places, radii, colours.clip(0, 255).astype(int).tolist(), strict=True):
        brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(colour))
    middle = size * scene.uniform(0, "middle", 2, 0.47, 0.53)
    speed = float(scene.uniform(0, "speed", 1, 0.5, 0.9)[0]) * {"nearer": -1, "further": 1}.get(move, 0)
    side = 1 if scene.chance(0, "side", 1, 0.5)[0] else -1
    travel = np.array([side * size[0] / 5 if move == "across" else 0, 0])
    shake = scene.normal(0, "shake", (FRAMES, 2)) * DETAIL / 4
    frames = []
    for along, jolt in zip(np.linspace(-0.5, 0.5, FRAMES), shake, strict=True):
        half = size / 4 * np.exp(along * speed)
        place = middle + jolt + along * travel
        box = (*(place - half), *(place + half))
        frames.append(np.asarray(painted.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)))
    return np.stack(frames)


def write_h264(path: Path, frames: NDArray[np.uint8], *, uneven: bool = False, turned: bool = False) -> None:
    """Write (n, H, W, 3) frames as H.264, at an ``uneven`` rate as phones do, or stored ``turned`` by 90 degrees."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "18"})
        if turned:
            frames = np.ascontiguousarray(np.rot90(frames, -1, (1, 2)))
            stream.set_display_rotation(90)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, TICKS)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            late = 40 * (number % 3) if uneven else 0  # ms, of a distance of 100
            frame.pts, frame.time_base = number * TICKS // RATE + late, Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write(folder: Path, classes: Mapping[str, str], seed: int) -> None:
    """Write both parts, of classes with their folders; the second has one uneven, one turned and one absent video."""
    (folder / "annotations").mkdir(parents=True)
    for part, videos in VIDEOS.items():
        rows = []
        for number, (label, name) in enumerate(classes.items()):
            (folder / part / name).mkdir(parents=True)
            for video in range(videos):
                scene = Draws(seed, f"stand-in/{part}/{number}/{video}/")
                letters = "".join("ABCDEFGHIJabcdefghij0123456789_-"[k] for k in scene.integers(0, "name", 11, 32))
                start = int(scene.integers(0, "start", 1, 200)[0])
                rows.append((label, letters, start, start + 10, part))
                path = folder / part / name / f"{letters}_{start:06}_{start + 10:06}.mp4"
                odd = part == "val" and video == 0
                write_h264(path, render(number, scene), uneven=odd and number == 0, turned=odd and number == 1)
        if part == "val":
            rows.append((next(iter(classes)), "gone-for-ever", 3, 13, part))
        with (folder / "annotations" / f"{part}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("label", "youtube_id", "time_start", "time_end", "split"))
            table.writerows(rows)
