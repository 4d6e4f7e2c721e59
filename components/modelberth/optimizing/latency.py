"""How long models take, side by side in one process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["Clock", "Timing", "interleaved"]

Clock = Callable[[], float]
"""Seconds, from any start."""

_WARM_UP: Final = 10
_ROUNDS: Final = 500
_LEAST_ROUNDS: Final = 50
_BUDGET: Final = 3.0
"""Seconds after which `_LEAST_ROUNDS` are enough."""


@dataclass(frozen=True)
class Timing:
    """Times of one model, in seconds."""

    median: float
    p99: float
    ratio: float
    """Of the median to that of the first model."""


def interleaved(
    runs: Sequence[Callable[[int], Any]], clock: Clock = time.perf_counter, rounds: int = _ROUNDS
) -> list[Timing]:
    """Time each of `runs` once a round, starting with another one each round.

    Whatever else the machine does thereby falls on all of them alike: the ratios hold where the times do not.

    Args:
        runs: each is called with the number of the round, by which it may choose its rows
        clock: for tests
        rounds: how many; fewer, but at least 50, once 3 s have passed

    """
    taken: list[list[float]] = [[] for _ in runs]
    for run in runs:
        for number in range(_WARM_UP):
            run(number)
    collecting = gc.isenabled()
    gc.disable()
    try:
        begun = clock()
        for number in range(rounds):
            for place in range(len(runs)):
                index = (number + place) % len(runs)
                start = clock()
                runs[index](number)
                taken[index].append(clock() - start)
            if number + 1 >= _LEAST_ROUNDS and clock() - begun > _BUDGET:
                break
    finally:
        if collecting:
            gc.enable()
    medians = [float(np.median(times)) for times in taken]
    return [
        Timing(median, float(np.quantile(times, 0.99)), median / medians[0])
        for median, times in zip(medians, taken, strict=True)
    ]
