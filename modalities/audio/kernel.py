"""The sound and the pictures of segments on a CPU, in compiled passes that stay within the cache."""

from __future__ import annotations

import numpy as np

from modalities.audio.changes import FADE
from modalities.compute.kernels import jit

CHUNK = 256  # samples within which single precision places them well


@jit
def cut(sound, at, fraction, stride, start, end, amplitude, out):  # type: ignore[no-untyped-def]
    """Sums of windows of a recording at their own speeds, with silence around them.

    Args:
        sound: (samples of all levels,) float32.
        at: (n, windows) number of the first sample of each.
        fraction: (n, windows) how far behind it a window begins, in samples.
        stride: (n, windows) samples from one of the window to the next.
        start, end: (n, windows) which part of the segment sounds, from 0 to 1.
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
            # As changes.envelope: flanks inside the window, none where it touches an end of the segment.
            rise = (1 if start[i, window] <= 0 else 0) + (0.5 / samples - start[i, window]) / FADE
            fall = (1 if end[i, window] >= 1 else 0) + (end[i, window] - 0.5 / samples) / FADE
            begin, stop = max(0, int(np.ceil(-rise / slope))), min(samples, int(fall / slope) + 1)
            step, tilt = np.float32(stride[i, window]), np.float32(slope)
            for first in range(begin, stop, CHUNK):
                place = fraction[i, window] + stride[i, window] * first
                whole = int(place)
                part, base = np.float32(place - whole), np.uint64(at[i, window] + whole)
                up, down = np.float32(rise + slope * first), np.float32(fall - slope * first)
                # Places, then look-ups, then sums: so the first and the last are done many at a time.
                for j in range(CHUNK):
                    here = part + step * np.float32(j)
                    index = np.int32(here)
                    sample[j], share[j] = base + np.uint64(index), here - np.float32(index)
                heard = wave[first : min(first + CHUNK, stop)]
                for j in range(len(heard)):
                    left[j], right[j] = sound[sample[j]], sound[sample[j] + np.uint64(1)]
                for j in range(len(heard)):
                    edge = min(up + tilt * np.float32(j), down - tilt * np.float32(j), np.float32(1))
                    heard[j] += strength * max(edge, np.float32(0)) * (left[j] + share[j] * (right[j] - left[j]))


@jit
def add_noise(bank, at, level, out):  # type: ignore[no-untyped-def]
    """Add the noise that begins at sample ``at`` (n,) of the bank, at ``level`` (n,) times each wave's own."""
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
    """Windowed frames of waves (n, samples) into the middle of ``out`` (n, frames, fft), whose ends stay untouched."""
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
    """Mel power after reverberation, pitch shift and equaliser.

    Args:
        filters: (mels, bins), of which those from ``first`` to ``last`` (mels,) are not 0.
        spectrum: (n, frames, 2 · bins) real and imaginary parts in turn.
        shift: (n,) bands upwards, as in changes.band_matrix.
        gain: (n, mels) factors of the power.
        decay, late: (n,) factor per frame and first factor of the reflections, as in changes.reverberation.
        out: (n, mels, frames) float32, written.
    """
    mels, bins = filters.shape
    count = spectrum.shape[1]
    across = np.empty((bins, count | 1), np.float32)  # an odd length, because rows a power of two apart crowd the cache
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
def standardise(hidden, out):  # type: ignore[no-untyped-def]
    """Each picture of ``out`` (n, mels, frames) to mean 0 and deviation 1, in place; then hide its masked stretches.

    ``hidden`` is (n, 2, 2): first and one behind the last, of the bands and of the frames.
    """
    for i in range(len(out)):
        size = np.float32(out.shape[1] * out.shape[2])
        picture = out[i].ravel()
        total, squares = np.float32(0), np.float32(0)
        for k in range(len(picture)):
            total += picture[k]
        mean = total / size
        for k in range(len(picture)):
            squares += (picture[k] - mean) * (picture[k] - mean)
        scale = 1 / max(np.sqrt(squares / size), np.float32(1e-3))
        for mel in range(out.shape[1]):
            band = out[i, mel]
            for frame in range(len(band)):
                band[frame] = (band[frame] - mean) * scale
            if hidden[i, 0, 0] <= mel < hidden[i, 0, 1]:
                band[:] = 0
            band[hidden[i, 1, 0] : hidden[i, 1, 1]] = 0
