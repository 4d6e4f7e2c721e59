"""The models that are served: made here from fixed seeds, so that every machine serves the same bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from image_models import convolutional, mobilenet

__all__ = ["MODELS", "Array", "ServedModel", "session"]

Array = npt.NDArray[Any]
_SEED = 20261121
_OPSET = 17


@dataclass(frozen=True)
class ServedModel:
    """An ONNX file with one input of float32."""

    name: str
    file: Path
    input: str
    outputs: tuple[str, ...]
    row_shape: tuple[int, ...]

    @classmethod
    def make(cls, name: str, folder: Path) -> Self:
        """Make the model called `name` in `MODELS` and write it to `folder`."""
        file = folder / f"{name}.onnx"
        file.write_bytes(MODELS[name]().SerializeToString())
        loaded = session(file)
        (taken,) = loaded.get_inputs()
        outputs = tuple(output.name for output in loaded.get_outputs())
        return cls(name, file, taken.name, outputs, tuple(taken.shape[1:]))

    def rows(self, count: int) -> Array:
        """`count` rows of input from the model's seed, float32, of shape `(count, *row_shape)`."""
        random = np.random.default_rng(_SEED)
        return random.standard_normal((count, *self.row_shape)).astype(np.float32)

    def expected(self, rows: Array) -> dict[str, Array]:
        """Each output by name, computed in this process."""
        arrays = session(self.file).run(None, {self.input: rows})
        return dict(zip(self.outputs, arrays, strict=True))


def session(file: Path) -> ort.InferenceSession:
    """Load a model for one thread that does not spin, as every server here does."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(file, sess_options=options, providers=["CPUExecutionProvider"])


def _trees() -> onnx.ModelProto:
    """Gradient boosting: 100 trees of depth 3 over 30 features, two classes."""
    random = np.random.default_rng(_SEED)
    features = random.standard_normal((2000, 30)).astype(np.float32)
    signal = features[:, 0] * features[:, 1] + features[:, 2:6].sum(axis=1)
    labels = (signal + random.normal(0, 0.5, 2000) > 0).astype(np.int64)
    fitted = GradientBoostingClassifier(n_estimators=100, random_state=_SEED).fit(features, labels)
    return _converted(fitted, features)


def _logistic() -> onnx.ModelProto:
    """Logistic regression: 4 features, 3 classes, as on the iris data; all that is left is overhead."""
    random = np.random.default_rng(_SEED)
    features = random.standard_normal((150, 4)).astype(np.float32)
    labels = np.argmax(features @ random.standard_normal((4, 3)), axis=1)
    return _converted(LogisticRegression(max_iter=500).fit(features, labels), features)


def _converted(fitted: Any, features: Array) -> onnx.ModelProto:
    options = {id(fitted): {"zipmap": False}}
    model: onnx.ModelProto = to_onnx(fitted, features[:1], options=options, target_opset=_OPSET)
    return model


MODELS: Mapping[str, Callable[[], onnx.ModelProto]] = {
    "trees": _trees,
    "logistic": _logistic,
    "convolutional": lambda: convolutional(_SEED, _OPSET),
    "mobilenet": lambda: mobilenet(_SEED, _OPSET),
}
