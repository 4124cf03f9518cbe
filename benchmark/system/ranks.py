"""One cell on several devices: what the processes of a torchrun share out, exchange and agree on.

The number of processes is no part of a cell's identity, just as the device is none: the segments of a step and the
update are those of one process but for rounding. Where more than rounding differs, the record's deviations say so.
"""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from benchmark.system.resources import launched
from modalities.errors import BadInput

if TYPE_CHECKING:  # so that a command outside torchrun never waits for torch
    from torch import Tensor, nn

T = TypeVar("T")
PATIENCE = timedelta(seconds=30)  # that a process which failed gives the others to fail like it
A_TEACHER = timedelta(days=30)  # the longest that processes wait while the first one makes something


class RankDesync(Exception):
    """A process ended its cell in another way than the others, which may wait for it for ever: all must leave.

    Attributes:
        origin: whether this process was the first to fail, and so knows the reason.
    """

    def __init__(self, origin: bool) -> None:
        super().__init__("the processes of this torchrun do not end their cell alike; all of them leave.")
        self.origin = origin


class Ranks:
    """The processes that work on one cell; this class is the case of one, in which there is nobody to talk to.

    A rank is a process's number. Every method but ``wrap`` is called by all ranks, in the same order.
    """

    rank = 0
    world_size = 1
    device = ""  # of this process, where a torchrun decides it

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Raises BadInput where a batch cannot be shared out in mirrored pairs (``modalities.base.rank_slice``)."""
        if self.world_size > 1 and batch % (2 * self.world_size):
            raise BadInput(
                f"recipe.batch={batch} cannot be shared by {self.world_size} processes in mirrored pairs; "
                f"give a multiple of {2 * self.world_size}, or start another number of processes."
            )

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network to call in training, whose gradients are the mean over the ranks; it shares its weights."""
        return network

    def deviations(self, network: nn.Module) -> list[str]:
        """What training on these ranks changes beyond rounding, in words for the record."""
        return []

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the ranks, element by element."""
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on some rank."""
        return flag

    def from_main(self, make: Callable[[], T]) -> T:
        """What ``make`` returns on the first rank, on all of them; what it raises there, all raise."""
        return make()

    def gather(self, make: Callable[[], T]) -> list[T]:
        """What ``make`` returns on each rank, on all of them; what it raises on one, all raise."""
        return [make()]

    def agree_on_outcome(self, outcome: str) -> None:
        """Wait for the others at the end of a cell. Raises Alone where one has not ended it in the same way."""


SINGLE_PROCESS = Ranks()


def share(count: int, rank: int, world_size: int) -> range:
    """Which of ``count`` things a rank takes: every ``world_size``-th one, so that shares differ by one at most."""
    return range(rank, count, world_size)


def interleave(parts: Sequence[Sequence[T]]) -> list[T]:
    """All ranks' shares put back into one list.

    Raises:
        ValueError: the parts are no shares of one list, so something would be missing or count twice.
    """
    whole: list[Any] = [None] * sum(map(len, parts))
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part
    return whole


def join(device: str) -> Ranks:
    """Meet the other processes of this torchrun; ``SINGLE_PROCESS`` where there are none.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``; each process takes the GPU of its local rank.

    Raises:
        BadInput: fewer GPUs than processes, a device with a number, or Lightning Fabric is missing.
    """
    return _Torchrun(device) if launched() else SINGLE_PROCESS


class _Told(NamedTuple):
    """How something ended on one rank."""

    value: Any = None
    error: Exception | None = None


def _tell(make: Callable[[], Any]) -> _Told:
    try:
        return _Told(make())
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # our own, a moment old: only whether it can travel
        except Exception:
            return _Told(error=RuntimeError(f"{type(error).__name__}: {error}"))
        return _Told(error=error)


