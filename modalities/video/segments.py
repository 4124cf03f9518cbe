"""The endless stream of segments of one source: camera paths over a picture, or pieces of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modalities.compute.draws import Array, Draws, rank_slice
from modalities.compute.item_order import ItemOrder
from modalities.compute.to_device import constant, to_device
from modalities.image import colour
from modalities.image.geometry import random_resized
from modalities.video.kernel import render
from modalities.video.policies import VideoPolicy, VideoView
from modalities.video.source import VideoSource


@dataclass(frozen=True)
class Parameters:
    """Parameters of the segments of the whole global batch."""

    first: Array  # (B, 4) box of the first frame: left, top, width, height in pixels of the source
    last: Array  # (B, 4) box of the last frame
    start: Array  # (B,) seconds into the source clip; 0 on a picture
    span: Array  # (B,) seconds from the first frame to the last; 0 on a picture
    flip: NDArray[np.bool_]  # (B,)
    colour: colour.Colour  # of B clips


class VideoStream:
    """Segments of (3, frames, size, size), normalised (implements ``modalities.base.SegmentStream``).

    This rank renders its share of the global batch of ``batch_size``, see ``modalities.base.rank_slice``.
    """

    def __init__(
        self, source: VideoSource, view: VideoView, policy: VideoPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> None:  # fmt: skip
        self.source, self.view, self.policy = source, view, policy.in_effect()
        self.shape, self.batch_size = view.shape, batch_size
        self.draws = Draws(seed).within("video")
        self.share = rank_slice(batch_size, rank, world_size)
        self._items = ItemOrder(source.items, self.draws, "item", batch_size, self.share)
        self.device = device
        self._kernel = self.device.type == "cpu"

    def _box(self, step: int, name: str) -> Array:
        """Return random boxes inside random square crops of the source, (B, 4): left, top, width, height."""
        policy, count = self.policy, self.batch_size
        sides = np.array([self.source.atlas.width, self.source.atlas.height], np.float64)
        crop = policy.crop * sides.min()
        corner = self.draws.uniform(step, "crop", (count, 2)) * (sides - crop)  # one crop for both boxes of a clip
        if policy.redraw:
            draws = self.draws.within(name)
            box: Array = random_resized(draws, step, count, policy.area_low, policy.area_high, policy.aspect) * crop
            box[:, :2] += corner
            return box
        area = self.draws.uniform(step, f"{name} area", count, policy.area_low, policy.area_high) * crop**2
        stretch = np.log(policy.aspect)
        ratio = np.exp(self.draws.uniform(step, f"{name} aspect", count, -stretch, stretch))
        extent = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], 1).clip(max=crop)
        place = self.draws.uniform(step, f"{name} place", (count, 2))
        return np.concatenate([corner + place * (crop - extent), extent], 1)

    def parameters(self, step: int) -> Parameters:
        """Return the parameters of a step, for the whole global batch."""
        policy, count, source = self.policy, self.batch_size, self.source
        first = self._box(step, "first box")
        start, span = np.zeros(count), np.zeros(count)
        last = first
        if source.moves:
            drawn = self.draws.uniform(step, "span", count, 0.5, 1.5) * self.view.seconds * policy.motion
            span = drawn.clip(max=source.seconds)
            start = self.draws.uniform(step, "start", count) * (source.seconds - span)
        else:
            last = first + policy.motion * (self._box(step, "last box") - first)
        within = self._zoom(step)
        return Parameters(
            _inside(first, within),
            _inside(last, within),
            start,
            span,
            self.draws.chance(step, "flip", count, policy.flip),
            self._colour(step),
        )

    def _zoom(self, step: int) -> Array:
        """Return the part of each clip that is kept, (B, 4): left, top, width, height in shares of its frames."""
        policy, count, size = self.policy, self.batch_size, self.view.size
        if policy.zoom_high == 1:
            return np.tile([0.0, 0.0, 1.0, 1.0], (count, 1))
        least, most = (round(zoom * size) for zoom in (policy.zoom_low, policy.zoom_high))
        side = least + self.draws.integers(step, "zoom", count, most - least + 1)
        free = np.floor(self.draws.uniform(step, "zoom place", (count, 2)) * (side - size + 1)[:, None])
        return np.concatenate([free, np.full((count, 2), float(size))], 1) / side[:, None]

    def _colour(self, step: int) -> colour.Colour:
        """Return one change of brightness, contrast, saturation and hue per segment, in random order."""
        policy, count = self.policy, self.batch_size
        strengths = np.array([policy.brightness, policy.contrast, policy.saturation, policy.hue])
        change = self.draws.uniform(step, "colour", (count, 4), -1, 1) * strengths
        change *= self.draws.chance(step, "jitter", count, policy.jitter)[:, None]
        brightness, contrast, saturation, hue = (np.array([1, 1, 1, 0]) + change).clip(min=[0, 0, 0, -0.5]).T
        order = np.argsort(self.draws.uniform(step, "order", (count, 4)), axis=1)
        matrix, of_mean = colour.compose(brightness, contrast, saturation, hue, order)
        return colour.Colour(matrix, of_mean, solarize=np.zeros(count, np.bool_), sigma=np.zeros(count))

    def batch(self, step: int) -> Tensor:
        """Segments of a step: (share of the batch, 3, frames, size, size), float32, on the source's device."""
        drawn, share, frames = self.parameters(step), self.share, self.view.frames
        along = np.linspace(0, 1, frames)
        first, last = drawn.first[share, None], drawn.last[share, None]
        boxes = first + along[:, None] * (last - first)  # (b, frames, 4)
        moments = drawn.start[share, None] + along * drawn.span[share, None]
        pictures = self.source.nearest(moments, self._items.at(step)[:, None])
        flip, change = drawn.flip[share], drawn.colour.take(share)
        mean, std = np.array(self.view.mean), np.array(self.view.std)
        if self._kernel:
            return render(self.source.atlas, pictures, boxes, flip, self.view.size, change, mean, std)
        return self._by_torch(pictures, boxes, flip, change, mean, std)

    def _by_torch(
        self, pictures: NDArray[np.int64], boxes: Array, flip: NDArray[np.bool_],
        change: colour.Colour, mean: Array, std: Array,
    ) -> Tensor:  # fmt: skip
        """As the kernel, on any device: all frames of all clips in one resample, then colour."""
        count, frames = pictures.shape
        cut = self.source.atlas.cut(
            to_device(pictures.ravel(), self.device),
            to_device(boxes.reshape(-1, 4).astype(np.float32), self.device),
            self.view.size,
            flip=to_device(np.repeat(flip, frames), self.device),
            gather=self.source.items > 1,
        )
        clips = cut.view(count, frames, *cut.shape[1:]).transpose(1, 2)
        # The frames of a clip form one tall picture with one change of colour.
        return colour.apply(clips.flatten(2, 3), change, mean, std).view_as(clips)


def _inside(boxes: Array, parts: Array) -> Array:
    """Return the parts, in shares, of boxes; both are (B, 4): left, top, width, height."""
    return np.concatenate([boxes[:, :2] + parts[:, :2] * boxes[:, 2:], boxes[:, 2:] * parts[:, 2:]], 1)


def normalise(clips: Tensor, view: VideoView) -> Tensor:
    """Return (B, 3, T, H, W) of 0 … 1 minus the view's mean, divided by its standard deviation."""
    mean, std = (constant(three, clips.device).view(3, 1, 1, 1) for three in (view.mean, view.std))
    return ((clips - mean) / std).contiguous()
