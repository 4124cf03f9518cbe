"""Segments per second of one picture: ours against the published chain, on one core, in one run.

    python scripts/measure_segments.py PICTURE [--size 32] [--policy published] [--out FOLDER]

The reference is the published chain in PIL and torchvision on the picture in memory, without JPEG. The two alternate,
CPU time is counted (so that a shared machine matters less), and medians are reported.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch
from PIL import Image

from modalities import registry
from modalities.image.reference import published_chain

BATCH, ROUNDS, REFERENCE_SEGMENTS = 256, 7, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--policy", default="published")
    parser.add_argument("--out", type=Path, default=Path("results/measured/segments"))
    options = parser.parse_args()

    torch.set_num_threads(1)
    image = registry.modality("image")
    view, policy, device = image.view_type(size=options.size), image.policies()[options.policy], torch.device("cpu")
    source = image.load_source(str(options.picture), view, device)
    stream = image.stream(source, view, policy, batch_size=BATCH, seed=0, device=device)
    picture = Image.open(options.picture).convert("RGB")
    chain = published_chain(view, policy, min(picture.size))

    ours, theirs = [], []
    stream.batch(0), chain(picture)  # the first of each loads and allocates
    for step in range(1, ROUNDS + 1):
        began = time.process_time()
        stream.batch(step)
        ours.append(BATCH / (time.process_time() - began))
        began = time.process_time()
        for _ in range(REFERENCE_SEGMENTS):
            chain(picture)
        theirs.append(REFERENCE_SEGMENTS / (time.process_time() - began))

    result = {
        "picture": f"{options.picture.name}, {picture.width} x {picture.height}", "size": options.size,
        "policy": policy.name, "ours_per_second": round(statistics.median(ours)),
        "reference_per_second": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(ours) / statistics.median(theirs), 1),
        "machine": f"{platform.machine()}, one thread, CPU time, torch {torch.__version__}",
    }  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.picture.stem}-{options.size}-{policy.name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
