"""A network as an ONNX file, and an ONNX file as a function of tensors."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from modalities.errors import BadInput

OPSET = 20  # of the operators: the newest that torch 2.11 writes without converting
INPUT, OUTPUT = "input", "logits"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def require_packages() -> None:
    """Raise BadInput if a package that ONNX files need is not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise BadInput(
            f"ONNX files need {' and '.join(missing)}; pip install 'single-datum-benchmark[export]', "
            "or export safetensors alone."
        )


def to_onnx(network: nn.Module, shape: Sequence[int]) -> bytes:
    """Return a network, in eval mode, as an ONNX model: (B, *shape) float32 in, (B, classes) float32 logits out.

    The number of inputs B is free. Torch's exporter traces the network with ``torch.export`` and folds batch
    normalisation into convolutions; what it notes of the source code, such as this machine's folders, is left out.
    It is given a copy with contiguous weights, for it writes their order in memory into the graph: that of a network
    which was trained channels last becomes a chain of operations that restore strides.

    Raises BadInput if the exporter cannot express the network.
    """
    require_packages()
    network = copy.deepcopy(network).cpu().eval()
    for values in (*network.parameters(), *network.buffers()):
        values.data = values.data.contiguous()
    example = torch.zeros((2, *shape))
    try:
        with without_remarks():
            program = torch.onnx.export(
                network, (example,), dynamo=True, opset_version=OPSET, verbose=False,
                input_names=[INPUT], output_names=[OUTPUT], dynamic_shapes=({0: "batch"},),
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadInput(f"torch cannot write this network as ONNX ({reason}); export safetensors alone.") from error
    assert program is not None  # it is None only if a file is named
    model: Any = program.model_proto
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output,
                 *model.graph.initializer, model.graph, model):  # fmt: skip
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return bytes(model.SerializeToString())


def onnx_function(model: bytes, threads: int) -> Callable[[Tensor], Tensor]:
    """Return an ONNX model as a function on the CPU, run by onnxruntime: (B, *shape) float32 → (B, classes) float32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def forward(inputs: Tensor) -> Tensor:
        (logits,) = session.run([OUTPUT], {INPUT: inputs.numpy()})
        return torch.from_numpy(logits)

    return forward


@contextmanager
def without_remarks() -> Iterator[None]:
    """Within this context, warnings of libraries are not shown: those of the exporters are meant for their authors."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
