"""Eight-bit integers instead of float32, calibrated on segments alone; is given no dataset."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmark.export.onnx_files import INPUT, require_packages, without_remarks
from modalities.base import SegmentStream

BATCH, STEPS = 64, 8  # of the segments that calibrate: 512, the first that the student saw
# What holds nearly all weights and does nearly all work. The rest stays in float32: of quantised GroupNorm, onnxruntime
# 1.32 makes models that it refuses to load.
OPERATIONS = ["Conv", "Gemm", "MatMul"]
UNROUNDED = {"OpTypesToExcludeOutputQuantization": ["Gemm"]}  # a last layer's outputs are the logits


def quantise(model: bytes, segments: SegmentStream) -> bytes:
    """Return an ONNX model with 8-bit weights, a scale for each output channel, and 8-bit inputs of each layer.

    It is static: the range of every activation is fixed here, as the smallest and the largest value that ``STEPS``
    batches of segments lead to. The model keeps float32 inputs and outputs, and pairs of QuantizeLinear and
    DequantizeLinear say where integers are meant (QDQ), so that any runtime can run it. The logits themselves are not
    rounded, and not limited to the range of those of segments, which real items often leave.

    CPUs without VNNI multiply eight unsigned by eight signed bits with VPMADDUBSW, which adds two products into 16 bits
    and cuts off what does not fit: 2 · 255 · 127 > 2¹⁵ - 1, and accuracy is lost whatever the calibration. Weights
    therefore use seven of their bits (``reduce_range``): 2 · 255 · 64 fits. Signed activations avoid it as well, but by
    kernels that are slower on x86. See "Data type selection" and "When and why do I need to try reduce_range" in
    https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html

    Args:
        model: as ``to_onnx`` returns it.
        segments: of the one datum, in batches of ``BATCH``.
    """
    require_packages()
    import onnx

    with tempfile.TemporaryDirectory() as folder, without_remarks(), same_search_path():
        path, of = Path(folder) / "int8.onnx", quantisation()
        of.quantize_static(
            onnx.load_from_string(model), path, segment_reader(segments), quant_format=of.QuantFormat.QDQ,
            per_channel=True, reduce_range=True, activation_type=of.QuantType.QUInt8, weight_type=of.QuantType.QInt8,
            op_types_to_quantize=OPERATIONS, extra_options=UNROUNDED,
        )  # fmt: skip
        return path.read_bytes()


@contextmanager
def same_search_path() -> Iterator[None]:
    """Take back what is added to ``sys.path``.

    onnxruntime's own tools add a folder in which there is a ``benchmark.py``: processes that are started from here
    would import that one in place of this package.
    """
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


def quantisation() -> Any:
    """Return the package ``onnxruntime.quantization``."""
    with same_search_path():
        return import_module("onnxruntime.quantization")


def segment_reader(segments: SegmentStream) -> Any:
    """Return the first ``STEPS`` batches of segments as onnxruntime's ``CalibrationDataReader``."""

    def inputs() -> Iterator[dict[str, Any]]:
        for step in range(STEPS):
            yield {INPUT: segments.batch(step).numpy()}

    upcoming = inputs()

    class Segments(quantisation().CalibrationDataReader):  # type: ignore[misc]
        """Hands batches out one by one, as onnxruntime asks for them."""

        def get_next(self) -> dict[str, Any] | None:
            return next(upcoming, None)

    return Segments()
