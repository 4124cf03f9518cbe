"""Reading labelled data: seconds and memory to list a million files, and items per second and core of our readers.

    python scripts/measure/reading.py [--items 1300000] [--rounds 7] [--out results/measured/reading] [--resume]

Everything is generated in a temporary folder (a file per item: mind the inodes). Each listing runs in a fresh process.
Readers take turns on the same files with the libraries that a user would take otherwise, one thread each. CPU time is
counted, so that other work on the machine matters less, and the medians of the turns are reported.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.perf.timing import ROUNDS, time_rounds
from harness import Parts, measure, memory, parse_options, rate, rate_format, table

Reader = Callable[[Path], Any]
Contest = tuple[list[Path], Reader, Reader, str]  # files, our reader, the other one, its name
CPU = torch.device("cpu")
LIBRARIES = ("torch", "torchvision", "pillow", "librosa", "soundfile", "pytorchvideo", "av")


def write_tree(root: Path, items: int) -> None:
    """Write empty files under the names and folders of ImageNet's training images."""
    from modalities.registry import target

    wnids = target("imagenet").info.classes
    for k, wnid in enumerate(wnids):
        place = root / "imagenet" / "train" / wnid
        place.mkdir(parents=True)
        for i in range(items // len(wnids) + (k < items % len(wnids))):
            os.mknod(place / f"{wnid}_{i * 37 % 90_001}.JPEG")  # one system call, while touch makes three


def list_once(what: str, root: Path) -> dict[str, float]:
    """Construct a split in this process; return seconds, and memory (now, peak) above that of the imports."""
    import torchvision

    from benchmark.data.splits import holdout_split
    from modalities.image.policies import ImageView
    from modalities.registry import target

    adapter, view = target("imagenet"), ImageView(size=224)
    before, began = memory("self", "VmRSS"), time.perf_counter()
    data: Any = (
        torchvision.datasets.ImageFolder(str(root / "imagenet" / "train"))
        if what == "torchvision"
        else adapter.train(root, view)
    )
    found = {
        "seconds": time.perf_counter() - began,
        "bytes_per_item": (memory("self", "VmRSS") - before) / len(data),
        "peak_bytes_per_item": (memory("self", "VmHWM") - before) / len(data),
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


NAMES = {"first": "ours, first time", "second": "ours, afterwards", "torchvision": "torchvision ImageFolder"}


def list_files(folder: Path, items: int) -> dict[str, dict[str, float]]:
    """Construct ours a first and a second time, and torchvision's ImageFolder, each in a fresh process."""
    write_tree(folder, items)
    time.sleep(3)  # an index of folders that have only just changed is not saved
    found = {}
    for name in NAMES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            found[name] = process.submit(list_once, name, folder).result()
    found["cache"] = {"bytes_per_item": sum(p.stat().st_size for p in folder.glob("cache/indexes/*")) / items}
    return found


def pictures(folder: Path) -> Contest:
    """Write photographs of 500 × 375 as JPEG, to be read as the scaled centre of 224 × 224."""
    from PIL import Image
    from sklearn.datasets import load_sample_images
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    from modalities.image.decode import read_image

    draws = np.random.default_rng(0)
    (folder / "class").mkdir(parents=True)
    photographs = load_sample_images().images  # 640 × 427
    for i in range(60):
        top, left = draws.integers(0, 427 - 375), draws.integers(0, 640 - 500)
        crop = photographs[i % 2][top : top + 375, left : left + 500]
        Image.fromarray(crop).save(folder / "class" / f"{i:03d}.jpg", quality=95)
    resize = transforms.Resize(224, transforms.InterpolationMode.BICUBIC)
    chain = transforms.Compose([resize, transforms.CenterCrop(224), transforms.PILToTensor()])
    theirs = ImageFolder(str(folder), chain)
    places = {path: i for i, (path, _) in enumerate(theirs.samples)}
    reader = partial(read_image, side=224)
    return sorted(folder.glob("*/*.jpg")), reader, lambda path: theirs[places[str(path)]][0], "torchvision ImageFolder"


def recordings(folder: Path) -> Contest:
    """Write speech of 12 s at 16 kHz as FLAC, of which the middle second is to be read."""
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


def clips(folder: Path, between: int) -> Contest:
    """Write H.264 of 10 s, 340 × 256 at 25 frames a second; to be read: 4 frames of the middle 1.6 s, 182 × 182."""
    import av
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


CONTESTS: dict[str, Callable[[Path], Contest]] = {
    "JPEG 500 × 375 to 224 × 224": pictures,
    "FLAC, 1 s of 12 s at 16 kHz": recordings,
    "MP4, 4 frames of 10 s, a keyframe every 250 frames": partial(clips, between=250),
    "MP4, 4 frames of 10 s, a keyframe every 25 frames": partial(clips, between=25),
}


def race(what: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Return items per second of CPU time of two readers that take turns on the same files."""
    files, ours, theirs, other = CONTESTS[what](folder)

    def read_all(read: Reader, number: int) -> None:
        for file in files:
            read(file)

    taken = time_rounds({"ours": partial(read_all, ours), "theirs": partial(read_all, theirs)}, CPU, rounds)
    rates = {name: rate(len(files), seconds) for name, seconds in taken.items()}
    return {"what": what, "other": other, "ratio": rates["ours"]["median"] / rates["theirs"]["median"], **rates}


def body(found: Parts, rounds: int) -> list[str]:
    """Return two tables and how they were made."""
    lines = [f"{', '.join(f'{name} {version(name)}' for name in LIBRARIES)}. Generated files throughout."]
    if listing := found.get("listing"):
        columns = {
            "construction of the training split": "{name}", "seconds": "{seconds:.2f}",
            "bytes per item": "{bytes_per_item:.0f}", "at the peak": "{peak_bytes_per_item:.0f}",
        }  # fmt: skip
        second = listing["second"]
        lines += [
            "", f"## Listing {second['items']:,} files in the layout of ImageNet", "",
            "Each in a fresh process. Folders are in the system's cache, because they have just been written. "
            "Memory is above that of the imports.", "",
            *table(({"name": NAMES[key], **listing[key]} for key in NAMES), columns), "",
            f"With the index, holding out a part of the split takes {second['hold_out_seconds']:.1f} s, `status` "
            f"{second['status_seconds']:.1f} s. The index uses {listing['cache']['bytes_per_item']:.0f} bytes per item "
            "on disk.",
        ]  # fmt: skip
    columns = {"what": "{what}", "ours": rate_format("ours"), "the other": "{other}",
               "its items per second": rate_format("theirs"), "ratio": "{ratio:.2f}"}  # fmt: skip
    return [
        *lines, "", "## Items per second of one core", "",
        f"In turns on the same files, one thread, CPU time, medians of {rounds} rounds [slowest–fastest].", "",
        *table((part for name, part in found.items() if name != "listing"), columns),
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--items", type=int, default=1_300_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="reading-") as name:
        folder = Path(name)
        os.environ |= {"BENCHMARK_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        parts: dict[str, Callable[[], Any]] = {
            what: partial(race, what, folder / str(number), given.rounds) for number, what in enumerate(CONTESTS)
        }
        parts["listing"] = partial(list_files, folder, given.items)
        measure(given, "Reading labelled data", parts, partial(body, rounds=given.rounds))


if __name__ == "__main__":
    main()
