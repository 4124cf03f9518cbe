"""Numbers for a device: on a CPU nothing is copied, and constants are made once and are good for everything."""

import numpy as np
import pytest
import torch

from modalities.compute import to_device as devices

CPU = torch.device("cpu")


def test_on_a_cpu_an_array_shares_its_memory_and_a_tensor_is_itself():
    values = np.arange(6.0)
    there = devices.to_device(values, CPU)
    values[2] = 7
    assert there[2] == 7
    tensor = torch.ones(2, 3)
    assert devices.to_device(tensor, CPU) is tensor


@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::2], np.s_[:, 1]])
@pytest.mark.parametrize("kind", [np.float32, np.int64, np.bool_])
def test_views_of_arrays_arrive_as_they_look(view, kind):
    values = np.arange(12).reshape(4, 3).astype(kind)[view]
    there = devices.to_device(values, CPU)
    assert there.numpy().dtype == kind
    np.testing.assert_array_equal(there.numpy(), values)


def test_a_constant_is_made_once_and_is_float32_whatever_kind_of_number_asked_first():
    whole, broken = devices.constant((0, 1, 2), CPU), devices.constant((0.0, 1.0, 2.0), CPU)
    assert whole is broken
    assert whole.dtype == torch.float32
    assert torch.equal(devices.constant((0.1, 0.7), CPU), torch.tensor([0.1, 0.7]))


def test_a_constant_that_evaluation_asked_for_first_serves_where_a_gradient_is_wanted():
    with torch.inference_mode():
        scale = devices.constant((3.25, 8.5), CPU)
    inputs = torch.ones(2, requires_grad=True)
    (inputs * scale).sum().backward()
    assert inputs.grad.tolist() == [3.25, 8.5]
