"""How Cloud Run learns that a server has started, and that it is alive."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem
from modelberth.gcp.cloud_run.limits import limits

if TYPE_CHECKING:
    from modelberth.runtimes import Route
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget
    from modelberth.spec.quantities import Duration

__all__ = ["probes", "problems", "start_seconds"]

# A probe may not take longer than the time to the next.
_START_PERIOD: Final = 2
_START_ANSWER: Final = 1


def probes(ready: Route, live: Route, startup_timeout: Duration) -> dict[str, Any]:
    """Return the two probes of the serving container.

    - startup: the server is ready once, within `limits.startup_timeout`, else the instance counts as failed;
      no request comes before, so that none waits for a model that is not there.
    - liveness: nothing but a server that has stood still for a minute is started again.

    There is none of readiness: it is a preview, and a server that is busy would get no requests by it.

    Args:
        ready: of the server, once it takes requests
        live: of the server, while it runs
        startup_timeout: of the spec's limits

    """
    return {
        "startup_probe": {
            "http_get": {"path": ready.path, "port": ready.port},
            "period_seconds": _START_PERIOD,
            "timeout_seconds": _START_ANSWER,
            "failure_threshold": math.ceil(startup_timeout.seconds / _START_PERIOD),
        },
        "liveness_probe": {
            "http_get": {"path": live.path, "port": live.port},
            "period_seconds": 10,
            "timeout_seconds": 5,
            "failure_threshold": 6,
        },
    }


def start_seconds(spec: EndpointSpec) -> int:
    """Return the longest time that Cloud Run gives an instance to start."""
    return limits().start_seconds if spec.resources.gpu is None else limits().gpu_start_seconds


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield a start that takes longer than Cloud Run waits."""
    del target  # Every region has the same.
    most = start_seconds(spec)
    if spec.limits.startup_timeout.seconds > most:
        beside = "" if spec.resources.gpu is None else " with a GPU"
        hint = "A model that is mounted, or in the image, is ready sooner than one that is downloaded."
        allowed = f"at most {most} s{beside}"
        yield Problem("limits.startup_timeout", str(spec.limits.startup_timeout), allowed, hint)
