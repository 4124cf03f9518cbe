"""One cell on several devices: the processes of a torchrun as ranks."""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from benchmark.system.devices import cuda_devices, device_kind
from benchmark.system.ranks import SINGLE_PROCESS, RankDesync, Ranks
from benchmark.system.resources import launched_by_torchrun
from modalities.errors import BadInput

if TYPE_CHECKING:  # so that a command outside torchrun never waits for torch
    from torch import Tensor, nn

T = TypeVar("T")
OUTCOME_TIMEOUT = timedelta(seconds=30)  # how long a process that failed waits for the others to fail like it
EXCHANGE_TIMEOUT = timedelta(days=30)  # how long processes wait while the main one makes something, such as a teacher


def join(device: str) -> Ranks:
    """Return the connected processes of this torchrun, or ``SINGLE_PROCESS``; raise BadInput if it cannot be joined."""
    return TorchrunRanks(device) if launched_by_torchrun() else SINGLE_PROCESS


class _Result(NamedTuple):
    """What a call returned or raised on one rank."""

    value: Any = None
    error: Exception | None = None


def _call(make: Callable[[], Any]) -> _Result:
    try:
        return _Result(make())
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # our own, just made: only to find out whether it can be sent
        except Exception:
            return _Result(error=RuntimeError(f"{type(error).__name__}: {error}"))
        return _Result(error=error)


class TorchrunRanks(Ranks):
    """The processes of a torchrun, through Lightning Fabric: gloo on CPUs, NCCL on GPUs (the latter not yet tested).

    Objects go through a gloo group with a long timeout; outcomes through torchrun's store, which outlives a process.
    """

    def __init__(self, device: str) -> None:
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

        self._dist: Any = dist
        self._exchange = dist.new_group(backend="gloo", timeout=EXCHANGE_TIMEOUT)
        store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
        # The store outlives the processes of one attempt, so each attempt has its own prefix.
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
        self._dist.all_reduce(values)
        return values / self.world_size

    def any(self, flag: bool) -> bool:
        import torch

        flags = torch.tensor(int(flag))
        self._dist.all_reduce(flags, group=self._exchange)
        return bool(flags)

    def from_main(self, make: Callable[[], T]) -> T:
        results = [_call(make) if self.is_main else _Result()]
        self._dist.broadcast_object_list(results, src=0, group=self._exchange)
        if results[0].error is not None:
            raise results[0].error
        value: T = results[0].value
        return value

    def gather(self, make: Callable[[], T]) -> list[T]:
        mine = _call(make)
        results = [_Result()] * self.world_size
        self._dist.all_gather_object(results, mine, group=self._exchange)
        for rank, result in enumerate(results):
            if result.error is not None:
                result.error.add_note(f"(raised by process {rank} of {self.world_size})")
                raise result.error from mine.error
        return [result.value for result in results]

    def agree_on_outcome(self, outcome: str) -> None:
        from torch.distributed import DistError

        self._ended += 1
        me = str(self.rank)
        origin = self._store.compare_set(f"{self._ended} first", "", me) == me.encode()
        self._store.set(f"{self._ended} {me}", outcome)
        names = [f"{self._ended} {rank}" for rank in range(self.world_size)]
        try:
            self._store.wait(names, OUTCOME_TIMEOUT)
        except DistError:
            raise RankDesync(origin) from None
        if len({self._store.get(name) for name in names}) > 1:
            raise RankDesync(origin)


def _fabric(kind: str, devices: int, nodes: int) -> Any:
    """Return Lightning Fabric, connected to the other processes."""
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    except ImportError as error:
        raise BadInput(
            "torchrun needs Lightning Fabric: pip install 'single-datum-benchmark[distributed]', "
            "or run without torchrun, which gives every cell a process of its own."
        ) from error
    # Its start-up messages, and that channels-last weights arrive with other strides, are of no use here.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    backend = "nccl" if kind == "cuda" else "gloo"
    fabric = Fabric(
        accelerator=kind, devices=devices, num_nodes=nodes, strategy=DDPStrategy(process_group_backend=backend)
    )
    fabric.launch()
    return fabric
