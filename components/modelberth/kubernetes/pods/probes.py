"""How the kubelet learns that a server has started, takes requests and is alive."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from modelberth.runtimes import Container, Route
    from modelberth.spec.quantities import Duration

__all__ = ["probes"]

_START_PERIOD: Final = 2


def probes(container: Container, env: Mapping[str, str], startup_timeout: Duration) -> dict[str, Any]:
    """Return the three probes of the serving container.

    - startup: the server is ready once, within `limits.startup_timeout`, else the container starts again;
      until then the others do not ask, so that a large model may take its time.
    - readiness: it gets requests. Three misses in 15 s, because a server under full load answers late, and
      its requests would fall on the others.
    - liveness: nothing but a server that has stood still for a minute is started again.

    Args:
        container: the serving container
        env: its variables, all of them: they tell whether the server speaks TLS
        startup_timeout: of the spec's limits

    """
    return {
        "startupProbe": {
            "httpGet": _request(container, env, container.ready),
            "periodSeconds": _START_PERIOD,
            "timeoutSeconds": _START_PERIOD,
            "failureThreshold": math.ceil(startup_timeout.seconds / _START_PERIOD),
        },
        "readinessProbe": {
            "httpGet": _request(container, env, container.ready),
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "httpGet": _request(container, env, container.live),
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
    }


def _request(container: Container, env: Mapping[str, str], route: Route) -> dict[str, Any]:
    if "MODELBERTH_TLS_CERT_FILE" not in env:
        return {"path": route.path, "port": route.port, "scheme": "HTTP"}
    if "MODELBERTH_TLS_CLIENT_CA_FILE" in env and "metrics" in container.ports:
        # The kubelet has no client certificate. The port for operators answers the same, without TLS.
        return {"path": route.path, "port": container.ports["metrics"], "scheme": "HTTP"}
    return {"path": route.path, "port": route.port, "scheme": "HTTPS"}
