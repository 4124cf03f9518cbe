"""Muon: orthogonalised momentum for kernels, as torch has it for matrices, and AdamW for everything else."""

from __future__ import annotations

import copy

import numpy as np
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.config.schema import Training
from benchmark.training.muon import COEFFICIENTS, ITERATIONS, orthogonalised
from benchmark.training.schedule import apply_schedule, make_optimiser

TRAINING = Training(steps=60, batch=4, optimiser="muon", lr=0.02, weight_decay=0.1, warmup=0.3)


class Small(nn.Module):
    """Kernels of several numbers of axes, higher than wide and wider than high, and parameters that are none."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.plane = nn.Conv1d(2, 3, 3), nn.Conv2d(3, 40, 3)
        self.narrow = nn.Conv2d(2, 60, 1)
        self.norm, self.head = nn.BatchNorm2d(40), nn.Linear(40, 5)

    def kernels(self) -> list[nn.Parameter]:
        return [self.line.weight, self.plane.weight, self.narrow.weight]


def with_gradients(network: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
@example(1, 1, 245)  # a value so small that what is added to the norm counts
@settings(max_examples=60, deadline=None)
def test_singular_vectors_stay_and_singular_values_go_through_the_polynomial(rows, columns, seed):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 10 ** (seed % 7 - 3)
    left, values, right = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    values /= np.linalg.norm(values) + 1e-7  # as torch.optim.Muon, so that nothing is divided by zero
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    np.testing.assert_allclose(orthogonalised(matrix), left * values @ right, atol=1e-3)
    assert values.max() < 1.3


def test_kernels_move_as_torchs_muon_moves_matrices_and_all_else_as_adamw():
    torch.manual_seed(0)
    network = Small()
    theirs = copy.deepcopy(network)
    ours = make_optimiser(network, TRAINING)
    matrices = [nn.Parameter(kernel.detach().flatten(1).clone()) for kernel in theirs.kernels()]
    muon = torch.optim.Muon(matrices, lr=1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    rest = [p for p in theirs.parameters() if p.dim() <= 2]
    adamw = torch.optim.AdamW(
        [{"params": [p for p in rest if p.dim() == 2], "weight_decay": 0.1},
         {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0}], lr=1, fused=True,
    )  # fmt: skip
    for step in range(20):
        with_gradients(network, step)
        with_gradients(theirs, step)
        for matrix, kernel in zip(matrices, theirs.kernels(), strict=True):
            matrix.grad = kernel.grad.flatten(1)
        for optimiser in (ours, muon, adamw):
            apply_schedule(optimiser, TRAINING, step)
            optimiser.step()
    for kernel, matrix, before in zip(network.kernels(), matrices, theirs.kernels(), strict=True):
        moved = kernel.detach().flatten(1) - before.detach().flatten(1)
        expected = matrix.detach() - before.detach().flatten(1)
        assert (moved - expected).norm() < 0.02 * expected.norm()  # torch orthogonalises in bfloat16
    for mine, other in zip([p for p in network.parameters() if p.dim() <= 2], rest, strict=True):
        assert torch.equal(mine, other)


def test_the_memory_format_changes_nothing_but_rounding():
    torch.manual_seed(0)
    networks = [Small().plane for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    networks[1].to(memory_format=torch.channels_last)
    for network in networks:
        optimiser = make_optimiser(network, TRAINING)
        for step in range(3):
            with_gradients(network, step)
            optimiser.step()
    torch.testing.assert_close(networks[0].weight, networks[1].weight, rtol=1e-4, atol=1e-5)
    assert networks[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_kernel_without_a_gradient_stays_and_one_of_zeros_only_decays():
    kernel, other = nn.Conv2d(2, 3, 3, bias=False), nn.Conv2d(2, 3, 3, bias=False)
    before = kernel.weight.detach().clone(), other.weight.detach().clone()
    optimiser = make_optimiser(nn.ModuleList([kernel, other]), TRAINING)
    kernel.weight.grad = torch.zeros_like(kernel.weight)
    optimiser.step()
    assert torch.equal(other.weight, before[1])
    torch.testing.assert_close(kernel.weight.detach(), before[0] * (1 - 0.02 * 0.1))
