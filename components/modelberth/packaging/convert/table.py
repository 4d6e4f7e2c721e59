"""Which converter a model gets."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from modelberth.packaging.convert.converted import Converted, Inputs
from modelberth.packaging.frameworks import Framework, framework_of

__all__ = ["convert", "feature_count"]

# Each is imported only where a model asks for it; the frameworks themselves inside of them.
_CONVERTERS: Final = {
    Framework.SKLEARN: "scikit_learn",
    Framework.LIGHTGBM: "lightgbm",
    Framework.XGBOOST: "xgboost",
    Framework.PYTORCH: "pytorch",
    Framework.TENSORFLOW: "tensorflow",
    Framework.ONNX: "ready",
}


def convert(model: Any, inputs: Inputs, name: str) -> Converted:
    """Convert a model of a known framework.

    Args:
        model: the fitted model
        inputs: rows for each input; their types and shapes become those of the ONNX model's inputs
        name: name of the ONNX graph

    Raises:
        PackagingError: see there.

    """
    home = _CONVERTERS[framework_of(model)]
    converter: Callable[[Any, Inputs, str], Converted] = import_module(
        f"modelberth.packaging.convert.{home}"
    ).convert
    return converter(model, inputs, name)


def feature_count(model: Any) -> int | None:
    """How many numbers a row has, where the model knows; None where it takes text or pictures."""
    match framework_of(model):
        case Framework.SKLEARN:
            count = getattr(model, "n_features_in_", None)
        case Framework.LIGHTGBM:
            count = getattr(model, "booster_", model).num_feature()
        case Framework.XGBOOST:
            count = (model.get_booster() if hasattr(model, "get_booster") else model).num_features()
        case Framework.ONNX:
            count = _onnx_features(model)
        case _:
            count = None
    return int(count) if count else None


def _onnx_features(model: Any) -> int | None:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.type.tensor_type for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1 or inputs[0].elem_type not in (1, 11):  # float32, float64
        return None
    dimensions = inputs[0].shape.dim
    return dimensions[1].dim_value if len(dimensions) == 2 else None
