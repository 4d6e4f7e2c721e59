"""TensorFlow and Keras, by tf2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelberth.packaging.convert.converted import OPSET, Converted, Inputs
from modelberth.packaging.errors import ConversionError, SourceError, first_line
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Array

__all__ = ["convert"]


def convert(model: Any, inputs: Inputs, name: str) -> Converted:
    """Convert a Keras model, or the signature `serving_default` of a SavedModel.

    Raises:
        ConversionError: tf2onnx has no converter for an operation of it.
        SourceError: the SavedModel has no such signature, or other inputs than the samples.
        MissingPackageError: TensorFlow or tf2onnx is not installed.

    """
    tf, tf2onnx = need("tensorflow"), need("tf2onnx")
    is_keras = hasattr(model, "inputs")
    specs = _keras_specs(tf, model) if is_keras else _signature_specs(tf, model)
    if len(specs) != len(inputs) or (len(specs) > 1 and {spec.name for spec in specs} != set(inputs)):
        names = ", ".join(spec.name for spec in specs)
        raise SourceError(f"the model takes {len(specs)} inputs ({names}): give them by --preprocess")

    def compute(*tensors: Any) -> Any:
        if is_keras:
            answer = model(tensors[0] if len(tensors) == 1 else list(tensors))
        else:
            answer = model.signatures["serving_default"](
                **{spec.name: tensor for spec, tensor in zip(specs, tensors, strict=True)}
            )
        return _named(answer)

    try:
        converted, _ = tf2onnx.convert.from_function(tf.function(compute), input_signature=specs, opset=OPSET)
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise ConversionError(f"tf2onnx cannot convert the model: {first_line(error)}") from error
    converted.graph.name = name

    def original(rows: Inputs) -> dict[str, Array]:
        arrays = [rows[spec.name] for spec in specs] if len(specs) > 1 else rows.values()
        tensors = [
            tf.constant(np.asarray(array), dtype=spec.dtype)
            for spec, array in zip(specs, arrays, strict=True)
        ]
        return {output: np.asarray(tensor) for output, tensor in compute(*tensors).items()}

    return Converted(converted, original)


def _keras_specs(tf: Any, model: Any) -> list[Any]:
    return [
        tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name=tensor.name.partition(":")[0])
        for tensor in model.inputs
    ]


def _signature_specs(tf: Any, model: Any) -> list[Any]:
    signatures = getattr(model, "signatures", {})
    if "serving_default" not in signatures:
        raise SourceError(
            f"the SavedModel has the signatures {', '.join(signatures) or 'none'}; needed: serving_default"
        )
    taken = signatures["serving_default"].structured_input_signature[1]
    return [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in taken.items()]


def _named(answer: Any) -> dict[str, Any]:
    """Outputs by name: `output`, or `output_0`, `output_1`, …, or the names of a dict."""
    if isinstance(answer, dict):
        return {str(name): tensor for name, tensor in answer.items()}
    if isinstance(answer, (list, tuple)):
        return {f"output_{index}": tensor for index, tensor in enumerate(answer)}
    return {"output": answer}
