"""The number of torch's threads within a context, and after it."""

from __future__ import annotations

import pytest
import torch

from benchmark.system.threads import torch_threads


def test_the_number_of_threads_is_restored_even_after_an_error():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    with pytest.raises(ValueError), torch_threads(before + 2):
        raise ValueError
    assert torch.get_num_threads() == before
