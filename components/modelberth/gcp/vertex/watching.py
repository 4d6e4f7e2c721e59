"""What watches an endpoint, and where it logs: what Cloud Monitoring and Cloud Logging know it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelberth.gcp.monitoring.component import GcpMonitoringArgs
from modelberth.gcp.monitoring.logs import GcpLogsArgs
from modelberth.gcp.monitoring.signals import VERSION
from modelberth.gcp.vertex.access import endpoint_id
from modelberth.gcp.vertex.machines import processors
from modelberth.gcp.vertex.shares import MODEL, shares

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.encryption import EncryptionKey
    from modelberth.gcp.plan import Plan
    from modelberth.gcp.vertex.deployed_model import DeployedModel
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["logs", "monitoring", "where"]

_KIND: Final = "vertex"
_WHOLE: Final = 100


def logs(plan: Plan[VertexTarget], key: EncryptionKey) -> GcpLogsArgs:
    """Return where the endpoint logs; its own key encrypts that once Cloud Logging's account is known."""
    encrypts = None if plan.target.logging_account is None else key
    return GcpLogsArgs(plan, _KIND, where(plan), encrypts)


def monitoring(plan: Plan[VertexTarget], deployed: DeployedModel) -> GcpMonitoringArgs:
    """Return what is watched once it is deployed; while two models serve, the new one by itself as well."""
    spec = plan.spec
    found = where(plan)
    if _is_rolling_out(spec):
        place = [one.role for one in shares(spec)].index(MODEL)
        found[VERSION] = deployed.deployed_model_ids.apply(lambda ids: ids[place])
    return GcpMonitoringArgs(
        plan,
        _KIND,
        found,
        warm=spec.scaling.min,
        replicas=spec.scaling.max,
        processors=processors(spec, plan.target),
        after=[deployed],
    )


def where(plan: Plan[VertexTarget]) -> dict[str, pulumi.Input[str]]:
    """Return what the labels of the endpoint's metrics and logs say."""
    return {"endpoint": endpoint_id(plan), "location": plan.place.region}


def _is_rolling_out(spec: EndpointSpec) -> bool:
    return spec.previous is not None and 0 < spec.share < _WHOLE
