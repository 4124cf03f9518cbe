"""The endless stream of segments of one picture: parameters on the host, all pixels on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.base import Draws, rank_slice
from modalities.compute.draws import Array
from modalities.compute.item_order import ItemOrder
from modalities.compute.to_device import constant, to_device
from modalities.image import colour, geometry
from modalities.image.policies import ImagePolicy, ImageView
from modalities.image.source import ImageSource

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class ImageStream:
    """Random-access segments of a picture, or of several (implements ``modalities.base.SegmentStream``).

    Each segment is ONE affine map of the picture, sampled bilinearly from the pyramid level that is as fine as the
    segment, so that nothing aliases; beyond its borders, the picture is reflected.

    Raises ValueError if the batch cannot be divided among the ranks.
    """

    def __init__(
        self, source: ImageSource, view: ImageView, policy: ImagePolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> None:  # fmt: skip
        self.shape = view.shape
        self.batch_size = batch_size
        self.source, self.view, self.policy, self.device = source, view, policy.in_effect(), device
        self._draws = Draws(seed, "image/")
        self._share = rank_slice(batch_size, rank, world_size)
        self._items = ItemOrder(source.items, self._draws, "item", batch_size, self._share)

    def parameters(self, step: int) -> tuple[geometry.Geometry, colour.Colour]:
        """Draw geometry and colour of this rank's share of a step."""
        source = self.source
        place = geometry.draw(
            self._draws, step, self.batch_size, source.width, source.height, self.view.size, self.policy
        )
        return place.take(self._share), colour.draw(self._draws, step, self.batch_size, self.policy).take(self._share)

    def items(self, step: int) -> NDArray[np.int64]:
        """Return the number of the picture that each segment of this rank's share is cut from."""
        return np.broadcast_to(self._items.at(step), len(self._share))

    def batch(self, step: int) -> Tensor:
        """Return segments of a step: (share of the batch, 3, size, size) float32 on the device, normalised."""
        place, shade = self.parameters(step)
        affine, size = place.affine(self.view.size), self.view.size
        mean, std, item = np.array(self.view.mean), np.array(self.view.std), self._items.at(step)
        if self.device.type == "cpu":
            segments = on_cpu(self.source, affine, size, shade, mean, std, item)
        else:
            segments = colour.apply(resample(self.source, affine, size, item), shade, mean, std)
        return segments if self.policy.shift_fill == "source" else blacken(segments, place.shift, self.view)


def blacken(segments: Tensor, shift: Array, view: ImageView) -> Tensor:
    """Return segments with black where a shift uncovered something, as by padding a patch with zeros and cropping it.

    ``segments`` are normalised, (n, 3, size, size); ``shift`` (n, 2) is in pixels, x first.
    """
    at = np.arange(view.size)[None]
    across, down = ((at >= moved) & (at < view.size + moved) for moved in (shift[:, :1], shift[:, 1:]))
    edges = to_device(np.concatenate([across, down], axis=1), segments.device)  # (n, 2 · size)
    inside = edges[:, None, view.size :, None] & edges[:, None, None, : view.size]
    black = tuple(-mean / std for mean, std in zip(view.mean, view.std, strict=True))
    return segments.where(inside, constant(black, segments.device)[:, None, None])


def on_cpu(
    source: ImageSource, affine: Array, size: int, shade: colour.Colour, mean: Array, std: Array,
    item: NDArray[np.int64] | int = 0,
) -> Tensor:  # fmt: skip
    """Do what ``resample`` and ``colour.apply`` do, several times faster by a compiled kernel, to within 1/128."""
    from modalities.image.kernel import render

    if not shade.sigma.any():
        return render(source.packed, source.levels_of(affine), affine, size, shade, mean, std, item)
    pixels = render(source.packed, source.levels_of(affine), affine, size, shade, np.zeros(3), np.ones(3), item)
    return colour.blur_and_normalise(pixels, shade.sigma, mean, std)


def resample(source: ImageSource, affine: Array, size: int, item: NDArray[np.int64] | int = 0) -> Tensor:
    """Cut segments out of pictures: (n, 3, size, size) float32 in [0, 1].

    ``affine`` is (n, 2, 3), from pixel coordinates of the segment to those of the picture; ``item`` is (n,), the
    picture that each is cut from.
    """
    import torch
    import torch.nn.functional as F

    level = source.levels_of(affine)
    order = np.argsort(level, kind="stable")
    # Both ends in [-1, 1], in which every level of the pyramid has the same coordinates.
    theta = np.diag([2 / source.width, 2 / source.height]) @ affine[order]
    theta[:, :, 2] -= 1
    device = source.levels[0].device
    maps = to_device(theta.astype(np.float32), device)
    at = torch.arange(size, device=device, dtype=torch.float32) + 0.5
    # A sum of what x and what y add: no matrix product, whose reduced precision on some devices would move pixels.
    along, down = maps[:, :, 0, None] * at, maps[:, :, 1, None] * at + maps[:, :, 2, None]
    grid = (along[:, :, None, :] + down[:, :, :, None]).permute(0, 2, 3, 1)
    which = to_device(np.broadcast_to(item, len(order))[order], device) if source.items > 1 else None
    parts, done = [], 0
    for picture, count in zip(source.levels, np.bincount(level, minlength=len(source.levels)).tolist(), strict=True):
        if count:
            part = grid[done : done + count]
            if which is None:
                pictures = picture.expand(count, -1, -1, -1)
            else:
                several = picture.view(3, source.items, -1, picture.shape[2])
                pictures = several.index_select(1, which[done : done + count]).transpose(0, 1)
            parts.append(F.grid_sample(pictures, part, "bilinear", "reflection", align_corners=False))
            done += count
    return torch.cat(parts)[to_device(np.argsort(order), device)]
