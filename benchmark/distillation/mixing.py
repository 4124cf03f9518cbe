"""CutMix and MixUp of segments with the reversed batch, for segments of any rank."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modalities.base import Draws, rank_slice


def mix(
    segments: Tensor, kind: str, alpha: float, per: str, draws: Draws, step: int, *, rank: int = 0, ranks: int = 1
) -> Tensor:
    """Mix every segment with its partner, sample B-1-i of the same batch.

    The box of CutMix lies in the last two axes and covers all others (a video's box covers the same H × W area in
    every frame; a spectrogram's covers bands × frames). Neither needs labels: the teacher sees the mixed input.

    Args:
        segments: (b, ..., H, W), this rank's share of the global batch, in the order of ``rank_slice``.
        kind: ``cutmix`` (Yun et al. 2019), ``mixup`` (Zhang et al. 2018) or ``none``.
        alpha: of Beta(alpha, alpha), from which the share of the first segment is drawn.
        per: ``batch`` for one draw per batch, ``sample`` for one per segment.

    Returns:
        (b, ..., H, W), a new tensor, or ``segments`` itself for ``none``.
    """
    if kind == "none":
        return segments
    batch = segments.shape[0] * ranks
    mine = rank_slice(batch, rank, ranks)
    draw = 1 if per == "batch" else batch

    def share_out(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, batch)[mine]

    kept = share_out(draws.beta(step, "share", draw, alpha, alpha))
    partner = segments.flip(0)
    if kind == "mixup":
        weight = _column(kept, segments)
        return torch.lerp(partner, segments, weight)
    height, width = segments.shape[-2:]
    centre = [share_out(draws.uniform(step, name, draw)) for name in ("row", "column")]
    top, bottom, left, right = cutmix_box(kept, centre[0], centre[1], height, width)
    device = segments.device
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    in_rows = (rows >= _column(top, rows)) & (rows < _column(bottom, rows))  # (b, H)
    in_columns = (columns >= _column(left, columns)) & (columns < _column(right, columns))  # (b, W)
    box = in_rows[:, :, None] & in_columns[:, None, :]
    box = box.reshape(len(box), *[1] * (segments.dim() - 3), height, width)
    return torch.where(box, partner, segments)


def cutmix_box(
    kept: np.ndarray, row: np.ndarray, column: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the pasted box: sides √(1-kept) of the picture's, centred at (row, column) in [0, 1), clipped to it.

    Returns:
        top, bottom, left, right: whole numbers, (n,), bottom and right exclusive.
    """
    side = np.sqrt(1.0 - kept)
    half_height, half_width = np.floor(height * side) / 2, np.floor(width * side) / 2
    middle_row, middle_column = np.floor(row * height), np.floor(column * width)
    top = np.clip(np.floor(middle_row - half_height), 0, height)
    bottom = np.clip(np.floor(middle_row + half_height), 0, height)
    left = np.clip(np.floor(middle_column - half_width), 0, width)
    right = np.clip(np.floor(middle_column + half_width), 0, width)
    return top, bottom, left, right


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    """Per-sample numbers as a tensor that broadcasts over the remaining axes of a batch."""
    column = torch.from_numpy(np.ascontiguousarray(values)).to(like.device, like.dtype)
    return column.reshape(-1, *[1] * max(1, like.dim() - 1))
