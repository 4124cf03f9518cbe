"""An ONNX model computes what the network does, for any number of inputs, and says nothing of the machine."""

from __future__ import annotations

import logging
import warnings

import pytest
import torch
from torch import nn

from benchmark.config.schema import Training
from benchmark.export import onnx_files
from benchmark.export.onnx_files import onnx_function, require_packages, to_onnx, without_remarks
from benchmark.training.precision import apply_memory_format
from modalities import registry
from modalities.errors import BadInput

VIEWS = {"image": {"size": 16}, "audio": {"seconds": 0.5, "mels": 20}, "video": {"frames": 4, "size": 16}}


def trained(modality: str, name: str, classes: int = 5) -> tuple[nn.Module, tuple[int, ...]]:
    """A network whose batch statistics are not the initial ones, and the shape of its inputs."""
    one = registry.modality(modality)
    view = one.view_type(**VIEWS[modality])
    torch.manual_seed(0)
    network = one.network(name, view, classes)
    with torch.no_grad():
        for _ in range(3):
            network(3 * torch.randn(8, *view.shape) + 1)
    return network.eval(), view.shape


@pytest.mark.parametrize(
    ("modality", "name"),
    [("image", "resnet-s-8"), ("image", "resnet-s-8-gn"), ("image", "wrn-10-1"), ("audio", "conv4-8"),
     ("video", "early-8"), ("video", "r2plus1d-8")],
)  # fmt: skip
def test_any_number_of_inputs_has_the_logits_of_torch(needs_onnx, modality, name):
    network, shape = trained(modality, name)
    forward = onnx_function(to_onnx(network, shape), threads=1)
    for count in (1, 2, 7):
        inputs = torch.randn(count, *shape)
        with torch.no_grad():
            torch.testing.assert_close(forward(inputs), network(inputs), rtol=1e-4, atol=1e-4)


def test_how_a_network_was_trained_does_not_reach_its_graph(needs_onnx):
    import onnx

    network, shape = trained("image", "resnet-s-8")
    plain = to_onnx(network, shape)
    apply_memory_format(network, Training(steps=1, batch=2, lr=1, precision="bfloat16"))
    network.train()
    content = to_onnx(network, shape)
    assert content == plain, "in channels last, with the care that bfloat16 takes, in training mode"
    assert network.training and not network[0].weight.is_contiguous(), "the network itself is as it was"
    model = onnx.load_from_string(content)
    assert all(tensor.data_type == onnx.TensorProto.FLOAT for tensor in model.graph.initializer if len(tensor.dims) > 1)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == sum(isinstance(module, nn.Conv2d) for module in network.modules())
    assert set(kinds) <= {"Conv", "Relu", "Add", "ReduceMean", "GlobalAveragePool", "Reshape", "Flatten", "Gemm"}


def test_nothing_of_this_machine_is_in_the_file(needs_onnx):
    import onnx

    content = to_onnx(*trained("image", "cnn-4"))
    assert b".py" not in content and b"site-packages" not in content
    (operators,) = onnx.load_from_string(content).opset_import
    assert operators.version == onnx_files.OPSET


def test_a_model_is_run_on_the_cpu_by_so_many_threads(needs_onnx, monkeypatch):
    import onnxruntime

    given = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *args, **more: given.append((args, more)))
    onnx_function(b"model", threads=3)
    (((model, options), more),) = given
    assert model == b"model" and more == {"providers": ["CPUExecutionProvider"]}
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)


def test_a_network_that_torch_cannot_write_is_refused_in_a_sentence(needs_onnx):
    class Undecided(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(BadInput, match="torch cannot write this network as ONNX"):
        to_onnx(Undecided(), (3,))


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    monkeypatch.setattr(onnx_files, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(BadInput, match=r"^ONNX files need onnxruntime; pip install '[\w-]+\[export\]'"):
        require_packages()


def test_remarks_are_hidden_and_then_shown_again(caplog):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(ZeroDivisionError), without_remarks():
            warnings.warn("hidden", stacklevel=1)
            logging.getLogger().warning("hidden")
            raise ZeroDivisionError
        warnings.warn("shown", stacklevel=1)
        logging.getLogger().warning("also shown")
    assert [str(one.message) for one in seen] == ["shown"]
    assert caplog.messages == ["also shown"]
