"""A texture atlas of pictures, from which boxes of any size are resampled in one call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from modalities.image.source import STEP, planes, reductions

GATHERED = 512  # pictures that are copied at a time
OCTAVES = 0.5  # between two levels; coarser than for one picture, because every frame of a clip has them


@dataclass(frozen=True)
class Atlas:
    """Pictures and their antialiased reductions in one texture, so that one gather serves boxes of any size.

    The pictures are stacked vertically; to the right of each are its reductions, packed into columns.
    """

    texture: Tensor  # (pictures · height, columns, 4), float32, 0 … 1: red, green, blue, unused
    corners: Tensor  # (levels, 2): x and y of a level's first pixel, float32
    sizes: Tensor  # (levels, 2): width and height of a level in pixels, float32
    pictures: int
    width: int  # of one picture in pixels, known to the host, which draws boxes at every step

    @property
    def height(self) -> int:
        """Height of one picture in pixels."""
        return self.texture.shape[0] // self.pictures

    def cut(
        self, picture: Tensor, boxes: Tensor, size: int, *, flip: Tensor | None = None, gather: bool = False
    ) -> Tensor:
        """Return boxes resampled to squares, (n, 3, size, size), 0 … 1.

        Each box is sampled bilinearly from the level whose pixels are nearest in size to the output's; beyond the
        border, the border is repeated.

        Args:
            picture: (n,) indices of pictures.
            boxes: (n, 4) left, top, width, height in pixels of the full picture; fractions allowed.
            size: pixels of a side.
            flip: (n,) whether to mirror left to right.
            gather: whether to copy the picture of each box first. Without, single precision has to address a pixel
                among those of all pictures, which it cannot do exactly if these are many thousands.
        """
        count = len(boxes)
        octaves = torch.log2(boxes[:, 2:] / size).mean(1)
        level = torch.round(octaves / OCTAVES).clamp(0, len(self.sizes) - 1).long()
        steps = ((torch.arange(size, device=boxes.device) + 0.5) / size).expand(count, size)
        across = steps if flip is None else torch.where(flip[:, None], 1 - steps, steps)
        x, y = self._coordinates(0, boxes, level, across), self._coordinates(1, boxes, level, steps)
        if not gather:
            y = y + picture[:, None] * self.height
        rows, columns = self.height if gather else len(self.texture), self.texture.shape[1]
        grid = torch.empty(count, size, size, 2, device=boxes.device)
        grid[..., 0] = ((x * 2 + 1) / columns - 1)[:, None, :]
        grid[..., 1] = ((y * 2 + 1) / rows - 1)[:, :, None]
        if gather:
            pictures = self.texture.view(self.pictures, self.height, columns, -1)
            parts = zip(torch.split(picture, GATHERED), torch.split(grid, GATHERED), strict=True)
            copies = ((pictures[which, :, :, :3].permute(0, 3, 1, 2), part) for which, part in parts)
            return torch.cat([functional.grid_sample(copy, part, align_corners=False) for copy, part in copies])
        planes = self.texture[..., :3].permute(2, 0, 1)[None]
        cut = functional.grid_sample(planes, grid.view(1, count * size, size, 2), align_corners=False)
        return cut.view(3, count, size, size).transpose(0, 1)

    def _coordinates(self, axis: int, boxes: Tensor, level: Tensor, steps: Tensor) -> Tensor:
        """Return the texture coordinates of ``steps`` (n, size), which are shares of a box along an axis."""
        extent = self.sizes[level, axis, None]
        place = boxes[:, axis, None] + steps * boxes[:, axis + 2, None]
        inside = (place * extent / self.sizes[0, axis] - 0.5).clamp(min=0).minimum(extent - 1)
        return inside + self.corners[level, axis, None]


def build_atlas(pictures: NDArray[np.uint8], device: torch.device) -> Atlas:
    """Return the atlas of (n, H, W, 3) pictures."""
    height = pictures.shape[1]
    texture = corners = None
    for number, picture in enumerate(pictures):
        levels = planes(reductions(picture)[:: round(OCTAVES / STEP)], device)
        if texture is None or corners is None:
            corners, columns = _pack([(level.shape[2], level.shape[1]) for level in levels], height)
            texture = torch.zeros(len(pictures) * height, columns, 4, device=device)
        for level, (x, y) in zip(levels, corners, strict=True):
            top = number * height + y
            texture[top : top + level.shape[1], x : x + level.shape[2], :3] = level.permute(1, 2, 0)
    assert texture is not None and corners is not None, "an atlas needs a picture"
    sizes = [(level.shape[2], level.shape[1]) for level in levels]
    places, extents = (torch.tensor(pairs, dtype=torch.float32, device=device) for pairs in (corners, sizes))
    return Atlas(texture, places, extents, len(pictures), pictures.shape[2])


def _pack(sizes: list[tuple[int, int]], height: int) -> tuple[list[tuple[int, int]], int]:
    """Return the corners of levels in columns no taller than ``height``, and the total width.

    Each level goes into the first column with room. Levels come from large to small, so a column's first is its widest.
    """
    columns: list[list[int]] = []  # left edge and used rows
    corners, width = [], 0
    for wide, high in sizes:
        column = next((column for column in columns if column[1] + high <= height), None)
        if column is None:
            columns.append(column := [width, 0])
            width += wide
        corners.append((column[0], column[1]))
        column[1] += high
    return corners, width
