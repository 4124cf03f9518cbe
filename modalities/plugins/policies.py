"""Segments that a policy of a plug-in changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modalities.base import Draws, SegmentStream
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import find, names

if TYPE_CHECKING:
    from torch import Tensor

    from modalities.plugins.contracts import Policy


class ChangedSegments(SegmentStream):
    """The segments of another stream, changed by a policy; its random numbers are apart from all others."""

    def __init__(self, stream: SegmentStream, policy: Policy, name: str, seed: int) -> None:
        self.shape, self.batch_size = stream.shape, stream.batch_size
        self._stream, self._policy, self._name = stream, policy, name
        self._draws = Draws(seed, "policy of a plug-in/")

    def batch(self, step: int) -> Tensor:
        segments = self._stream.batch(step)
        changed = self._policy(segments.clone(), self._draws, step)
        if getattr(changed, "shape", None) != segments.shape or changed.dtype != segments.dtype:
            got = f"{tuple(changed.shape)} {changed.dtype}" if hasattr(changed, "dtype") else type(changed).__name__
            raise BadInput(
                f"the policy {self._name} made {got} of segments {tuple(segments.shape)} {segments.dtype}; it has to "
                "return as many, of the same shape and type."
            )
        return changed


def changed_segments(stream: SegmentStream, code: str, seed: int) -> SegmentStream:
    """Return a stream with the segments of another one, changed by a plug-in. Raises BadInput for an unknown one."""
    plugin = find("policy", code)
    if plugin is None:
        raise UnknownName("policy", code, names("policy"))
    return ChangedSegments(stream, plugin.load(), plugin.name, seed)
