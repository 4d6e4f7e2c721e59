"""What there is of a trained model before it is packaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy.typing as npt

from modelberth.packaging.errors import SourceError

__all__ = ["Array", "Predict", "Trained"]

Array = npt.NDArray[Any]

# Rows as `POST /predict` takes them in; an array for each output of the package that shall be compared out.
Predict = Callable[[Sequence[Any]], Mapping[str, Array]]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A fitted model, and what is known about it."""

    model: Any
    """A scikit-learn, LightGBM, XGBoost, PyTorch or Keras model, or an ONNX `ModelProto`."""
    samples: Any = None
    """Rows to compare original and package on, as an array `[rows, ...]` or a list; None: drawn at random."""
    reference: Any = None
    """Training data `[rows, features]`, for the histograms that drift is measured against."""
    labels: Sequence[Any] | None = None
    """Names of the columns of the scores; None: the model's own classes, if it has any."""
    metrics: Mapping[str, float] | None = None
    """Measured quality, for the manifest."""
    predict: Predict | None = None
    """The original, where `model` is not: it stands beside an ONNX graph that was put together by hand."""

    @classmethod
    def returned(cls, value: Any, where: str) -> Self:
        """Read what a person's function returns: a model, `(model, samples)` or a dict of the fields.

        Raises:
            SourceError: an unknown field, or no model.

        """
        if isinstance(value, cls):
            return value
        if isinstance(value, tuple) and len(value) == 2:
            return cls(model=value[0], samples=value[1])
        if not isinstance(value, dict):
            value = {"model": value}
        known = [field.name for field in fields(cls)]
        if unknown := [str(key) for key in value if key not in known]:
            raise SourceError(f"{where}: returned {', '.join(unknown)}, allowed: {', '.join(known)}")
        if value.get("model") is None:
            raise SourceError(
                f"{where}: returned no model; allowed: a fitted model, (model, samples) or a dict of "
                f"{', '.join(known)}"
            )
        return cls(**value)
