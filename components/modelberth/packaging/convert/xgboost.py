"""XGBoost, by onnxmltools: its scikit-learn estimators and its Booster."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelberth.packaging.convert.boosting import answers, convert_trees
from modelberth.packaging.convert.converted import Converted, Inputs, only
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Array

__all__ = ["convert"]


def convert(model: Any, inputs: Inputs, name: str) -> Converted:
    """Convert a model: `input` float32 `[rows, features]` → `label`, `probabilities` or `variable`."""
    converter, xgboost = need("onnxmltools.convert.xgboost.convert"), need("xgboost")
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    # The converter reads the features' numbers from names f0, f1, …
    names, booster.feature_names = booster.feature_names, None
    try:
        converted = convert_trees(
            converter.convert, model, feature_count=booster.num_features(), inputs=inputs, name=name
        )
    finally:
        booster.feature_names = names

    def original(rows: Inputs) -> dict[str, Array]:
        values = only(rows, "XGBoost")
        if model is not booster and hasattr(model, "predict_proba"):
            return {
                "label": np.asarray(model.predict(values)),
                "probabilities": np.asarray(model.predict_proba(values)),
            }
        matrix = xgboost.DMatrix(values, feature_names=booster.feature_names)
        return answers(converted, np.asarray(booster.predict(matrix)))

    classes = getattr(model, "classes_", None)
    return Converted(converted, original, None if classes is None else np.asarray(classes).tolist())
