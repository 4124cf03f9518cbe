"""The interface through which the processes that work on one cell share work, exchange results and agree.

Each step has the segments and the update of a single process, up to rounding, so the number of processes is not part of
a cell's identity. If more than rounding differs, the record lists it under deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from modalities.errors import BadInput

if TYPE_CHECKING:  # so that a command outside torchrun never waits for torch
    from torch import Tensor, nn

T = TypeVar("T")


class RankDesync(Exception):
    """The processes ended a cell differently. Some may wait for the others forever, so all must exit."""

    def __init__(self, origin: bool) -> None:
        super().__init__("the processes of this torchrun ended their cell differently; all of them exit.")
        self.origin = origin  # whether this process was the first to end, and so knows the reason


class Ranks:
    """The processes that work on one cell. This class is the case of a single process, with nothing to exchange.

    A rank is a process's number. All ranks call every method but ``wrap``, in the same order.
    """

    rank = 0
    world_size = 1
    device = ""  # of this process, if torchrun decides it

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Raise BadInput if a batch cannot be split into mirrored pairs (``modalities.base.rank_slice``)."""
        if self.world_size > 1 and batch % (2 * self.world_size):
            raise BadInput(
                f"recipe.batch={batch} cannot be shared by {self.world_size} processes in mirrored pairs; "
                f"give a multiple of {2 * self.world_size}, or start another number of processes."
            )

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network to call in training: it shares its weights, and its gradients are means over the ranks."""
        return network

    def deviations(self, network: nn.Module) -> list[str]:
        """Describe for the record what training on these ranks changes beyond rounding."""
        return []

    def mean(self, values: Tensor) -> Tensor:
        """Return the element-wise mean over the ranks."""
        return values

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        return flag

    def from_main(self, make: Callable[[], T]) -> T:
        """Call ``make`` on the main rank; return its result, or raise its error, on all ranks."""
        return make()

    def gather(self, make: Callable[[], T]) -> list[T]:
        """Call ``make`` on every rank; return all results on all ranks. An error on one rank is raised on all."""
        return [make()]

    def agree_on_outcome(self, outcome: str) -> None:
        """Wait for the others at the end of a cell. Raise RankDesync if one has not ended it in the same way."""


SINGLE_PROCESS = Ranks()


def share(count: int, rank: int, world_size: int) -> range:
    """Return which of ``count`` items belong to a rank: every ``world_size``-th, so shares differ by one at most."""
    return range(rank, count, world_size)


def merge_shares(shares: Sequence[Sequence[T]]) -> list[T]:
    """Put the shares of all ranks back into one list; raise ValueError if an item would be missing or count twice."""
    whole: list[Any] = [None] * sum(map(len, shares))
    for rank, part in enumerate(shares):
        whole[rank :: len(shares)] = part
    return whole
