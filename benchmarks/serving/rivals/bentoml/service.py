"""BentoML: one worker, an array in, its metrics and access log off."""

from typing import Any

import bentoml
import numpy as np
from onnx_session import load


@bentoml.service(
    workers=1,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    traffic={"timeout": 60},
)
class Benchmark:
    """The model behind BentoML's own HTTP contract: `{"input": rows}` → a JSON object."""

    def __init__(self) -> None:
        self.session = load()
        self.name = self.session.get_inputs()[0].name
        self.outputs = [output.name for output in self.session.get_outputs()]

    @bentoml.api
    def predict(self, input: np.ndarray) -> dict[str, Any]:  # noqa: A002 -- the field's name in the body
        """Compute every output of the model."""
        outputs = self.session.run(None, {self.name: input.astype(np.float32)})
        return {"outputs": {name: array.tolist() for name, array in zip(self.outputs, outputs, strict=True)}}
