"""What the kernels share: parts that cover a batch, and functions that compile wherever they can be kept."""

from typing import Any

import numpy as np
import pytest
import torch

from modalities.compute import kernels as cpu


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_parts_cover_a_batch_once_and_are_no_more_than_threads(
    threads: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    parts: list[slice] = []
    cpu.run_in_threads(parts.append, count)
    assert sorted(i for part in parts for i in range(count)[part]) == list(range(count))
    assert len(parts) == min(threads, count)


def test_an_error_in_a_part_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(part: slice) -> None:
        raise ValueError(part)

    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=threads: count)
        with pytest.raises(ValueError, match="slice"):
            cpu.run_in_threads(fail, 4)


def test_an_empty_tensor_has_the_shape_and_type_of_segments() -> None:
    made = cpu.empty(2, 3, 5)
    assert made.shape == (2, 3, 5) and made.dtype == torch.float32


def test_a_kernel_compiles_where_no_folder_can_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cpu.njit

    def refuse(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(cpu, "njit", refuse)

    @cpu.jit
    def double(values: Any) -> None:
        for i in range(len(values)):
            values[i] *= 2

    values = np.arange(3.0)
    double(values)
    assert values.tolist() == [0, 2, 4]
