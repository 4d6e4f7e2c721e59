"""How many instances a revision has: kept ready, at most, and how busy they are before there are more.

Both numbers are those of a revision, not of the service. A service's least number is divided among its
revisions by their shares, so that the revision before, and a new one with no share yet, would have none
ready: the way back, and the first request of a canary, would each wait for a cold start. A revision that has
neither a share nor a tag has no instances, and a rollout that has ended leaves nothing to pay for (Cloud Run,
"Set minimum instances"). So while a rollout has two revisions, each may have `scaling.max` instances.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.gcp.cloud_run.limits import limits

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["most", "problems", "scaling", "utilization"]

_USUAL: Final = 0.7
_PERCENT: Final = 100
# Share of what, as a service has it, by the metric.
_FIELDS: Final = {"concurrency": "concurrency_utilization", "cpu": "cpu_utilization"}


def most(spec: EndpointSpec) -> int:
    """Return how many instances there may be at once, of every revision that a rollout has."""
    return spec.scaling.max * (1 if spec.previous is None else 2)


def utilization(spec: EndpointSpec) -> float | None:
    """Return how busy an instance may be before there are more, between 0 and 1; None: it is never asked."""
    scaling, target = spec.scaling, spec.scaling.target
    if scaling.max <= max(scaling.min, 1):
        return None
    if target is None:
        return _USUAL
    # To 4 digits: a share is part of a revision's name.
    return round(target / (_PERCENT if scaling.metric == "cpu" else spec.limits.concurrency), 4)


def scaling(spec: EndpointSpec) -> dict[str, int | float]:
    """Return the numbers as a revision has them.

    The other one of the two shares stays at Cloud Run's own 60 percent: it adds instances by whichever is
    reached first.
    """
    numbers: dict[str, int | float] = {
        "min_instance_count": spec.scaling.min,
        "max_instance_count": spec.scaling.max,
    }
    busy = utilization(spec)
    return numbers if busy is None else {**numbers, _FIELDS[spec.scaling.metric]: busy}


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a target that Cloud Run cannot aim at."""
    del target  # Every region has the same.
    busy, metric = utilization(spec), spec.scaling.metric
    if busy is None or metric not in _FIELDS:
        return
    least, most = limits().cpu_target if metric == "cpu" else limits().concurrency_target
    if least <= busy <= most:
        return
    if metric == "cpu":
        allowed = f"{least * _PERCENT:g} to {most * _PERCENT:g} (percent)"
    else:
        concurrency = spec.limits.concurrency
        allowed = f"{least * concurrency:g} to {most * concurrency:g} with limits.concurrency {concurrency}"
    hint = "Cloud Run aims at a share of what an instance can do, and at none outside of these."
    yield Problem("scaling.target", shown(spec.scaling.target), allowed, hint)
