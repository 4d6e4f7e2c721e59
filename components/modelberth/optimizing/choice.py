"""Which variant is worth taking: fast, and not worse than allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self, TypeVar

from modelberth.optimizing.held_out import Metric
from modelberth.packaging import SourceError

__all__ = ["TIE", "Candidate", "Floor", "choose", "gains"]

TIE: Final = 0.05
"""Share by which two latencies may differ and count as equal: runs of one model differ by as much."""
_ROUNDING: Final = 1e-9

T = TypeVar("T", bound="Candidate")


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

    def holds(self, value: float) -> bool:
        """Tell whether a model with this value may be used."""
        if self.metric is Metric.RMSE:
            return value <= self.limit + _ROUNDING * abs(self.limit)
        return value >= self.limit - _ROUNDING

    def __str__(self) -> str:
        return f"{self.metric} {'at most' if self.metric is Metric.RMSE else 'at least'} {self.limit:.4f}"


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


def gains(candidate: Candidate, original: Candidate) -> bool:
    """Tell whether there is any point in it: a smaller file, or less time than chance explains."""
    return candidate.size < original.size or _cost(candidate) < 1 - TIE


def choose(candidates: Sequence[T], original: Candidate, floor: Floor) -> T | None:
    """Take the fastest that keeps the floor and gains something; of equally fast ones, the smallest.

    Fast is the geometric mean of the ratios, so that no number of rows counts more than another.
    """
    worthy = [one for one in candidates if floor.holds(one.value) and gains(one, original)]
    if not worthy:
        return None
    fastest = min(map(_cost, worthy))
    return min((one for one in worthy if _cost(one) <= fastest * (1 + TIE)), key=lambda one: one.size)


def _cost(candidate: Candidate) -> float:
    return math.prod(candidate.ratios) ** (1 / len(candidate.ratios))
