"""What a packaged classifier says about rows, and how far two of them are apart."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnxruntime

__all__ = ["Predictions"]


@dataclass(frozen=True)
class Predictions:
    """Labels `[rows]` and probabilities `[rows, classes]`."""

    labels: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float32]

    @classmethod
    def of(cls, model: bytes, rows: npt.NDArray[Any]) -> Self:
        """Run an exported model with one input in ONNX Runtime."""
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        labels, probabilities = session.run(["label", "probabilities"], {given.name: rows})
        return cls(labels.astype(np.str_) if labels.dtype == np.object_ else labels, probabilities)

    def difference(self, other: Self, tolerance: float) -> str | None:
        """Say how two sets of predictions differ by more than `tolerance`, or None."""
        if unequal := int((self.labels != other.labels).sum()):
            return f"{unequal} of {len(self.labels)} labels differ"
        widest = float(np.abs(self.probabilities - other.probabilities).max())
        return f"a probability differs by {widest:.2e}" if widest > tolerance else None
