"""What the figures are to reach."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from measurements import Figures

__all__ = ["Aim", "judge"]

_OURS: Final = "modelberth"
_START_SECONDS: Final = 0.5
_RESIDENT_BYTES: Final = 110 << 20
_RATIOS: Final = {"trees-1": 0.25, "trees-32": 0.4, "image-mobilenet": 0.85, "image-binary": 0.85}
_TIMES_THE_BEST: Final = 8
_FIRST_REQUEST: Final = 2  # times the second; more is work that should have been done before it was ready


@dataclass(frozen=True)
class Aim:
    """A median and what it is to be."""

    what: str
    value: float
    bound: float
    unit: str
    compare: Callable[[float, float], bool]
    most: float | None = None
    """That any server could reach on the machine, where it was measured."""

    @property
    def is_met(self) -> bool:
        """Whether it keeps to the bound."""
        return self.compare(self.value, self.bound)

    def __str__(self) -> str:
        sign = "at least" if self.compare is operator.ge else "at most"
        verdict = "met" if self.is_met else "**missed**"
        said = f"{self.what}: {self.value:.3g}{self.unit}, aim {sign} {self.bound:.3g}{self.unit}: {verdict}"
        if self.most is None:
            return said
        beyond = ", less than the aim" if self.most < self.bound else ""
        return f"{said}; the most that a server could reach here: {self.most:.3g}{self.unit}{beyond}"


def judge(figures: Figures, rivals: Sequence[str]) -> list[Aim]:
    """Each aim that something was measured for."""
    return [*_rate(figures, rivals), *_ratios(figures), *_start(figures, rivals), *_resident(figures)]


def _rate(figures: Figures, rivals: Sequence[str]) -> Iterator[Aim]:
    workload = "trees-1"
    measured = figures.contenders(workload)
    others = [name for name in rivals if name in measured]
    if _OURS not in measured or not others:
        return
    rates = {name: figures.spread(workload, name, "rate").median for name in (_OURS, *others)}
    best = max(others, key=rates.__getitem__)
    label = figures.labels[best]
    yield Aim(
        f"requests/s over the best rival's ({label})",
        rates[_OURS] / rates[best],
        _TIMES_THE_BEST,
        " times",
        operator.ge,
    )
    tails = {name: figures.spread(workload, name, "p99").median * 1000 for name in (_OURS, *others)}
    yield Aim("p99 of one row", tails[_OURS], min(tails[name] for name in others), " ms", operator.le)


def _ratios(figures: Figures) -> Iterator[Aim]:
    for workload, bound in _RATIOS.items():
        if _OURS in figures.contenders(workload):
            ratio = figures.spread(workload, _OURS, "ratio").median
            reachable = figures.measured(workload, _OURS, "reachable")
            most = reachable.median if reachable else None
            yield Aim(f"share of the in-process limit, {workload}", ratio, bound, "", operator.ge, most)


def _start(figures: Figures, rivals: Sequence[str]) -> Iterator[Aim]:
    if _OURS not in figures.starts:
        return
    seconds = figures.start(_OURS).median
    yield Aim("start to first right answer", seconds, _START_SECONDS, " s", operator.le)
    if others := [name for name in rivals if name in figures.starts]:
        fastest = min(others, key=lambda name: figures.start(name).median)
        yield Aim(
            f"start over the fastest rival's ({figures.labels[fastest]})",
            seconds / figures.start(fastest).median,
            0.5,
            " times",
            operator.le,
        )
    first, second = (figures.start(_OURS, which).median for which in ("first_request", "second_request"))
    yield Aim("first request over the second", first / second, _FIRST_REQUEST, " times", operator.le)


def _resident(figures: Figures) -> Iterator[Aim]:
    if _OURS in figures.contenders("trees-1"):
        resident = figures.spread("trees-1", _OURS, "resident").median
        yield Aim("resident memory", resident / 2**20, _RESIDENT_BYTES / 2**20, " MiB", operator.le)
