"""Rows that no training has seen, with or without labels, and what a model is worth on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

import numpy as np

from modelberth.optimizing.answers import agreement, classes, difference, numbers, shown_classes
from modelberth.packaging import SourceError
from modelberth_server.errors import RequestError
from modelberth_server.model.session import Inference
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array

__all__ = ["HeldOut", "Metric", "Quality", "answers", "answers_as_served"]

_CHUNK: Final = 256
"""Rows computed at once."""
_TRIED: Final = 32


class Metric(StrEnum):
    """What a model's quality is measured by."""

    ACCURACY = "accuracy"
    MACRO_F1 = "macro-f1"
    RMSE = "rmse"
    AGREEMENT = "agreement"
    """Share of the rows that are answered as by the original; needs no labels."""


@dataclass(frozen=True)
class Quality:
    """How a model did on the held-out rows."""

    value: float
    """Of the metric."""
    agreement: float
    """Share of the rows that are answered as by the original."""
    difference: float
    """The largest by which a number of an output differs from the original's."""


@dataclass(frozen=True)
class HeldOut:
    """The held-out rows as the model's inputs, and what the original answers."""

    metric: Metric
    inputs: Mapping[str, Array]
    rows: int
    truth: Array | None
    """Labels `[rows]` as text, or numbers `[rows]` for `rmse`."""
    original: Mapping[str, Array]
    """Answers of the original, by output."""
    labels: tuple[str | int, ...] | None
    """Names of the classes, in the order of the scores' columns."""
    batches: bool
    """Whether rows give together what each gives alone, in the original."""

    @classmethod
    def of(
        cls,
        signature: Signature,
        inputs: Mapping[str, Array],
        truth: Sequence[Any] | None,
        metric: Metric | None,
        inference: Inference,
    ) -> Self:
        """Run the original, and fit the labels to its answers.

        Args:
            signature: of the model
            inputs: from `read_inputs`
            truth: a label or a number for each row
            metric: None: `agreement` without labels; with them `accuracy` where the model gives classes,
                else `rmse`
            inference: of the original

        Raises:
            SourceError: the model cannot take the rows, or metric, labels and model do not fit together.

        """
        rows = len(next(iter(inputs.values())))
        try:
            original, batches = answers_as_served(inference, signature, inputs)
        except RequestError as error:
            raise SourceError(f"--rows: {error.message}") from None
        if truth is None:
            if metric not in (None, Metric.AGREEMENT):
                raise SourceError(
                    f"--metric: given {metric}, which needs --labels; allowed without: agreement"
                )
            return cls(Metric.AGREEMENT, inputs, rows, None, original, signature.labels, batches)
        if len(truth) != rows:
            raise SourceError(
                f"--labels: {len(truth)} labels, --rows has {rows} rows; the first line of a .csv of texts "
                "is its header, a .txt has none"
            )
        predicted = classes(original, signature.labels, rows)
        chosen = metric or (Metric.RMSE if predicted is None else Metric.ACCURACY)
        if chosen is Metric.RMSE:
            return cls(
                chosen, inputs, rows, _numbers(truth, original, rows), original, signature.labels, batches
            )
        if chosen is Metric.AGREEMENT:
            raise SourceError(
                "--metric: given agreement, which compares with the original: leave out --labels"
            )
        if predicted is None:
            raise SourceError(
                f"--metric: given {chosen}, and the model gives no class for a row; allowed: rmse"
            )
        known = np.array([shown_classes(value) for value in truth])
        if not set(known.tolist()) & set(predicted.tolist()):
            raise SourceError(
                f"--labels: the model answers {_few(predicted)}, the labels are {_few(known)}: none fits"
            )
        return cls(chosen, inputs, rows, known, original, signature.labels, batches)

    def other_rows(self, calibration: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return rows to calibrate on, if they are others than these.

        Raises:
            SourceError: they are the same ones.

        """
        if all(np.array_equal(array, calibration[name]) for name, array in self.inputs.items()):
            raise SourceError(
                "--calibration: the same rows as --rows; calibrated on them, a model looks better than it is"
            )
        return calibration

    def quality(self, given: Mapping[str, Array]) -> Quality:
        """Measure a model by its answers to `inputs`."""
        same = agreement(self.original, given, self.labels, self.rows)
        return Quality(self._value(given, same), same, difference(self.original, given))

    def _value(self, given: Mapping[str, Array], same: float) -> float:
        if self.metric is Metric.AGREEMENT:
            return same
        from sklearn import metrics  # noqa: PLC0415 - a second to import, and only labels need it

        if self.metric is Metric.RMSE:
            return float(metrics.root_mean_squared_error(self.truth, numbers(given, self.rows)))
        predicted = classes(given, self.labels, self.rows)
        if self.metric is Metric.ACCURACY:
            return float(metrics.accuracy_score(self.truth, predicted))
        return float(metrics.f1_score(self.truth, predicted, average="macro", zero_division=0.0))


def answers(
    inference: Inference, signature: Signature, inputs: Mapping[str, Array], *, together: int = _CHUNK
) -> dict[str, Array]:
    """Compute every output for all rows, `together` at a time.

    Raises:
        RequestError: the model cannot take the rows.

    """
    names = [spec.name for spec in signature.outputs]
    rows = len(next(iter(inputs.values())))
    parts = [
        inference.run({name: array[start : start + together] for name, array in inputs.items()}, names)
        for start in range(0, rows, together)
    ]
    return {
        name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)
    }


def answers_as_served(
    inference: Inference, signature: Signature, inputs: Mapping[str, Array]
) -> tuple[dict[str, Array], bool]:
    """Compute every output as the server does: requests are batched if rows do not depend on each other.

    Returns:
        The outputs by name, and whether rows give together what each gives alone.

    Raises:
        RequestError: the model cannot take the rows.

    """
    few = {name: array[:_TRIED] for name, array in inputs.items()}
    whole, alone = (answers(inference, signature, few, together=count) for count in (_TRIED, 1))
    batches = all(
        np.allclose(whole[name], array, rtol=1e-3, atol=1e-5, equal_nan=True)
        if array.dtype.kind == "f"
        else bool((whole[name] == array).all())
        for name, array in alone.items()
    )
    return answers(inference, signature, inputs, together=_CHUNK if batches else 1), batches


def _numbers(truth: Sequence[Any], original: Mapping[str, Array], rows: int) -> Array:
    if numbers(original, rows) is None:
        raise SourceError("--metric: given rmse, and no output of the model is one number for each row")
    for row, value in enumerate(truth):
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise SourceError(f"--labels[{row}]: {value!r}, expected a number for the metric rmse")
    return np.array(truth, np.float64)


def _few(values: Array) -> str:
    found = sorted(set(values.tolist()))
    return ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
