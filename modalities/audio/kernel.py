"""Waves and spectrograms of segments on a CPU, in compiled passes that stay within the cache."""

from __future__ import annotations

import numpy as np

from modalities.audio.augmentations import FADE
from modalities.compute.kernels import jit

CHUNK = 256  # samples within which single precision is exact enough for positions


@jit
def cut(sound, at, fraction, stride, start, end, amplitude, out):  # type: ignore[no-untyped-def]
    """Write sums of windows of a recording, each at its own speed, with silence around them.

    Args:
        sound: (samples of all levels,) float32.
        at: (n, windows) index of the first sample of each.
        fraction: (n, windows) offset of the window's start from it, in samples.
        stride: (n, windows) step in the recording per sample of the window.
        start, end: (n, windows) part of the segment that is not silent, from 0 to 1.
        amplitude: (n, windows); a window of amplitude 0 costs nothing.
        out: (n, samples) float32, written.
    """
    samples = out.shape[1]
    slope = 1 / (FADE * samples)
    sample = np.empty(CHUNK, np.uint64)
    share, left, right = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    for i in range(len(out)):
        wave = out[i]
        wave[:] = 0
        for window in range(amplitude.shape[1]):
            strength = np.float32(amplitude[i, window])
            if strength == 0:
                continue
            # As augmentations.envelope: flanks inside the window, none where it touches an end of the segment.
            rise = (1 if start[i, window] <= 0 else 0) + (0.5 / samples - start[i, window]) / FADE
            fall = (1 if end[i, window] >= 1 else 0) + (end[i, window] - 0.5 / samples) / FADE
            begin, stop = max(0, int(np.ceil(-rise / slope))), min(samples, int(fall / slope) + 1)
            step, tilt = np.float32(stride[i, window]), np.float32(slope)
            for first in range(begin, stop, CHUNK):
                place = fraction[i, window] + stride[i, window] * first
                whole = int(place)
                part, base = np.float32(place - whole), np.uint64(at[i, window] + whole)
                up, down = np.float32(rise + slope * first), np.float32(fall - slope * first)
                # Positions, then look-ups, then sums: the first and the last loop vectorise.
                for j in range(CHUNK):
                    here = part + step * np.float32(j)
                    index = np.int32(here)
                    sample[j], share[j] = base + np.uint64(index), here - np.float32(index)
                piece = wave[first : min(first + CHUNK, stop)]
                for j in range(len(piece)):
                    left[j], right[j] = sound[sample[j]], sound[sample[j] + np.uint64(1)]
                for j in range(len(piece)):
                    edge = min(up + tilt * np.float32(j), down - tilt * np.float32(j), np.float32(1))
                    piece[j] += strength * max(edge, np.float32(0)) * (left[j] + share[j] * (right[j] - left[j]))


@jit
def add_noise(bank, at, level, out):  # type: ignore[no-untyped-def]
    """Add the noise that begins at sample ``at`` (n,) of the bank, ``level`` (n,) times as strong as each wave."""
    for i in range(len(out)):
        if level[i] == 0:
            continue
        wave, noise = out[i], bank[at[i] : at[i] + out.shape[1]]
        total = np.float32(0)
        for t in range(len(wave)):
            total += wave[t] * wave[t]
        strength = np.float32(level[i] * np.sqrt(total / len(wave)))
        for t in range(len(wave)):
            wave[t] += strength * noise[t]


@jit
def frames(wave, window, hop, out):  # type: ignore[no-untyped-def]
    """Write windowed frames of waves (n, samples) into the middle of ``out`` (n, frames, fft); its ends keep 0."""
    samples, length = wave.shape[1], out.shape[2]
    before = (length - len(window)) // 2
    for i in range(len(out)):
        sound = wave[i]
        for frame in range(out.shape[1]):
            start = frame * hop - length // 2 + before
            begin, stop = max(0, -start), min(len(window), samples - start)
            # Slices of one length, because a loop over them alone is known to stay inside, and runs many times as fast.
            target = out[i, frame, before : before + len(window)]
            source, weight, inner = sound[start + begin : start + stop], window[begin:stop], target[begin:stop]
            target[:begin] = 0
            for j in range(len(inner)):
                inner[j] = weight[j] * source[j]
            target[stop:] = 0


@jit
def mel_power(filters, first, last, spectrum, shift, gain, decay, late, out):  # type: ignore[no-untyped-def]
    """Write the mel power after reverberation, pitch shift and equaliser.

    Args:
        filters: (mels, bins); those from ``first`` (mels,) up to ``last`` (mels,) are not 0.
        spectrum: (n, frames, 2 · bins) real and imaginary parts interleaved.
        shift: (n,) bands upwards, as in augmentations.band_matrix.
        gain: (n, mels) factors of the power.
        decay, late: (n,) factor per frame and first factor of the reflections, as in augmentations.reverberation.
        out: (n, mels, frames) float32, written.
    """
    mels, bins = filters.shape
    count = spectrum.shape[1]
    across = np.empty((bins, count | 1), np.float32)  # odd, because rows a power of two apart collide in the cache
    power = np.empty((mels, count), np.float32)
    for i in range(len(out)):
        for frame in range(count):
            row = spectrum[i, frame]
            for k in range(bins):
                across[k, frame] = row[2 * k] * row[2 * k] + row[2 * k + 1] * row[2 * k + 1]
        for mel in range(mels):
            band = power[mel]
            band[:] = 0
            for k in range(first[mel], last[mel]):
                weight, bin_ = filters[mel, k], across[k, :count]
                for frame in range(count):
                    band[frame] += weight * bin_[frame]
        if late[i] > 0:
            for mel in range(mels):
                past = np.float32(0)
                for frame in range(count):
                    now = power[mel, frame]
                    power[mel, frame] = now + late[i] * past
                    past = decay[i] * (past + now)
        whole = int(np.floor(shift[i]))
        part = np.float32(shift[i] - whole)
        for mel in range(mels):
            target = out[i, mel]
            target[:] = 0
            for back in range(2):
                source, share = mel - whole - back, part if back else 1 - part
                if 0 <= source < mels and share > 0:
                    band, weight = power[source], np.float32(share * gain[i, mel])
                    for frame in range(count):
                        target[frame] += weight * band[frame]


@jit
def standardise(masks, out):  # type: ignore[no-untyped-def]
    """Bring spectrograms (n, mels, frames) to mean 0 and deviation 1, in place; then set ``masks`` (n, 2, 2) to 0."""
    for i in range(len(out)):
        size = np.float32(out.shape[1] * out.shape[2])
        values = out[i].ravel()
        total, squares = np.float32(0), np.float32(0)
        for k in range(len(values)):
            total += values[k]
        mean = total / size
        for k in range(len(values)):
            squares += (values[k] - mean) * (values[k] - mean)
        scale = 1 / max(np.sqrt(squares / size), np.float32(1e-3))
        for mel in range(out.shape[1]):
            band = out[i, mel]
            for frame in range(len(band)):
                band[frame] = (band[frame] - mean) * scale
            if masks[i, 0, 0] <= mel < masks[i, 0, 1]:
                band[:] = 0
            band[masks[i, 1, 0] : masks[i, 1, 1]] = 0