class _Torchrun(Ranks):
    """The processes of a torchrun, through Lightning Fabric: gloo on CPUs, NCCL on GPUs (the latter never run yet).

    Objects travel through a gloo group of their own, in which waiting costs nothing and may take long. How a cell
    ended is told through torchrun's own store, which outlives a process that dies.
    """

    def __init__(self, device: str) -> None:
        from benchmark.system.devices import cuda_devices, device_kind

        local, self.rank, self.world_size = (int(os.environ[name]) for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE"))
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        kind = device_kind(device, elsewhere=True)  # counted below
        if ":" in device:
            raise BadInput(
                f"{device} names one device; under torchrun give cuda: each process takes its own.", about="device"
            )
        if kind == "cuda" and (gpus := cuda_devices()) < here:
            raise BadInput(f"{here} processes were started and there are {gpus} GPUs; start one process per GPU.")
        self.device = f"cuda:{local}" if kind == "cuda" else "cpu"
        self._fabric = _fabric(kind, here, self.world_size // here)
        import torch.distributed as dist
        from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

        self._side = dist.new_group(backend="gloo", timeout=A_TEACHER)
        store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
        # A store outlives the processes of one attempt, so a later attempt has names of its own.
        self._store = PrefixStore(f"benchmark {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
        self._ended = 0

    def wrap(self, network: nn.Module) -> nn.Module:
        from torch.nn import SyncBatchNorm

        if self.device != "cpu":
            network = SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        wrapped: nn.Module = self._fabric.setup_module(network)
        return wrapped

    def deviations(self, network: nn.Module) -> list[str]:
        from torch.nn.modules.batchnorm import _BatchNorm

        if self.device == "cpu" and any(isinstance(part, _BatchNorm) for part in network.modules()):
            return [f"batch statistics are those of 1/{self.world_size} of the batch: one share per process"]
        return []

    def mean(self, values: Tensor) -> Tensor:
        import torch.distributed as dist

        dist.all_reduce(values)
        return values / self.world_size

    def any(self, flag: bool) -> bool:
        import torch
        import torch.distributed as dist

        flags = torch.tensor(int(flag))
        dist.all_reduce(flags, group=self._side)
        return bool(flags)

    def from_main(self, make: Callable[[], T]) -> T:
        import torch.distributed as dist

        told = [_tell(make) if self.is_main else _Told()]
        dist.broadcast_object_list(told, src=0, group=self._side)
        if told[0].error is not None:
            raise told[0].error
        value: T = told[0].value
        return value

    def gather(self, make: Callable[[], T]) -> list[T]:
        import torch.distributed as dist

        mine = _tell(make)
        told = [_Told()] * self.world_size
        dist.all_gather_object(told, mine, group=self._side)
        for rank, other in enumerate(told):
            if other.error is not None:
                other.error.add_note(f"(raised by process {rank} of {self.world_size})")
                raise other.error from mine.error
        return [other.value for other in told]

    def agree_on_outcome(self, outcome: str) -> None:
        from torch.distributed import DistError

        self._ended += 1
        me = str(self.rank)
        origin = self._store.compare_set(f"{self._ended} first", "", me) == me.encode()
        self._store.set(f"{self._ended} {me}", outcome)
        names = [f"{self._ended} {rank}" for rank in range(self.world_size)]
        try:
            self._store.wait(names, PATIENCE)
        except DistError:
            raise RankDesync(origin) from None
        if len({self._store.get(name) for name in names}) > 1:
            raise RankDesync(origin)


def _fabric(kind: str, devices: int, nodes: int) -> Any:
    """Lightning Fabric, connected to the other processes."""
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    except ImportError as error:
        raise BadInput(
            "torchrun needs Lightning Fabric: pip install 'single-datum-benchmark[distributed]', "
            "or leave torchrun out to run every cell in a process of its own."
        ) from error
    # What it says at the start, and that channels-last weights meet other strides on their way, helps nobody here.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    backend = "nccl" if kind == "cuda" else "gloo"
    fabric = Fabric(
        accelerator=kind, devices=devices, num_nodes=nodes, strategy=DDPStrategy(process_group_backend=backend)
    )
    fabric.launch()
    return fabric
