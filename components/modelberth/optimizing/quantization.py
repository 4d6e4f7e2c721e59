"""Weights, or weights and activations, in 8 bits: ONNX Runtime's quantizer."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnxruntime import quantization

from modelberth.optimizing.graph import nodes
from modelberth.optimizing.not_applicable import NotApplicableError
from modelberth.packaging.errors import first_line
from modelberth_server.tensors import Array

__all__ = ["dynamic", "static"]

# ONNX Runtime has no fast ConvInteger: convolutions are for static quantization.
# https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
_DYNAMIC: Final = ["Attention", "EmbedLayerNormalization", "Gather", "Gemm", "LSTM", "MatMul"]
# Those with weights, and what can lie between two of them. Softmax stays: 256 steps are few for a score.
_STATIC: Final = [
    *("Add", "AveragePool", "Clip", "Conv", "Flatten", "Gemm", "GlobalAveragePool"),
    *("MatMul", "MaxPool", "Relu", "Reshape", "Transpose"),
]
_EIGHT_BITS: Final = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
_BATCH: Final = 32


def dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store weights in 8 bits; activations are measured and converted at each call.

    Raises:
        NotApplicableError: there are no weights to convert, or the quantizer cannot.

    """
    return _quantized(
        model,
        lambda source, made: quantization.quantize_dynamic(
            source,
            made,
            op_types_to_quantize=_DYNAMIC,
            weight_type=quantization.QuantType.QInt8,
            reduce_range=True,
        ),
    )


def static(model: onnx.ModelProto, calibration: Mapping[str, Array]) -> onnx.ModelProto:
    """Store weights in 8 bits, and compute in them between ranges that the calibration rows have shown.

    Args:
        model: the graph
        calibration: an array `[rows, ...]` for each input

    Raises:
        NotApplicableError: there are no weights to convert, or the quantizer cannot.

    """
    return _quantized(
        model,
        lambda source, made: quantization.quantize_static(
            source,
            made,
            _Reader(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_STATIC,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            reduce_range=True,
        ),
    )


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """The calibration rows, some at a time."""

    def __init__(self, inputs: Mapping[str, Array]) -> None:
        rows = len(next(iter(inputs.values())))
        self._batches = iter(
            [
                {name: np.ascontiguousarray(array[start : start + _BATCH]) for name, array in inputs.items()}
                for start in range(0, rows, _BATCH)
            ]
        )

    def get_next(self) -> dict[str, Array] | None:
        return next(self._batches, None)


def _quantized(model: onnx.ModelProto, quantize: Callable[[str, str], Any]) -> onnx.ModelProto:
    """Quantize; `reduce_range` above: 7 bits of weight, as 8 overflow on x86 processors without VNNI.

    The accuracy that is measured here then is the one that the model has on another processor, too.
    """
    before = _weights(model)
    kinds = {node.op_type for node in nodes(model.graph)}
    if any(kind.startswith("TreeEnsemble") for kind in kinds) and not kinds & {"MatMul", "Gemm", "Conv"}:
        raise NotApplicableError(
            "a tree ensemble compares and adds: it has no product that 8 bits would make faster"
        )
    with tempfile.TemporaryDirectory(prefix="modelberth-") as folder, _quiet():
        source, prepared, made = (str(Path(folder, name)) for name in ("model", "prepared", "made"))
        onnx.save(model, source)
        try:
            # Symbolic shapes are for transformers, and would need another package.
            quantization.quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize(prepared, made)
        except Exception as error:
            raise NotApplicableError(f"ONNX Runtime's quantizer fails: {first_line(error)}") from error
        converted = onnx.load(made)
    if _weights(converted) <= before:
        raise NotApplicableError(f"no weights to convert in its operators: {', '.join(sorted(kinds))}")
    return converted


def _weights(model: onnx.ModelProto) -> int:
    """Number of tensors of 8 bits that are more than the zero point of another one."""
    return sum(
        tensor.data_type in _EIGHT_BITS and int(np.prod(tensor.dims)) > 1
        for tensor in model.graph.initializer
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer's warnings go to the root logger, and advise what is done here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
