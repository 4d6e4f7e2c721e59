"""Two ways to do the same, measured in turns: A B A B."""

import os
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from timing import Cost

__all__ = ["Comparison", "Race", "Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of what was measured."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Sum up one value or more."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True)
class Comparison:
    """A subject against a baseline, as pairs of one round each: what else the machine does hits both."""

    subject: str
    baseline: str
    pairs: tuple[tuple[Cost, Cost], ...]
    load: float
    """Processes that ran or waited to, mean of the last minute of the measurement; its own are among them."""
    aim: float | None = None
    """Ratio that is not to be exceeded."""
    limit: float | None = None
    """Seconds by the clock that the subject is not to exceed; of a machine with nothing else to do."""

    @property
    def wall_ratio(self) -> Spread:
        """Subject over baseline by the clock, of each round."""
        return Spread.of(subject.wall / baseline.wall for subject, baseline in self.pairs)

    @property
    def cpu_ratio(self) -> Spread | None:
        """Subject over baseline in processor time, of each round; the steadier one on a busy machine."""
        ratios = [
            subject.cpu / baseline.cpu
            for subject, baseline in self.pairs
            if subject.cpu is not None and baseline.cpu is not None
        ]
        return Spread.of(ratios) if ratios else None

    @property
    def is_met(self) -> bool | None:
        """Whether both median ratios keep to the aim; None where there is none."""
        if self.aim is None:
            return None
        return all(ratio.median <= self.aim for ratio in (self.wall_ratio, self.cpu_ratio) if ratio)

    @property
    def is_within(self) -> bool | None:
        """Whether the subject's median keeps to the limit; None where there is none."""
        if self.limit is None:
            return None
        return Spread.of(subject.wall for subject, _ in self.pairs).median <= self.limit


@dataclass(frozen=True)
class Race:
    """What each contestant's runs cost, by round."""

    costs: Mapping[str, tuple[Cost, ...]]
    load: float

    @classmethod
    def run(cls, contestants: Mapping[str, Callable[[], Cost]], rounds: int, *, warm_up: bool = True) -> Self:
        """Let all contestants run in turns, `rounds` times, after one round that does not count."""
        measured = [{name: run() for name, run in contestants.items()} for _ in range(rounds + warm_up)]
        costs = {name: tuple(costs[name] for costs in measured[warm_up:]) for name in contestants}
        return cls(costs, os.getloadavg()[0])

    def compare(
        self, subject: str, baseline: str, aim: float | None = None, *, limit: float | None = None
    ) -> Comparison:
        """Pair two contestants round by round."""
        pairs = tuple(zip(self.costs[subject], self.costs[baseline], strict=True))
        return Comparison(subject, baseline, pairs, self.load, aim, limit)
