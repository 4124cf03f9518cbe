"""A step sends its numbers to a GPU without waiting for it, and requests none back; tested on a fake GPU too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmark.config.compose import compose_target
from benchmark.data.batches import Batches
from benchmark.distillation.distill import DistillationStep
from benchmark.distillation.mixing import mix
from benchmark.planning.auto import resolve_auto
from benchmark.running.networks import make_network
from benchmark.training.loop import take_step
from benchmark.training.schedule import make_optimiser
from modalities import registry
from modalities.base import Draws, Item

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
TARGETS = {"image": "cifar10", "audio": "fsdd", "video": "ucf101"}
BATCH, CLASSES = 64, 4
aten = torch.ops.aten

has_gpu = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not has_gpu, reason="there is no GPU")
# Constants cached per device would remain as fake tensors, which a real GPU could not use later.
needs_none = pytest.mark.skipif(has_gpu, reason="there is a GPU, on which the same is tested")


class Items:
    """Blank items of one shape."""

    labels = np.arange(BATCH) % CLASSES

    def __init__(self, name: str, view: Any) -> None:
        self.item_ids = self.groups = [str(i) for i in range(BATCH)]
        self._blank = {
            "image": lambda: torch.zeros(1, 3, view.size + 4, view.size + 4, dtype=torch.uint8),
            "audio": lambda: torch.zeros(1, view.samples, dtype=torch.int16),
            "video": lambda: torch.zeros(1, 3, view.frames, view.resize, view.resize, dtype=torch.uint8),
        }[name]()

    def __len__(self) -> int:
        return BATCH

    def __getitem__(self, index: int) -> Item:
        return Item(self._blank, int(self.labels[index]), str(index))


def batches_of(name: str, view: Any) -> Batches:
    batches = Batches(Items(name, view), lambda step: np.arange(step, step + 8), BATCH - 8)
    batches.batch(0)  # decoded and cached
    return batches


# --- without a GPU: shapes and devices are tracked, nothing is computed ----------------------------------------


class Copies(TorchDispatchMode):
    """Records copies between host and GPU, and whether the host would wait. Use inside a FakeTensorMode.

    There, whatever needs a GPU's number on the host (``item``, ``nonzero``, a boolean mask) raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pinned: list[torch.Tensor] = []
        self.free: list[str] = []
        self.waits: list[str] = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if op is aten._pin_memory.default:
            self._pinned.append(args[0].clone())
            return self._pinned[-1]
        made = op(*args, **kwargs)
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        every = given + [leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        # A single number from the host is an argument of a GPU operation, unless it is copied.
        kinds = {tensor.device.type for tensor in every if tensor.dim() or op is aten._to_copy.default}
        if kinds >= {"cpu", "cuda"}:
            pinned = any(given[0] is tensor for tensor in self._pinned)
            free = op is aten._to_copy.default and pinned and kwargs.get("non_blocking", False)
            (self.free if free else self.waits).append(f"{op}{[tuple(tensor.shape) for tensor in given]}")
        return made


@pytest.fixture
def copies():
    with FakeTensorMode(allow_non_fake_inputs=True), Copies() as found:
        yield found


def never_waits(copies: Copies, work) -> None:
    """Assert that ``work`` (step → anything) copies something, and without waiting, once constants are cached."""
    work(0)
    copies.free.clear()
    copies.waits.clear()
    for step in (1, 2):
        work(step)
    assert not copies.waits
    assert copies.free


@needs_none
def test_operations_that_wait_are_detected(copies):
    there = torch.ones(3, device=GPU)
    values = torch.from_numpy(np.ones(3))
    for wait in (
        lambda: torch.tensor([1.0, 2.0], device=GPU),
        lambda: torch.tensor(1.0, device=GPU),
        lambda: values.to(GPU),
        lambda: values.to(GPU, non_blocking=True),  # not pinned, so copied through the driver's buffer
        lambda: values.pin_memory().to(GPU),
        lambda: there[torch.from_numpy(np.arange(2))],
        lambda: there.cpu(),
    ):
        copies.waits.clear()
        wait()
        assert copies.waits
    for number in (lambda: there[there > 0], lambda: there.tolist(), lambda: float(there.sum())):
        with pytest.raises(Exception, match=r"nonzero|_local_scalar_dense"):
            number()


@needs_none
@pytest.mark.parametrize("name", TARGETS)
def test_segments_of_every_policy_are_cut_on_a_gpu_without_waiting_for_it(name, copies):
    config, modality = compose_target(TARGETS[name], (), profile="smoke", suite="all"), registry.modality(name)
    source = modality.load_source(getattr(config.source, name), config.view, GPU)
    policies = list(modality.policies().values())
    if name == "image":
        policies.append(replace(policies[0], blur=0.5))  # which no named one does
    for policy in policies:
        stream = modality.stream(source, config.view, policy, batch_size=BATCH, seed=0, device=GPU)
        never_waits(copies, stream.batch)


@needs_none
@pytest.mark.parametrize("kind", ["cutmix", "mixup"])
@pytest.mark.parametrize("per", ["batch", "sample"])
def test_segments_are_mixed_on_a_gpu_without_waiting_for_it(kind, per, copies):
    segments = torch.zeros(BATCH, 3, 8, 8, device=GPU)
    never_waits(copies, lambda step: mix(segments, kind, 1.0, per, Draws(0), step))


@needs_none
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("change", ["augment", "prepare"])
def test_labelled_items_reach_a_gpus_network_without_waiting_for_it(name, change, request):
    config, modality = compose_target(TARGETS[name], (), profile="smoke", suite="all"), registry.modality(name)
    batches = batches_of(name, config.view)  # before the fake mode begins, because other threads fill its memory

    def work(step: int) -> None:
        raw, _ = batches.batch(step, GPU)
        if change == "augment":
            modality.augment(raw, config.view, Draws(0), step)
        else:
            modality.prepare(raw, config.view)

    never_waits(request.getfixturevalue("copies"), work)


# --- with one ---------------------------------------------------------------------------------------------------


@needs_gpu
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_training_step_never_waits_for_the_gpu(name, role):
    config, modality = compose_target(TARGETS[name], (), profile="smoke", suite="all"), registry.modality(name)
    resolve_auto(config, "cuda", name)
    view, recipe = config.view, config.recipe
    teacher, student = (
        make_network(modality, config.student.network, view, CLASSES, part, 0, GPU) for part in ("teacher", "student")
    )
    if role == "student":
        source = modality.load_source(getattr(config.source, name), view, GPU)
        stream = modality.stream(source, view, config.policy, batch_size=recipe.batch, seed=0, device=GPU)
        loss_at = DistillationStep(stream, teacher, student, recipe, seed=0, device=GPU).loss
    else:
        loss_at = from_labels(batches_of(name, view), student, modality, view)
    optimiser = make_optimiser(student.train(), recipe)

    def step(number: int) -> None:
        take_step(student, optimiser, loss_at, recipe, number, 0)

    with torch.random.fork_rng(devices=[GPU]):
        step(0)  # libraries start, constants are copied
        torch.cuda.set_sync_debug_mode("error")
        try:
            step(1)
            step(2)
        finally:
            torch.cuda.set_sync_debug_mode("default")


def from_labels(batches: Batches, network: nn.Module, modality: Any, view: Any):
    def loss_at(step: int):
        raw, labels = batches.batch(step, GPU)
        yield F.cross_entropy(network(modality.augment(raw, view, Draws(0), step)), labels)

    return loss_at
