"""Evaluation: the mean softmax of an item's clips, one row per item, in the split's own order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from benchmark.data.batches import Batches
from benchmark.evaluation.predict import ROWS, NotFinite, in_order, predict
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from modalities.base import Item

CPU = torch.device("cpu")
CLIPS, FEATURES, CLASSES = 3, 5, 4


class Split:
    def __init__(self, items: int) -> None:
        rng = np.random.default_rng(items)
        self.raw = rng.integers(-9, 9, (items, CLIPS, FEATURES)).astype(np.int16)
        self.labels = rng.integers(0, CLASSES, items)
        self.item_ids = self.groups = [str(i) for i in range(items)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Item:
        return Item(torch.from_numpy(self.raw[index]), int(self.labels[index]), self.item_ids[index])


class Halved:
    """A modality that halves raw items."""

    @staticmethod
    def prepare(raw: torch.Tensor, view: object) -> torch.Tensor:
        return raw.float() / 2


def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(FEATURES, CLASSES), nn.BatchNorm1d(CLASSES), nn.Dropout(0.5))


def by_hand(made: nn.Sequential, split: Split) -> np.ndarray:
    weights = {name: value.numpy().astype(np.float64) for name, value in made.state_dict().items()}
    logits = split.raw / 2 @ weights["0.weight"].T + weights["0.bias"]
    logits = logits / np.sqrt(1 + 1e-5)  # a new normalisation has mean 0, variance 1, and no dropout in evaluation
    return np.log(softmax(logits, axis=-1).mean(axis=1))


@pytest.mark.parametrize("items", [1, ROWS // CLIPS, ROWS // CLIPS + 1, 200])
def test_predictions_are_the_log_of_the_mean_softmax_over_clips(items):
    split, made = Split(items), network()
    got = predict(made.train(), in_order(split), Halved, None, CPU, IgnoreProgress())
    assert got.dtype == np.float16
    assert got.shape == (items, CLASSES)
    # float16 keeps eleven bits
    np.testing.assert_allclose(got.astype(np.float64), by_hand(made, split), rtol=2**-10, atol=1e-3)


def test_predictions_do_not_depend_on_how_items_are_batched():
    split, made = Split(50), network()
    whole = predict(made, in_order(split), Halved, None, CPU, IgnoreProgress())
    sevens = Batches(split, lambda step: np.arange(7 * step, min(50, 7 * step + 7)), 8, memory_limit=0)
    np.testing.assert_allclose(predict(made, sevens, Halved, None, CPU, IgnoreProgress()), whole, atol=2e-3)


def test_a_network_is_left_without_a_gradient_and_unchanged():
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    predict(made, in_order(Split(20)), Halved, None, CPU, IgnoreProgress())
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())
    assert all(p.grad is None for p in made.parameters())


def test_a_request_to_stop_is_heard_between_batches():
    class Stop(IgnoreProgress):
        told = 0

        def step(self, done: int, total: int, loss: float) -> None:
            self.told = done

        def should_stop(self) -> bool:
            return self.told >= 2

    callback = Stop()
    with pytest.raises(Interrupted):
        predict(network(), in_order(Split(1000)), Halved, None, CPU, callback)
    assert callback.told == 2


# --- want of memory --------------------------------------------------------------------------------------------


class Hungry(nn.Module):
    """A network that has memory for so many rows at a time; notes the sizes that it was given."""

    def __init__(self, inner: nn.Module, most: int, error: BaseException) -> None:
        super().__init__()
        self.inner, self.most, self.error, self.given = inner, most, error, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.given.append(len(x))
        if len(x) > self.most:
            raise self.error
        return self.inner(x)


SHORT = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried …"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
]


@pytest.mark.parametrize("error", SHORT)
def test_where_a_batch_does_not_fit_its_parts_give_the_same_predictions(error):
    split = Split(200)
    whole = predict(network(), in_order(split), Halved, None, CPU, IgnoreProgress())
    hungry = Hungry(network(), 70, error)
    parts = predict(hungry, in_order(split), Halved, None, CPU, IgnoreProgress())
    np.testing.assert_allclose(parts.astype(np.float64), whole.astype(np.float64), rtol=2**-9, atol=1e-3)
    # 85 items a batch, of three clips each; what did not fit once is not tried again
    assert hungry.given == [255, 129, 66, 66, 66, 57, 66, 66, 66, 57, 66, 24]


def test_predictions_are_made_of_one_item_at_a_time_where_no_more_fits():
    hungry = Hungry(network(), CLIPS, SHORT[0])
    got = predict(hungry, in_order(Split(9)), Halved, None, CPU, IgnoreProgress())
    assert got.shape == (9, CLASSES)
    assert hungry.given[-9:] == [CLIPS] * 9


@pytest.mark.parametrize(("most", "error"), [(CLIPS - 1, SHORT[0]), (CLIPS, RuntimeError("shapes differ"))])
def test_what_smaller_parts_do_not_mend_is_raised(most, error):
    with pytest.raises(RuntimeError) as caught:
        predict(Hungry(network(), most, error), in_order(Split(9)), Halved, None, CPU, IgnoreProgress())
    assert caught.value is error


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_an_answer_that_is_no_number_has_an_error_of_its_own(wrong):
    made = network()
    nn.init.constant_(made[0].bias, wrong)
    with pytest.raises(NotFinite, match="not finite"):
        predict(made, in_order(Split(9)), Halved, None, CPU, IgnoreProgress())
