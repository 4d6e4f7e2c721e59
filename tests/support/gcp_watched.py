"""Endpoints in Google Cloud as the tests of their watching make them."""

from dataclasses import replace
from typing import Any, Final

from modelberth.gcp.monitoring.alert import Watched
from modelberth.gcp.monitoring.refusals import metric_name
from modelberth.gcp.monitoring.signals import REFUSALS, signals_of
from modelberth.gcp.plan import Plan
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.spec.gcp import GcpTarget
from modelberth.spec.vertex import VertexTarget
from support.gcp_blocks import PLACE, spec

BILLING: Final = "012345-6789AB-CDEF01"
LOGGING: Final = "service-123456789012@gcp-sa-logging.iam.gserviceaccount.com"
_PLACE: Final = {
    "project": PLACE.project,
    "project_number": PLACE.number,
    "region": PLACE.region,
    "billing_account": BILLING,
    "logging_account": LOGGING,
}
TARGETS: Final[dict[str, GcpTarget]] = {
    "cloud_run": CloudRunTarget(**_PLACE),
    "vertex": VertexTarget(**_PLACE),
}
WHERE: Final = {
    "cloud_run": {"service": "shop-prod-iris", "location": PLACE.region},
    "vertex": {"endpoint": "4711", "location": PLACE.region},
}
NEW: Final = {"cloud_run": "shop-prod-iris-1a2b3c4d", "vertex": "815"}
"""The new version of each kind."""
KINDS: Final = tuple(TARGETS)
GPU: Final = {"gpu": {"kind": "l4", "count": 1}}

_PREVIOUS: Final = {"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}

PROMISED: Final[dict[str, Any]] = {
    "labels": {"team": "plants"},
    "scaling": {"min": 2, "max": 10},
    "rollout": {
        "strategy": "canary",
        "previous": _PREVIOUS,
        "guard": {"max_error_percent": 1, "max_latency_p99": "400ms"},
    },
    "budget": {"monthly_usd": 50.5},
    "monitoring": {
        "slo": {"availability": 99.5, "latency_p99": "300ms"},
        "alerts": {"notify": ["mailto:iris@example.com", "https://hooks.example.com/iris"]},
    },
}
"""All that can be asked for."""


def plan(kind: str = "cloud_run", **fields: Any) -> Plan[GcpTarget]:
    """The plan of `iris` in the stack `prod` of the project `shop`."""
    return Plan.of(spec(**fields), TARGETS[kind], "shop", "prod")


def watched(kind: str = "cloud_run", *, version: bool = False, **fields: Any) -> Watched:
    """The endpoint as a kind hands it over; `version` is that of a canary's new model."""
    made = plan(kind, **fields)
    scaling = made.spec.scaling
    where = {
        **WHERE[kind],
        **({REFUSALS: metric_name(made)} if kind == "cloud_run" else {}),
        **({"version": NEW[kind]} if version else {}),
    }
    return Watched(
        made,
        signals_of(kind, PLACE.project, where),
        capacity=10 if kind == "cloud_run" else None,
        warm=scaling.min,
        replicas=scaling.max,
        processors=4 if kind == "vertex" else None,
    )


ENDPOINTS: Final = {
    "run, promised": watched(version=True, **PROMISED),
    "run, warm": watched(scaling={"min": 2, "max": 10}),
    "run, to zero": watched(scaling={"min": 0, "max": 1}),
    "vertex, promised": watched("vertex", version=True, **PROMISED),
    "vertex, warm": watched("vertex", scaling={"min": 2, "max": 10}),
    "vertex, gpu": watched("vertex", resources=GPU, scaling={"min": 1, "max": 1}),
    "run, one each": replace(watched(scaling={"min": 1, "max": 3}), capacity=1),
}
"""Every alert is one of these endpoints'."""
