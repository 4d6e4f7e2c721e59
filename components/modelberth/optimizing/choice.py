"""Which variant is worth taking: fast, and not worse than allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, Self

from modelberth.optimizing.held_out import Metric
from modelberth.packaging import SourceError

__all__ = ["TIE", "Candidate", "Floor", "Verdict", "judge"]

TIE: Final = 0.05
"""Share by which two latencies may differ and count as equal: runs of one model differ by as much."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Floor:
    """The worst value of the metric that is allowed."""

    metric: Metric
    limit: float

    @classmethod
    def below(cls, metric: Metric, original: float, loss: float) -> Self:
        """Allow `loss` less than the original has; of `rmse`, that share more.

        Raises:
            SourceError: no share.

        """
        if not 0 <= loss < 1:
            raise SourceError(f"--max-loss: given {loss:g}, allowed: 0 to below 1")
        return cls(metric, original * (1 + loss) if metric is Metric.RMSE else original - loss)

    @classmethod
    def at(cls, metric: Metric, least: float) -> Self:
        """Require a value.

        Raises:
            SourceError: no share, or a metric of which less is better.

        """
        if metric is Metric.RMSE:
            raise SourceError(
                "--min-accuracy: the metric is rmse; give --max-loss, the share by which it may rise"
            )
        if not 0 < least <= 1:
            raise SourceError(f"--min-accuracy: given {least:g}, allowed: above 0 to 1")
        return cls(metric, least)

    @property
    def least(self) -> bool:
        """Whether more is better, and the limit the least."""
        return self.metric is not Metric.RMSE

    def holds(self, value: float) -> bool:
        """Tell whether a model with this value may be used."""
        if self.least:
            return value >= self.limit - _ROUNDING
        return value <= self.limit + _ROUNDING * abs(self.limit)

    def __str__(self) -> str:
        return f"{self.metric} {'at least' if self.least else 'at most'} {self.limit:.4f}"


class Candidate(Protocol):
    """A measured variant."""

    @property
    def size(self) -> int:
        """Bytes of the ONNX file."""

    @property
    def value(self) -> float:
        """Of the metric."""

    @property
    def ratios(self) -> Sequence[float]:
        """Of the latencies to the original's, one for each number of rows."""

    @property
    def batches(self) -> bool:
        """Whether the server can compute rows of several requests as one."""


class Verdict(StrEnum):
    """What becomes of a variant."""

    CHOSEN = "chosen"
    GOOD = "good"
    """It could be used, and another one is faster."""
    WORSE = "worse"
    """The metric is beyond the floor."""
    SLOWER = "slower"
    """Smaller than the original, and slower."""
    ALONE = "alone"
    """It cannot be batched with other requests, as the original can."""
    NO_GAIN = "no gain"


def judge(
    candidates: Sequence[Candidate], original: Candidate, floor: Floor, *, asked: bool = False
) -> list[Verdict]:
    """Choose the fastest that keeps the floor and gains something; of equally fast ones, the smallest.

    Fast is the geometric mean of the ratios, so that no number of rows counts more than another. A gain is a
    file or a time that is smaller by more than `TIE`.

    Args:
        candidates: the variants
        original: what they were made of
        floor: what the metric has to keep
        asked: the method was named by a person, who may want a small file that takes more time

    """
    verdicts = [_verdict(one, original, floor, asked=asked) for one in candidates]
    good = [index for index, verdict in enumerate(verdicts) if verdict is Verdict.GOOD]
    if good:
        fastest = min(_cost(candidates[index]) for index in good)
        equals = [index for index in good if _cost(candidates[index]) <= fastest * (1 + TIE)]
        verdicts[min(equals, key=lambda index: candidates[index].size)] = Verdict.CHOSEN
    return verdicts


def _verdict(candidate: Candidate, original: Candidate, floor: Floor, *, asked: bool) -> Verdict:
    if not floor.holds(candidate.value):
        return Verdict.WORSE
    cost = _cost(candidate)
    is_smaller = candidate.size < original.size * (1 - TIE)
    if cost >= 1 - TIE and not is_smaller:
        return Verdict.NO_GAIN
    if asked:
        return Verdict.GOOD
    if original.batches and not candidate.batches:
        return Verdict.ALONE
    return Verdict.GOOD if cost <= 1 + TIE else Verdict.SLOWER


def _cost(candidate: Candidate) -> float:
    return math.prod(candidate.ratios) ** (1 / len(candidate.ratios))
