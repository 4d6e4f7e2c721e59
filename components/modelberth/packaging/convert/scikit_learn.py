"""scikit-learn, by skl2onnx; a whole Pipeline at once, with LightGBM and XGBoost models in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from modelberth.packaging.convert.converted import ML_OPSET, OPSET, Converted, Inputs, only
from modelberth.packaging.errors import ConversionError, first_line
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Array

__all__ = ["convert"]

# Output of skl2onnx → methods of the estimator that give the same, the first that it has.
_METHODS: Final = {
    "label": ("predict",),
    "probabilities": ("predict_proba", "decision_function"),
    "variable": ("predict", "transform"),
    "scores": ("decision_function", "transform"),
}
# ONNX Runtime's tokenizer takes the expressions of RE2, whose \w is ASCII only and which has no (?u).
# https://github.com/google/re2/wiki/Syntax
_TOKENS: Final = {
    r"(?u)\b\w\w+\b": r"[\p{L}\p{N}_][\p{L}\p{N}_]+",
    r"(?u)\b\w+\b": r"[\p{L}\p{N}_]+",
}


def convert(estimator: Any, inputs: Inputs, name: str) -> Converted:
    """Convert a fitted estimator: `input` float32 `[rows, features]` or string `[rows]`.

    Raises:
        ConversionError: a part of it has no converter.
        MissingPackageError: skl2onnx is not installed.

    """
    array = only(inputs, "scikit-learn")
    skl2onnx, types = need("skl2onnx"), need("skl2onnx.common.data_types")
    kind = types.StringTensorType if array.dtype == np.object_ else types.FloatTensorType
    parts = list(_parts(estimator))
    _register_boosters(parts)
    options: dict[Any, Any] = {
        id(part): _text_options(part) for part in parts if hasattr(part, "token_pattern")
    }
    arguments = {
        "initial_types": [(next(iter(inputs)), kind([None, *array.shape[1:]]))],
        "target_opset": {"": OPSET, "ai.onnx.ml": ML_OPSET},
        "name": name,
    }
    try:
        try:  # a matrix of probabilities rather than a list of dicts, which has no tensor
            plain = {**options, id(parts[-1]): {"zipmap": False}}
            model = skl2onnx.to_onnx(estimator, options=plain, **arguments)
        except NameError:  # the estimator has no such option
            model = skl2onnx.to_onnx(estimator, options=options, **arguments)
    except Exception as error:
        raise ConversionError(
            f"skl2onnx cannot convert the {type(parts[-1]).__name__}: {first_line(error)}"
        ) from error
    outputs = {output.name: _width(output) for output in model.graph.output}

    def original(rows: Inputs) -> dict[str, Array]:
        values = only(rows, "scikit-learn")
        found = {name: _answer(estimator, name, width, values) for name, width in outputs.items()}
        return {name: answer for name, answer in found.items() if answer is not None}

    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):  # of each of several targets, whose scores are not columns of one table
        classes = None
    return Converted(model, original, None if classes is None else np.asarray(classes).tolist())


def _answer(estimator: Any, output: str, width: int, values: Array) -> Array | None:
    method = next((method for method in _METHODS.get(output, ()) if hasattr(estimator, method)), None)
    if method is None:
        return None
    answer: Array = np.asarray(getattr(estimator, method)(values))
    # For two classes a support vector machine's graph gives two scores, scikit-learn one.
    return None if method == "decision_function" and answer.ndim == 1 and width > 1 else answer


def _width(output: Any) -> int:
    dimensions = output.type.tensor_type.shape.dim
    return int(dimensions[1].dim_value) if len(dimensions) > 1 else 1


def _parts(estimator: Any) -> Iterator[Any]:
    """The fitted parts of an estimator, its last step last."""
    for _, step, *_ in [
        *getattr(estimator, "transformers_", ()),
        *getattr(estimator, "transformer_list", ()),
        *getattr(estimator, "steps", ()),
    ]:
        if hasattr(step, "fit"):
            yield from _parts(step)
    if not hasattr(estimator, "steps"):
        yield estimator


def _text_options(vectorizer: Any) -> dict[str, Any]:
    """How the graph splits and lowers text; the comparison shows whether that is what Python does."""
    pattern = vectorizer.token_pattern or ""
    expression = _TOKENS.get(pattern, pattern.removeprefix("(?u)"))
    is_ascii = all(token.isascii() for token in vectorizer.vocabulary_)
    return {
        "tokenexp": expression if vectorizer.analyzer == "word" else ".",
        # A slim image has no en_US.UTF-8, skl2onnx's choice, and the model would not load. Every system has
        # C, which lowers ASCII: enough where every token of the vocabulary is ASCII.
        "locale": "C" if is_ascii else "C.UTF-8",
    }


def _register_boosters(parts: list[Any]) -> None:
    """Teach skl2onnx the models of LightGBM and XGBoost that stand at the end of a Pipeline."""
    for home, operator in (("lightgbm", "LightGbm"), ("xgboost", "")):
        found = {type(part) for part in parts if type(part).__module__.startswith(f"{home}.")}
        for kind in found:
            shapes = need("skl2onnx.common.shape_calculator")
            converters = need(f"onnxmltools.convert.{home}.operator_converters." + _MODULES[home])
            is_classifier = hasattr(kind, "predict_proba")
            need("skl2onnx").update_registered_converter(
                kind,
                f"{operator}{kind.__name__}",
                shapes.calculate_linear_classifier_output_shapes
                if is_classifier
                else shapes.calculate_linear_regressor_output_shapes,
                getattr(converters, f"convert_{home}"),
                options={"nocl": [True, False], "zipmap": [True, False, "columns"]} if is_classifier else {},
            )


_MODULES: Final = {"lightgbm": "LightGbm", "xgboost": "XGBoost"}
