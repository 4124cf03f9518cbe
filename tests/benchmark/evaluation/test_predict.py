"""Evaluation: the mean softmax of an item's clips, one row per item, in the split's own order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from benchmark.data.batches import Batches
from benchmark.evaluation.predict import CPU_ROWS, NotFinite, evaluation_batches, predict
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from doubles import CPU, Split, StopAfter, noise_split, seeded

CLIPS, FEATURES, CLASSES = 3, 5, 4


def network() -> nn.Sequential:
    return seeded(0, lambda: nn.Sequential(nn.Linear(FEATURES, CLASSES), nn.BatchNorm1d(CLASSES), nn.Dropout(0.5)))


def split_of(items: int) -> Split:
    return noise_split(items, CLIPS, FEATURES)


def halve(raw: torch.Tensor) -> torch.Tensor:
    return raw.float() / 2


def predicted(made: nn.Module, split: Split) -> np.ndarray:
    return predict(made, evaluation_batches(split), halve, CPU, IgnoreProgress())


def by_hand(made: nn.Sequential, split: Split) -> np.ndarray:
    weights = {name: value.numpy().astype(np.float64) for name, value in made.state_dict().items()}
    logits = split.raw / 2 @ weights["0.weight"].T + weights["0.bias"]
    logits = logits / np.sqrt(1 + 1e-5)  # a new normalisation has mean 0, variance 1, and no dropout in evaluation
    return np.log(softmax(logits, axis=-1).mean(axis=1))


@pytest.mark.parametrize("items", [1, CPU_ROWS // CLIPS, CPU_ROWS // CLIPS + 1, 200])
def test_predictions_are_the_log_of_the_mean_softmax_over_clips(items):
    split, made = split_of(items), network()
    got = predicted(made.train(), split)
    assert got.dtype == np.float16
    assert got.shape == (items, CLASSES)
    # float16 keeps eleven bits
    np.testing.assert_allclose(got.astype(np.float64), by_hand(made, split), rtol=2**-10, atol=1e-3)


def test_predictions_do_not_depend_on_how_items_are_batched():
    split, made = split_of(50), network()
    whole = predicted(made, split)
    sevens = Batches(split, lambda step: np.arange(7 * step, min(50, 7 * step + 7)), 8, memory_limit=0)
    np.testing.assert_allclose(predict(made, sevens, halve, CPU, IgnoreProgress()), whole, atol=2e-3)


def test_a_network_is_left_without_a_gradient_and_unchanged():
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    predicted(made, split_of(20))
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())
    assert all(p.grad is None for p in made.parameters())


def test_a_request_to_stop_takes_effect_between_batches():
    callback = StopAfter(2)
    with pytest.raises(Interrupted):
        predict(network(), evaluation_batches(split_of(1000)), halve, CPU, callback)
    assert callback.done == 2


# --- too little memory -----------------------------------------------------------------------------------------


class Hungry(nn.Module):
    """A network that runs out of memory with more than a number of rows; records the sizes of its inputs."""

    def __init__(self, inner: nn.Module, max_rows: int, error: BaseException) -> None:
        super().__init__()
        self.inner, self.max_rows, self.error, self.given = inner, max_rows, error, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.given.append(len(x))
        if len(x) > self.max_rows:
            raise self.error
        return self.inner(x)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried …"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_if_a_batch_does_not_fit_its_parts_give_the_same_predictions(error):
    split = split_of(200)
    whole = predicted(network(), split)
    hungry = Hungry(network(), 70, error)
    parts = predicted(hungry, split)
    np.testing.assert_allclose(parts.astype(np.float64), whole.astype(np.float64), rtol=2**-9, atol=1e-3)
    # 85 items a batch, of three clips each; what did not fit once is not tried again
    assert hungry.given == [255, 129, 66, 66, 66, 57, 66, 66, 66, 57, 66, 24]


def test_items_are_predicted_one_at_a_time_if_no_more_fit():
    hungry = Hungry(network(), CLIPS, OUT_OF_MEMORY[0])
    got = predicted(hungry, split_of(9))
    assert got.shape == (9, CLASSES)
    assert hungry.given[-9:] == [CLIPS] * 9


@pytest.mark.parametrize(("max_rows", "error"), [(CLIPS - 1, OUT_OF_MEMORY[0]), (CLIPS, RuntimeError("shapes differ"))])
def test_an_error_that_smaller_parts_do_not_fix_is_raised(max_rows, error):
    with pytest.raises(RuntimeError) as caught:
        predicted(Hungry(network(), max_rows, error), split_of(9))
    assert caught.value is error


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_an_output_that_is_not_finite_has_its_own_error(wrong):
    made = network()
    nn.init.constant_(made[0].bias, wrong)
    with pytest.raises(NotFinite, match="not finite"):
        predicted(made, split_of(9))
