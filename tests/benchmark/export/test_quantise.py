"""int8 models: calibrated on the first segments and on nothing else, with numbers that every CPU multiplies rightly."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.export.onnx_files import onnx_function, to_onnx
from benchmark.export.quantise import BATCH, STEPS, quantise
from modalities import registry

SHAPE = (3, 12, 12)


class Segments:
    """A stream of normal numbers that notes which steps were asked for."""

    shape, batch_size = SHAPE, BATCH

    def __init__(self, scale: float = 1.0) -> None:
        self.scale, self.steps = scale, []

    def batch(self, step: int) -> torch.Tensor:
        self.steps.append(step)
        return self.scale * torch.randn((BATCH, *SHAPE), generator=torch.Generator().manual_seed(step))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 48, 3), nn.ReLU(), nn.Conv2d(48, 96, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(96, 4),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def model(network, needs_onnx) -> bytes:
    return to_onnx(network, SHAPE)


@pytest.fixture(scope="module")
def small(model) -> bytes:
    return quantise(model, Segments())


def constants(model: bytes) -> dict[str, np.ndarray]:
    import onnx
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(model).graph.initializer}


def quantised_inputs(model: bytes) -> dict[str, list[str]]:
    """By the tensor that is quantised, the names of its scale and zero point."""
    import onnx

    nodes = onnx.load_from_string(model).graph.node
    return {node.input[0]: list(node.input[1:3]) for node in nodes if node.op_type == "QuantizeLinear"}


def test_segments_are_asked_for_once_each_from_the_first(model, small):
    stream = Segments()
    assert quantise(model, stream) == small, "equal segments, equal bytes"
    assert stream.steps == list(range(STEPS))


def test_the_range_of_the_inputs_is_that_of_the_segments(model, small):
    for scale, content in ((1.0, small), (3.0, quantise(model, Segments(3.0)))):
        seen = torch.stack([Segments(scale).batch(step) for step in range(STEPS)])
        step, _ = (constants(content)[name] for name in quantised_inputs(content)["input"])
        assert float(step) == pytest.approx(float(seen.max() - seen.min()) / 255, rel=1e-5)


def test_logits_are_not_rounded_to_eight_bits_of_a_range(small):
    import onnx

    (last,) = (node for node in onnx.load_from_string(small).graph.node if "logits" in node.output)
    assert last.op_type == "Gemm"
    forward = onnx_function(small, threads=1)
    logits = torch.cat([forward(Segments().batch(step)) for step in range(STEPS)])
    assert len(logits[:, 0].unique()) > 256


def test_weights_have_seven_bits_and_a_scale_per_channel_and_activations_are_unsigned(small):
    found = constants(small)
    weights = [value for value in found.values() if value.dtype == np.int8 and value.ndim > 1]
    assert sorted(len(value) for value in weights) == [4, 48, 96]
    assert all(32 < np.abs(value.astype(int)).max() <= 64 for value in weights)
    scales = [value.size for name, value in found.items() if name.endswith("_scale") and value.ndim]
    assert {48, 96} <= set(scales)
    assert all(found[zero].dtype == np.uint8 for _, zero in quantised_inputs(small).values())


def test_the_file_is_less_than_a_third_and_computes_nearly_the_same(network, model, small):
    assert len(small) < 0.33 * len(model)
    inputs = Segments().batch(STEPS)
    with torch.no_grad():
        wanted = network(inputs)
    found = onnx_function(small, threads=1)(inputs)
    assert found.shape == wanted.shape and found.dtype == torch.float32
    assert float((found - wanted).abs().max()) < 0.1 * float(wanted.std())


def test_a_network_with_group_norm_makes_a_model_that_loads(needs_onnx):
    torch.manual_seed(0)
    image = registry.modality("image")
    network = image.network("resnet-s-8-gn", image.view_type(size=12), 4).eval()
    inputs = Segments().batch(STEPS)
    with torch.no_grad():
        wanted = network(inputs)
    found = onnx_function(quantise(to_onnx(network, SHAPE), Segments()), threads=1)(inputs)
    assert float((found - wanted).abs().max()) < 0.1 * float(wanted.std())


def test_processes_that_are_started_afterwards_find_this_package(tmp_path):
    # In a process of its own: imported once, onnxruntime adds nothing more to the path.
    code = """
import multiprocessing, sys
before = list(sys.path)
from benchmark.export.quantise import quantisation, segment_reader
quantisation()
segment_reader(None)
assert sys.path == before, set(sys.path) - set(before)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
