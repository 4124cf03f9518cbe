"""CutMix and MixUp of segments with others of their batch, for segments with any number of axes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modalities.base import Draws, rank_slice, to_device


def mix(
    segments: Tensor, kind: str, alpha: float, per: str, draws: Draws, step: int, *,
    partner: str = "reversed", rank: int = 0, world_size: int = 1,
) -> Tensor:  # fmt: skip
    """Mix each segment of a batch with a partner.

    The box of CutMix spans an area of the last two axes and all of the others (the same H × W area in every frame of a
    video; bands × frames of a spectrogram). Labels are not needed, because the teacher sees the mixed input.

    Args:
        segments: (b, ..., H, W), this rank's share of the global batch, in the order of ``rank_slice``.
        kind: ``cutmix`` (Yun et al. 2019), ``mixup`` (Zhang et al. 2018) or ``none``.
        alpha: of Beta(alpha, alpha), from which the share of the first segment is drawn.
        per: ``batch`` draws once per batch, ``sample`` once per segment.
        partner: ``reversed``: of segment i, segment B-1-i. ``permuted``: that of a random permutation, which is one of
            this rank's share alone, since a rank has no other segments.

    Returns:
        (b, ..., H, W), a new tensor, or ``segments`` itself for ``none``.
    """
    if kind == "none":
        return segments
    batch = segments.shape[0] * world_size
    mine = rank_slice(batch, rank, world_size)
    draw = 1 if per == "batch" else batch

    def my_share(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, batch)[mine]

    share = my_share(draws.beta(step, "share", draw, alpha, alpha))
    if partner == "permuted":
        order = draws.permutation(step, f"partner {rank}", len(segments))
        others = segments[to_device(order, segments.device)]
    else:
        others = segments.flip(0)
    if kind == "mixup":
        weight = to_device(share.astype(np.float32), segments.device).reshape(-1, *[1] * (segments.dim() - 1))
        return torch.lerp(others, segments, weight, out=others)
    height, width = segments.shape[-2:]
    centre = [my_share(draws.uniform(step, name, draw)) for name in ("row", "column")]
    # Computed on the host, as it is a few numbers per segment; this takes one copy to the device and one kernel.
    top, bottom, left, right = (edge[:, None] for edge in cutmix_box(share, centre[0], centre[1], height, width))
    rows, columns = np.arange(height), np.arange(width)
    edges = np.concatenate(
        [(rows >= top) & (rows < bottom), (columns >= left) & (columns < right)], axis=1, dtype=np.float32
    )
    inside = to_device(edges, segments.device)  # (b, H + W)
    box = inside[:, :height, None] * inside[:, None, height:]
    box = box.reshape(len(box), *[1] * (segments.dim() - 3), height, width)
    # Exact for weights 0 and 1, twice as fast as torch.where, and without a third tensor of this size.
    return torch.lerp(segments, others, box, out=others)


def cutmix_box(
    share: np.ndarray, row: np.ndarray, column: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return top, bottom, left, right of boxes with sides √(1-share), centred at (row, column) in [0, 1), clipped."""
    side = np.sqrt(1.0 - share)
    half_height, half_width = np.floor(height * side) / 2, np.floor(width * side) / 2
    middle_row, middle_column = np.floor(row * height), np.floor(column * width)
    top = np.maximum(np.floor(middle_row - half_height), 0)
    bottom = np.minimum(np.floor(middle_row + half_height), height)
    left = np.maximum(np.floor(middle_column - half_width), 0)
    right = np.minimum(np.floor(middle_column + half_width), width)
    return top, bottom, left, right
