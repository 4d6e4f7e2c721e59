"""LightGBM, by onnxmltools: its scikit-learn estimators and its Booster."""

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
    converter = need("onnxmltools.convert.lightgbm.convert")
    booster = getattr(model, "booster_", model)
    converted = convert_trees(
        converter.convert, model, feature_count=booster.num_feature(), inputs=inputs, name=name, zipmap=False
    )
    is_booster = model is booster

    def original(rows: Inputs) -> dict[str, Array]:
        values = only(rows, "LightGBM")
        if is_booster:
            return answers(converted, np.asarray(model.predict(values)))
        if hasattr(model, "predict_proba"):
            return {
                "label": np.asarray(model.predict(values)),
                "probabilities": np.asarray(model.predict_proba(values)),
            }
        return {"variable": np.asarray(model.predict(values))}

    classes = getattr(model, "classes_", None)
    return Converted(converted, original, None if classes is None else np.asarray(classes).tolist())
