"""What the converters of LightGBM and XGBoost share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from modelberth.packaging.convert.converted import Inputs, only
from modelberth.packaging.errors import ConversionError, first_line
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Array

__all__ = ["answers", "convert_trees"]

_OPSET: Final = 15
"""The newest that onnxmltools takes; what it writes declares the oldest that has its operators."""


def convert_trees(
    converter: Callable[..., Any], model: Any, *, feature_count: int, inputs: Inputs, name: str, **more: Any
) -> Any:
    """Run a converter of onnxmltools, and make its outputs take any number of rows.

    Raises:
        ConversionError: the model has something that ONNX's trees have not, such as categorical splits.

    """
    array = only(inputs, "tree")
    if array.ndim != 2 or array.shape[1] != feature_count:
        raise ConversionError(
            f"the samples have the shape {list(array.shape)}, the model takes [rows, {feature_count}]"
        )
    kind = need("onnxmltools.convert.common.data_types").FloatTensorType
    types = [(next(iter(inputs)), kind([None, feature_count]))]
    try:
        converted = converter(model, name=name, initial_types=types, target_opset=_OPSET, **more)
    except Exception as error:
        raise ConversionError(
            f"onnxmltools cannot convert the {type(model).__name__}: {first_line(error)}"
        ) from error
    for output in converted.graph.output:  # it declares one label for all rows
        output.type.tensor_type.shape.dim[0].Clear()
    return converted


def answers(converted: Any, predictions: Array) -> dict[str, Array]:
    """Give a Booster's predictions the form of the ONNX outputs: it knows probabilities, but no labels."""
    if [output.name for output in converted.graph.output] != ["label", "probabilities"]:
        return {"variable": predictions}
    if predictions.ndim == 1:
        predictions = np.stack([1 - predictions, predictions], axis=1)
    return {"label": predictions.argmax(axis=1), "probabilities": predictions}
