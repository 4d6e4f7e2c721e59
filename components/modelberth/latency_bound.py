"""The latency above which somebody is told: what was promised, else what leaves too little of the timeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec

__all__ = ["LatencyBound", "latency_bound"]

_OF_TIMEOUT: Final = 0.8


@dataclass(frozen=True, slots=True)
class LatencyBound:
    """A bound of the 99th percentile.

    Attributes:
        seconds: the bound
        why: the field that it comes from, with its value
        is_promised: whether it is a promise

    """

    seconds: float
    why: str
    is_promised: bool


def latency_bound(spec: EndpointSpec) -> LatencyBound:
    """Return the bound of an endpoint."""
    promised = spec.monitoring.slo.latency_p99 if spec.monitoring.slo is not None else None
    if promised is not None:
        return LatencyBound(promised.seconds, f"monitoring.slo.latency_p99, {promised}", is_promised=True)
    why = f"{_OF_TIMEOUT:.0%} of limits.timeout, {spec.limits.timeout}"
    return LatencyBound(_OF_TIMEOUT * spec.limits.timeout.seconds, why, is_promised=False)
