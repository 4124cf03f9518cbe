"""From waves to the pictures that networks see, with what happens to them on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio import changes
from modalities.audio.logmel import FLOOR, bank, mel_power, ranges, standardised
from modalities.compute.to_device import to_device

if TYPE_CHECKING:
    from torch import Tensor

    from modalities.audio.options import AudioView
    from modalities.compute.draws import Array

BLOCK = 4  # segments whose frames and spectra a core's cache holds


@dataclass(frozen=True)
class Finish:
    """Changes of the mel power and of the picture of n segments; those of ``Finish.none`` change nothing."""

    shift: Array  # (n,) bands upwards
    knots: Array  # (n, KNOTS) gains in dB of the equaliser
    seconds: Array  # (n,) decay of the reverberation by 60 dB; 0 for none
    level: Array  # (n,) dB of all its reflections
    mel_start: Array  # (n,) where a mask begins in the room that is left, 0 to 1
    mel_width: Array  # (n,) part of the bands that it hides
    time_start: Array
    time_width: Array

    @classmethod
    def none(cls, count: int) -> Finish:
        """No change of ``count`` segments."""
        zeros = np.zeros(count)
        return cls(zeros, np.zeros((count, changes.KNOTS)), zeros, zeros, zeros, zeros, zeros, zeros)

    def hidden(self, mels: int, frames: int) -> NDArray[np.int64]:
        """First and one behind the last, of the masked bands and of the masked frames: (n, 2, 2)."""
        return np.stack(
            [
                np.stack(changes.stretch(start.astype(np.float32), width.astype(np.float32), size), 1)
                for start, width, size in (
                    (self.mel_start, self.mel_width, mels),
                    (self.time_start, self.time_width, frames),
                )
            ],
            1,
        ).astype(np.int64)


def pictures(wave: Tensor, view: AudioView, finish: Finish | None = None) -> Tensor:
    """Standardised log-mel pictures of sound.

    Args:
        wave: (n, samples) float32, full scale at 1.
        finish: of n segments; None changes nothing.

    Returns:
        (n, 1, mels, frames) float32.
    """
    finish = finish or Finish.none(len(wave))
    return by_kernel(wave, view, finish) if wave.device.type == "cpu" else by_torch(wave, view, finish)


def by_torch(wave: Tensor, view: AudioView, finish: Finish) -> Tensor:
    """``pictures`` on any device."""

    def placed(values: Array) -> Tensor:
        return to_device(values.astype(np.float32), wave.device)

    power = mel_power(wave, view)
    echoing = np.flatnonzero(finish.seconds)
    if len(echoing):
        rows = to_device(echoing, wave.device)
        seconds, level = placed(finish.seconds[echoing]), placed(finish.level[echoing])
        hall = changes.reverberation_matrix(seconds, level, view.shape[2], view.hop / view.rate)
        power = power.index_copy(0, rows, power[rows] @ hall)
    if finish.shift.any() or finish.knots.any():
        power = changes.band_matrix(placed(finish.shift), placed(finish.knots), view.mels) @ power
    picture = standardised(power)
    if finish.mel_width.any():
        picture = changes.mask(picture, 2, placed(finish.mel_start), placed(finish.mel_width))
    if finish.time_width.any():
        picture = changes.mask(picture, 3, placed(finish.time_start), placed(finish.time_width))
    return picture


def by_kernel(wave: Tensor, view: AudioView, finish: Finish) -> Tensor:
    """``pictures`` on a CPU, block by block, several times as fast."""
    import torch

    from modalities.compute.kernels import empty

    count, (_, mels, frames) = len(wave), view.shape
    seconds = np.where(finish.seconds > 0, finish.seconds, 1)
    decay, late = changes.reflections(seconds, finish.level, view.hop / view.rate)
    gain = 10 ** (finish.knots @ changes.hats(mels) / 10) / FLOOR
    colours = [v.astype(np.float32) for v in (finish.shift, gain, decay, np.where(finish.seconds > 0, late, 0))]
    hidden, sound = finish.hidden(mels, frames), wave.contiguous().numpy()

    out = empty(count, 1, mels, frames)
    block = BLOCK * torch.get_num_threads()
    framed = torch.zeros(min(block, count), frames, view.fft)
    for start in range(0, count, block):
        part = slice(start, start + block)
        _block(sound[part], view, [colour[part] for colour in colours], hidden[part], framed, out[part, 0])
    return out


def _block(
    sound: NDArray[np.float32], view: AudioView, colours: list[NDArray[np.float32]], hidden: NDArray[np.int64],
    framed: Tensor, picture: Tensor,
) -> None:  # fmt: skip
    """Fill ``picture`` (n, mels, frames); ``framed`` (n or more, frames, fft) is scratch memory, 0 outside windows."""
    import torch

    from modalities.audio import kernel
    from modalities.compute.kernels import run_in_threads

    window, filters = (table.numpy() for table in bank(view, picture.device))
    tables = filters, *ranges(view)
    framed = framed[: len(sound)]
    frames, out = framed.numpy(), picture.numpy()
    run_in_threads(lambda part: kernel.frames(sound[part], window, view.hop, frames[part]), len(sound))
    spectrum = torch.view_as_real(torch.fft.rfft(framed)).flatten(2).numpy()
    of_segments = spectrum, *colours, out
    run_in_threads(lambda part: kernel.mel_power(*tables, *(values[part] for values in of_segments)), len(sound))
    picture.log1p_()
    run_in_threads(lambda part: kernel.standardise(hidden[part], out[part]), len(sound))
