"""float32 is full float32 in training and evaluation, and a caller's settings are restored."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.backends import cuda, cudnn, mkldnn

from benchmark.config.schema import Training
from benchmark.evaluation.predict import evaluation_batches, predict
from benchmark.training.callbacks import IgnoreProgress
from benchmark.training.loop import optimise
from benchmark.training.precision import apply_memory_format, full_float32
from doubles import CPU, Split


def newer() -> list[str]:
    return [part.fp32_precision for part in (cudnn.conv, cudnn.rnn, cuda.matmul, mkldnn.matmul)]


def older() -> list[object]:
    """Torch's older settings, each of which raises an error if a newer one contradicts it."""
    return [cudnn.allow_tf32, cuda.matmul.allow_tf32, torch.get_float32_matmul_precision()]


EXACT = (["ieee"] * 4, [False, False, "highest"])


@pytest.fixture
def as_torch_starts():
    """Restore the settings, whatever a test does to them."""
    yield
    cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")
    cuda.matmul.fp32_precision = mkldnn.matmul.fp32_precision = "none"


@pytest.mark.parametrize("products", ["highest", "high", "medium"])
@pytest.mark.parametrize("convolutions", [True, False])
def test_settings_hold_within_and_are_as_before_afterwards(products, convolutions, as_torch_starts):
    torch.set_float32_matmul_precision(products)
    cudnn.allow_tf32 = convolutions
    before = newer(), older()
    with full_float32():
        assert (newer(), older()) == EXACT
        with full_float32():
            pass
        assert (newer(), older()) == EXACT
    assert (newer(), older()) == before
    with pytest.raises(RuntimeError, match="within"), full_float32():
        raise RuntimeError("within")
    assert (newer(), older()) == before


@pytest.mark.parametrize(("part", "value"), [(cuda.matmul, "tf32"), (cudnn.conv, "ieee")])
def test_a_caller_who_set_newer_settings_only_finds_them_unchanged(part, value, as_torch_starts):
    part.fp32_precision = value
    before = newer()
    with pytest.raises(RuntimeError, match=r"legacy and new|matmul precision"):
        older()
    with full_float32():
        assert (newer(), older()) == EXACT
    assert newer() == before


class RecordsSettings(nn.Linear):
    """Records the settings under which it is called."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.seen: list[object] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen.append((newer(), older()))
        return super().forward(inputs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_is_float32_outside_autocast(precision):
    before, network = (newer(), older()), RecordsSettings()
    training = Training(steps=2, batch=4, lr=0.1, precision=precision)
    optimise(network, lambda step: [network(torch.ones(4, 3)).sum()], training, seed=0, device=CPU)
    assert network.seen == [EXACT, EXACT]
    assert (newer(), older()) == before


def test_evaluation_is_float32():
    before, network = (newer(), older()), RecordsSettings()
    batches = evaluation_batches(Split(4, raw=np.zeros((4, 1, 3), np.float32)))
    predict(network, batches, lambda raw: raw, CPU, IgnoreProgress())
    assert network.seen == [EXACT]
    assert (newer(), older()) == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_convolution_and_a_product_on_a_gpu_have_the_bits_of_float32():
    torch.manual_seed(0)
    pictures, filters = torch.randn(8, 64, 32, 32, device="cuda"), torch.randn(64, 64, 3, 3, device="cuda")
    with full_float32():
        convolved, product = nn.functional.conv2d(pictures, filters), pictures @ pictures
    for ours, exact in (
        (convolved, nn.functional.conv2d(pictures.double(), filters.double())),
        (product, pictures.double() @ pictures.double()),
    ):
        assert (ours - exact).abs().max() / exact.abs().max() < 1e-5  # TF32 keeps 2**-11, about 5e-4, of each factor


TRAIN_STRIDED = """
import sys, torch
from torch import nn
from benchmark.config.schema import Training
from benchmark.training.precision import apply_memory_format
torch.set_num_threads(1)
for inputs in (3, 4, 6, 8, 12, 14):
    network = nn.Sequential(nn.Conv2d(inputs, 2 * inputs, 1, 2, bias=False))
    training = Training(steps=1, batch=64, lr=0.1, precision="bfloat16")
    apply_memory_format(network, training)
    apply_memory_format(network, training)
    assert len(network[0]._forward_pre_hooks) == 1
    x = torch.randn(64, inputs, 8, 26).to(memory_format=torch.channels_last).requires_grad_()
    for _ in range(8):
        with torch.autocast("cpu", torch.bfloat16):
            y = network(x)
        y.float().square().mean().backward()
    with torch.autocast("cpu", torch.bfloat16):
        plain = nn.functional.conv2d(x.contiguous(), network[0].weight, stride=2)
    assert torch.allclose(network(x).float(), plain.float(), atol=0.05)
print("trained")
"""


def test_strided_convolutions_of_size_one_do_not_end_the_process():
    done = subprocess.run([sys.executable, "-c", TRAIN_STRIDED], capture_output=True, text=True)
    assert done.stdout == "trained\n", done.stderr[-500:]


@pytest.mark.parametrize(
    ("network", "hooks"),
    [
        (nn.Conv2d(6, 12, 1, 2), 1), (nn.Conv2d(8, 12, 1, 2), 1), (nn.Conv3d(6, 12, 1, (1, 2, 2)), 1),
        (nn.Conv2d(16, 8, 1, 2), 0), (nn.Conv2d(6, 12, 1, 1), 0), (nn.Conv2d(6, 12, 3, 2), 0), (nn.Linear(6, 12), 0),
    ],
)  # fmt: skip
def test_all_other_layers_keep_the_fastest_layout(network, hooks):
    for precision, expected in (("bfloat16", hooks), ("float32", 0)):
        fresh = copy.deepcopy(network)
        apply_memory_format(fresh, Training(steps=1, batch=2, lr=0.1, precision=precision))
        assert len(fresh._forward_pre_hooks) == expected
