"""Rows that no training has seen, with or without labels, and what a model is worth on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np

from modelberth.optimizing.answers import agreement, classes, difference, numbers, shown_classes
from modelberth.optimizing.runs import answers_as_served
from modelberth.packaging import SourceError
from modelberth_server.errors import RequestError
from modelberth_server.model.session import Inference
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array

__all__ = ["HeldOut", "Metric", "Quality"]


class Metric(StrEnum):
    """What a model's quality is measured by."""

    ACCURACY = "accuracy"
    """Share of the rows whose label is right; of several targets, all of the row's labels."""
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
    """Labels as text, `[rows]` or `[rows, targets]`, or numbers `[rows, targets]` for `rmse`."""
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
            truth: a label or a number for each row, or a list of them, one for each target
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
        targets = len(truth[0]) if isinstance(truth[0], list) else 1
        predicted = classes(original, signature.labels, rows, targets)
        if predicted is None and targets > 1:
            predicted = classes(original, signature.labels, rows)
        is_regression = predicted is None or _are_targets(truth, original)
        chosen = metric or (Metric.RMSE if is_regression else Metric.ACCURACY)
        if chosen is Metric.RMSE:
            how = "given rmse" if metric else "rmse, as no output has such classes"
            wanted = _numbers(truth, original, rows, how)
            return cls(chosen, inputs, rows, wanted, original, signature.labels, batches)
        if chosen is Metric.AGREEMENT:
            raise SourceError(
                "--metric: given agreement, which compares with the original: leave out --labels"
            )
        if predicted is None:
            raise SourceError(
                f"--metric: given {chosen}, and the model gives no class for a row; allowed: rmse"
            )
        if chosen is Metric.MACRO_F1 and predicted.ndim > 1:
            raise SourceError(
                f"--metric: given {chosen}, and the labels have {targets} targets; allowed: accuracy, the "
                "share of the rows with all of them right"
            )
        known = _labels(truth, predicted)
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
            return float(metrics.root_mean_squared_error(self.truth, self._numbers(given)))
        assert self.truth is not None
        targets = self.truth.shape[1] if self.truth.ndim > 1 else 1
        predicted = classes(given, self.labels, self.rows, targets)
        if self.metric is Metric.ACCURACY:
            return float((self.truth == predicted).reshape(self.rows, -1).all(axis=1).mean())
        return float(metrics.f1_score(self.truth, predicted, average="macro", zero_division=0.0))

    def _numbers(self, given: Mapping[str, Array]) -> Array | None:
        assert self.truth is not None
        return numbers(given, self.rows, self.truth.shape[1])


def _are_targets(truth: Sequence[Any], original: Mapping[str, Array]) -> bool:
    """Whether several numbers a row are a regression's: columns of fractions alone look like scores, too."""
    return isinstance(truth[0], list) and all(array.dtype.kind == "f" for array in original.values())


def _labels(truth: Sequence[Any], predicted: Array) -> Array:
    """The labels as text, in the shape of what the model predicts."""
    targets = predicted.shape[1] if predicted.ndim > 1 else 1
    told = "one label" if targets == 1 else f"{targets} labels"
    for row, value in enumerate(truth):
        if (len(value) if isinstance(value, list) else 1) != targets:
            raise SourceError(f"--labels[{row}]: {value!r}, expected {told}")
    texts = [shown_classes(value) for value in np.array(truth, np.object_).ravel()]
    known = np.array(texts).reshape(predicted.shape)
    if not set(texts) & set(predicted.ravel().tolist()):
        raise SourceError(
            f"--labels: the model answers {_few(predicted)}, the labels are {_few(known)}: none fits"
        )
    return known


def _numbers(truth: Sequence[Any], original: Mapping[str, Array], rows: int, how: str) -> Array:
    values = [value if isinstance(value, list) else [value] for value in truth]
    targets = len(values[0])
    told = "one number" if targets == 1 else f"{targets} numbers"
    if numbers(original, rows, targets) is None:
        raise SourceError(
            f"--metric: {how}, --labels have {told} for each row, and no output of the model has; its "
            f"outputs: {', '.join(f'{name} {list(array.shape)}' for name, array in original.items())}"
        )
    for row, value in enumerate(values):
        if len(value) != targets or not all(
            isinstance(one, int | float) and np.isfinite(one) for one in value
        ):
            raise SourceError(f"--labels[{row}]: {truth[row]!r}, expected {told} for the metric rmse")
    return np.array(values, np.float64)


def _few(values: Array) -> str:
    found = sorted(set(values.ravel().tolist()))
    return ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
