"""Reading labelled data: seconds and memory to list a million files, and items per second and core of our readers.

    python scripts/measure_reading.py [--items 1300000] [--out results/measured/reading]

Everything is generated in a temporary folder (a file per item: mind the inodes). Listing runs in a fresh process each
time. Readers run on the same files in turns with the libraries a user would take otherwise, one thread each; CPU time
is counted, so that a shared machine matters less, and medians of the turns are reported. Writes README.md and
reading.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

TURNS = 7
Reader = Callable[[Path], Any]


# --- listing -----------------------------------------------------------------------------------------------------


def write_tree(root: Path, items: int) -> None:
    """Empty files under the names and folders of ImageNet's training images."""
    from modalities.registry import target

    wnids = target("imagenet").info.classes
    for k, wnid in enumerate(wnids):
        place = root / "imagenet" / "train" / wnid
        place.mkdir(parents=True)
        for i in range(items // len(wnids) + (k < items % len(wnids))):
            os.mknod(place / f"{wnid}_{i * 37 % 90_001}.JPEG")  # one call of the system, where touch makes three


def memory(field: str) -> int:
    """Bytes of this process: ``VmRSS`` now, or ``VmHWM`` at its peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])


def list_once(what: str, root: Path) -> dict[str, float]:
    """Construct a split in this process: seconds, memory after and at the peak, above what the imports take."""
    import torchvision

    from benchmark.data.subsets import holdout_split
    from modalities.image.options import ImageView
    from modalities.registry import target

    adapter, view = target("imagenet"), ImageView(size=224)
    before, began = memory("VmRSS"), time.perf_counter()
    data: Any = (
        torchvision.datasets.ImageFolder(str(root / "imagenet" / "train"))
        if what == "torchvision"
        else adapter.train(root, view)
    )
    found = {
        "seconds": time.perf_counter() - began,
        "bytes_per_item": (memory("VmRSS") - before) / len(data),
        "peak_bytes_per_item": (memory("VmHWM") - before) / len(data),
        "items": len(data),
    }
    if what != "torchvision":
        began = time.perf_counter()
        holdout_split(data, 0.02)
        found["hold_out_seconds"] = time.perf_counter() - began
        began = time.perf_counter()
        adapter.status(root)
        found["status_seconds"] = time.perf_counter() - began
    return found


def measure_listing(folder: Path, items: int) -> dict[str, dict[str, float]]:
    """First and second construction of ours, in fresh processes, and that of torchvision's ImageFolder."""
    write_tree(folder, items)
    time.sleep(3)  # an index of folders that have only just changed is not kept
    environment = {**os.environ, "BENCHMARK_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    found = {}
    for name in ("first", "second", "torchvision"):
        command = [sys.executable, __file__, "--list", name, "--root", str(folder)]
        found[name] = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    found["cache"] = {"bytes_per_item": sum(p.stat().st_size for p in folder.glob("cache/indexes/*")) / items}
    return found


# --- decoding ----------------------------------------------------------------------------------------------------


def pictures(folder: Path) -> tuple[list[Path], Reader, Reader, str]:
    """Photographs of 500 × 375 as JPEG, read as the scaled centre of 224 × 224."""
    from PIL import Image
    from sklearn.datasets import load_sample_images
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    from modalities.image.folder import ImageReader

    draws = np.random.default_rng(0)
    (folder / "class").mkdir(parents=True)
    photographs = load_sample_images().images  # 640 × 427
    for i in range(60):
        top, left = draws.integers(0, 427 - 375), draws.integers(0, 640 - 500)
        crop = photographs[i % 2][top : top + 375, left : left + 500]
        Image.fromarray(crop).save(folder / "class" / f"{i:03d}.jpg", quality=95)
    chain = transforms.Compose(
        [
            transforms.Resize(224, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.PILToTensor(),
        ]
    )
    theirs = ImageFolder(str(folder), chain)
    places = {path: i for i, (path, _) in enumerate(theirs.samples)}
    reader = ImageReader(224)
    return sorted(folder.glob("*/*.jpg")), reader, lambda path: theirs[places[str(path)]][0], "torchvision ImageFolder"


def recordings(folder: Path) -> tuple[list[Path], Reader, Reader, str]:
    """Speech of 12 s at 16 kHz as FLAC, of which the middle second is read."""
    import librosa
    import soundfile

    import modalities.audio
    from modalities.audio.decode import read_windows

    folder.mkdir()
    speech, rate = soundfile.read(Path(modalities.audio.__file__).parent / "assets" / "speech.ogg", dtype="float32")
    draws = np.random.default_rng(0)
    for i in range(60):
        start = draws.integers(0, len(speech) - 12 * rate)
        soundfile.write(folder / f"{i:03d}.flac", speech[start : start + 12 * rate], rate, subtype="PCM_16")
    assert rate == 16_000, rate

    def theirs(path: Path) -> Any:
        return librosa.load(path, sr=rate, offset=5.5, duration=1.0)[0]

    return sorted(folder.iterdir()), lambda path: read_windows(path, rate, rate, 1), theirs, "librosa.load"


def clips(folder: Path, between: int) -> tuple[list[Path], Reader, Reader, str]:
    """Videos of 10 s, 340 × 256 at 25 frames a second, as H.264; four frames of the middle 1.6 s, 182 × 182."""
    import av
    import torch
    from pytorchvideo.data.encoded_video import EncodedVideo
    from sklearn.datasets import load_sample_images

    from modalities.video.decode import ClipReader

    folder.mkdir()
    draws = np.random.default_rng(0)
    for i in range(4):
        photograph = load_sample_images().images[i % 2]
        path = 40 + 30 * np.cumsum(draws.normal(0, 0.08, (250, 2)), axis=0)
        with av.open(str(folder / f"{i}.mp4"), "w") as container:
            options = {"g": str(between), "preset": "medium"}
            stream = container.add_stream("libx264", rate=25, width=340, height=256, pix_fmt="yuv420p", options=options)
            for frame in range(250):
                y, x = np.clip(path[frame], 0, (427 - 256, 640 - 340)).astype(int)
                noise = draws.integers(-6, 7, (256, 340, 1))
                view = np.clip(photograph[y : y + 256, x : x + 340] + noise, 0, 255).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
            container.mux(stream.encode())

    def theirs(path: Path) -> Any:
        video = EncodedVideo.from_path(str(path), decode_audio=False, decoder="pyav")
        video._container.streams.video[0].thread_count = 1
        clip = video.get_clip(Fraction(42, 10), Fraction(58, 10))["video"]
        clip = clip[:, torch.linspace(0, clip.shape[1] - 1, 4).long()]
        clip = torch.nn.functional.interpolate(clip, size=(182, 241), mode="bilinear", align_corners=False)
        video.close()
        return clip[..., 29 : 29 + 182]

    return sorted(folder.iterdir()), ClipReader(4, 1.6, 1, 182), theirs, "pytorchvideo EncodedVideo (pyav)"


def race(files: list[Path], ours: Reader, theirs: Reader, other: str) -> dict[str, Any]:
    """Items per second of CPU time of two readers in turns over the same files."""
    speeds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(TURNS + 1):
        for name, read in (("ours", ours), ("theirs", theirs)):
            began = time.process_time()
            for file in files:
                read(file)
            if turn:  # the first one loads and allocates
                speeds[name].append(len(files) / (time.process_time() - began))
    mine, others = (statistics.median(speeds[name]) for name in ("ours", "theirs"))
    return {"ours_per_second": mine, "theirs_per_second": others, "ratio": mine / others, "other": other}


# --- report ------------------------------------------------------------------------------------------------------


def machine() -> str:
    """The processor in words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def report(found: dict[str, Any]) -> str:
    """Two tables and how they were made."""
    listing = found["listing"]
    rows = [("ours, first time", "first"), ("ours, afterwards", "second"), ("torchvision ImageFolder", "torchvision")]
    listed = [
        f"| {name} | {listing[key]['seconds']:.2f} | {listing[key]['bytes_per_item']:.0f} "
        f"| {listing[key]['peak_bytes_per_item']:.0f} |"
        for name, key in rows
    ]
    read = [
        f"| {what} | {row['ours_per_second']:,.0f} | {row['other']} | {row['theirs_per_second']:,.0f} "
        f"| {row['ratio']:.2f} |"
        for what, row in found["reading"].items()
    ]
    second = listing["second"]
    return "\n".join(
        [
            "# Reading labelled data",
            "",
            f"`python scripts/measure_reading.py` on: {found['machine']}; {found['libraries']}. "
            "Generated files throughout.",
            "",
            f"## Listing {second['items']:,} files in the layout of ImageNet",
            "",
            "A fresh process each; folders are in the system's cache, as after writing them; memory is above that of "
            "the imports.",
            "",
            "| construction of the training split | seconds | bytes per item | at the peak |",
            "|---|---|---|---|",
            *listed,
            "",
            f"Then, with the index: cutting off a held-out part takes {second['hold_out_seconds']:.1f} s, `status` "
            f"{second['status_seconds']:.1f} s. The kept index takes {listing['cache']['bytes_per_item']:.0f} bytes "
            "per item on disk.",
            "",
            "## Items per second of one core",
            "",
            f"In turns over the same files, one thread, CPU time, medians of {TURNS}.",
            "",
            "| what | ours | the other | its items per second | ratio |",
            "|---|---|---|---|---|",
            *read,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_300_000)
    parser.add_argument("--out", type=Path, default=Path("results/measured/reading"))
    parser.add_argument("--list", help=argparse.SUPPRESS)  # a fresh process of this script
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        print(json.dumps(list_once(options.list, options.root)))
        return

    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="reading-") as name:
        folder = Path(name)
        reading = {
            "JPEG 500 × 375 to 224 × 224": race(*pictures(folder / "jpeg")),
            "FLAC, 1 s of 12 s at 16 kHz": race(*recordings(folder / "flac")),
            "MP4, 4 frames of 10 s, a keyframe every 250 frames": race(*clips(folder / "mp4", 250)),
            "MP4, 4 frames of 10 s, a keyframe every 25 frames": race(*clips(folder / "mp4-25", 25)),
        }
        listing = measure_listing(folder, options.items)
    names = ("torch", "torchvision", "pillow", "librosa", "soundfile", "pytorchvideo", "av")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    found = {"machine": machine(), "libraries": libraries, "listing": listing, "reading": reading}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "reading.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (options.out / "README.md").write_text(report(found))
    print(report(found))


if __name__ == "__main__":
    main()
