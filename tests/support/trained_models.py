"""Small fitted models; each learns the same table."""

from typing import Any

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROWS = np.random.default_rng(0).normal(size=(120, 4))
NAMES = np.array(["low", "mid", "top"])[np.digitize(ROWS[:, 0], [-0.5, 0.5])]
TEXTS = [
    "My parcel didn't arrive",
    "cancel my account, please",
    "The café is closed",
    "charged twice for one parcel",
]


def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, NAMES)


def text_pipeline(**options: Any) -> Any:
    return make_pipeline(TfidfVectorizer(**options), LogisticRegression()).fit(TEXTS, ["a", "b", "a", "b"])


def boosted(**options: Any) -> Any:
    settings = {"n_estimators": 5, "min_child_samples": 5, "verbose": -1, "num_threads": 1, **options}
    return lightgbm.LGBMClassifier(**settings).fit(ROWS, NAMES)


def doubling() -> onnx.ModelProto:
    """Ready ONNX: `x` float32 `[rows, 4]` → `y`, twice as much."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
