"""A PNG of the recording, of the segments that a student hears, and of what each step of the policy does to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modalities.audio.logmel import mel_power, standardise
from modalities.audio.policies import AudioPolicy, AudioView
from modalities.audio.segments import AudioStream
from modalities.errors import readable

if TYPE_CHECKING:
    from modalities.audio.source import AudioSource

SECONDS = 10  # of the recording
COLUMNS, ROWS = 8, 3


def preview(source: AudioSource, view: AudioView, policy: AudioPolicy, *, seed: int, path: Path) -> None:
    """Write a PNG: wave and log-mel of the recording's first seconds, and below them a grid of segments.

    Then a row of the same segments for each step of the policy, see ``SteppedPolicy.one_by_one``.
    """
    from matplotlib.figure import Figure

    def segments(of: AudioPolicy) -> Any:
        stream = AudioStream(source, view, of, batch_size=COLUMNS * ROWS, seed=seed, device=source.wave.device)
        return stream.batch(0)[:, 0].cpu().numpy()

    rows = {title: segments(one)[:COLUMNS] for title, one in policy.one_by_one().items()}
    recording = source.wave[: len(source.wave) // source.items]
    wave = recording[: max(SECONDS * source.rate, view.samples)]
    whole = standardise(mel_power(wave[None], view))[0, 0].cpu().numpy()

    figure = Figure(figsize=(12, 8.4 + 1.1 * len(rows)), layout="constrained")
    figure.suptitle(readable(f"{source.ref.name}, and what the policy {policy.name} makes of it"), parse_math=False)
    grid = figure.add_gridspec(2 + ROWS + len(rows), COLUMNS, height_ratios=[1.6] * (2 + ROWS) + [1.1] * len(rows))
    top, middle = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, :])
    seconds = len(wave) / source.rate
    top.plot(np.arange(len(wave)) / source.rate, wave.cpu().numpy(), linewidth=0.3)
    top.set_title(_shown(seconds, len(recording) / source.rate, source), fontsize="small", loc="left", parse_math=False)
    top.set(ylabel="wave", xlabel="seconds", xlim=(0, seconds))
    look: dict[str, Any] = {"origin": "lower", "aspect": "auto", "vmin": -2.5, "vmax": 2.5}
    middle.imshow(whole, extent=(0, seconds, 0, view.mels), **look)
    middle.set(ylabel="mel band", xlabel="seconds")
    titles = {0: readable(f"segments of {view.seconds:g} s, all steps of the policy {policy.name}")} | {
        COLUMNS * (ROWS + row): title for row, title in enumerate(rows)
    }
    for index, segment in enumerate(np.concatenate([segments(policy), *rows.values()])):
        place = figure.add_subplot(grid[2 + index // COLUMNS, index % COLUMNS])
        place.imshow(segment, extent=(0, view.seconds, 0, view.mels), **look)
        place.set(xticks=[], yticks=[])
        if index in titles:
            place.set_title(titles[index], loc="left", fontsize="small", parse_math=False)
        if index % COLUMNS == 0 and index // COLUMNS in (ROWS - 1, ROWS + len(rows) - 1):
            place.set_xticks([0, view.seconds], ["0", f"{view.seconds:g} s"], fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _shown(seconds: float, whole: float, source: AudioSource) -> str:
    """Return how much of a recording is shown, and what it is."""
    part = f"all {whole:.1f} s" if seconds >= whole else f"the first {seconds:.1f} of {whole:.1f} s"
    several = f", 1 of {source.items} recordings" if source.items > 1 else ""
    return readable(f"{part}{several}: {source.ref.description}")
