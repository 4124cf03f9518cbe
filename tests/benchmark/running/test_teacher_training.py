"""What a teacher is trained on: labels, smoothing, clips, order and augmentation, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.config.schema import Teacher, Training
from benchmark.data.batches import shuffled_order
from benchmark.data.splits import holdout_split
from benchmark.evaluation.predict import evaluation_batches
from benchmark.running import teacher
from benchmark.running.teacher import TeacherTask, make_teacher
from benchmark.training.callbacks import IgnoreProgress
from doubles import CPU, Split, seeded
from modalities.base import Draws

CLASSES, FEATURES = 4, 7


def clips(items: int, per_item: int) -> Split:
    """Items of several clips; each value of a clip is the item's number."""
    raw = np.broadcast_to(np.arange(items, dtype=np.int16)[:, None, None], (items, per_item, FEATURES)).copy()
    split = Split(items, raw=raw)
    split.labels = np.random.default_rng(0).integers(0, CLASSES, items)
    return split


class Recorded:
    """A task's augmentation, which records its arguments and adds what it draws."""

    def __init__(self) -> None:
        self.calls: list[tuple[torch.Tensor, Draws, int]] = []

    def __call__(self, raw: torch.Tensor, draws: Draws, step: int) -> torch.Tensor:
        self.calls.append((raw, draws, step))
        return raw.float() / 10 + torch.from_numpy(draws.uniform(step, "noise", tuple(raw.shape))).float()


def task(per_item: int, augment: Recorded, **changes) -> TeacherTask:
    made = Training(steps=20, batch=6, lr=0.02, warmup=0.3)
    return TeacherTask(
        settings=Teacher(network="any", training=made, times_chance=0.0, **changes), callback=IgnoreProgress(),
        new_network=lambda: seeded(0, lambda: nn.Linear(FEATURES, CLASSES)), prepare=lambda raw: raw.float() / 10,
        augment=augment, classes=CLASSES, metric="top-1", train=lambda: clips(60, per_item), train_per_class=0,
        test=evaluation_batches(clips(10, per_item)), device=CPU,
    )  # fmt: skip


@pytest.fixture
def optimised(monkeypatch):
    """The arguments with which the loop was called, which takes no step here."""
    seen = {}

    def record(network, loss_at, training, **named):
        seen.update(named, network=network, loss_at=loss_at, training=training)

    monkeypatch.setattr(teacher, "optimise", record)
    return seen


@pytest.mark.parametrize("per_item", [1, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_the_loss_is_the_smoothed_cross_entropy_of_every_clip_with_its_items_label(optimised, per_item, smoothing):
    augment = Recorded()
    given = task(per_item, augment, label_smoothing=smoothing)
    network = given.new_network()
    make_teacher(network, given)
    for step in (0, 5, 9):
        loss = sum(optimised["loss_at"](step)).item()
        raw, draws, at = augment.calls[-1]
        assert at == step
        items = raw[:, 0].long()  # every clip says of which item it is
        assert len(items) == 6 * per_item
        labels = torch.from_numpy(given.train().labels)[items]
        logits = network(Recorded()(raw, draws, step)).log_softmax(1)
        right, spread = logits[torch.arange(len(items)), labels], logits.mean(1)
        expected = -((1 - smoothing) * right + smoothing * spread).mean()
        assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_micro_batches_add_up_to_the_loss_of_the_batch(monkeypatch):
    losses = {}

    def optimise(network, loss_at, training, **named):
        for parts in (1, 2, 3, 5):
            losses[parts] = [part.item() for part in loss_at.func(parts, 4)]

    monkeypatch.setattr(teacher, "optimise", optimise)
    make_teacher(task(2, Recorded()).new_network(), task(2, Recorded(), label_smoothing=0.2))
    assert {parts: len(of) for parts, of in losses.items()} == {1: 1, 2: 2, 3: 3, 5: 4}  # 12 clips: 3, 3, 3, 3
    for of in losses.values():
        assert sum(of) == pytest.approx(losses[1][0], rel=1e-5)


def test_items_come_in_an_order_of_their_own_for_every_epoch_and_augmentation_has_other_draws(optimised):
    augment = Recorded()
    given = task(1, augment)
    make_teacher(given.new_network(), given)
    items = len(holdout_split(given.train(), given.settings.holdout)[0])
    steps = items // 6  # of an epoch
    for step in range(2 * steps):
        list(optimised["loss_at"](step))
    orders = [raw[:, 0].tolist() for raw, _, _ in augment.calls]
    epochs = [[item for order in orders[start : start + steps] for item in order] for start in (0, steps)]
    assert 50 <= items < 60 and all(len(set(epoch)) == 6 * steps for epoch in epochs)
    assert epochs[0] != epochs[1] and epochs[0] != sorted(epochs[0])
    assert {draws for _, draws, _ in augment.calls} == {Draws(0, "teacher/")}
    assert orders[0] != shuffled_order(Draws(0), items, 6)(0).tolist()


def test_the_loop_gets_the_settings_of_the_teacher(optimised):
    given = task(1, Recorded())
    network = given.new_network()
    make_teacher(network, given)
    assert optimised["network"] is network
    assert optimised["training"] == given.settings.training
    assert (optimised["seed"], optimised["device"]) == (0, CPU)


def test_smoothing_is_torchs():
    logits, labels = torch.randn(5, CLASSES), torch.arange(5) % CLASSES
    by_hand = 0.9 * F.cross_entropy(logits, labels) - 0.1 * logits.log_softmax(1).mean()
    assert F.cross_entropy(logits, labels, label_smoothing=0.1).item() == pytest.approx(by_hand.item(), rel=1e-5)
