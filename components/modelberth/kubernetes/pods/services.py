"""The addresses that lead requests to an endpoint's pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelberth.kubernetes.encryption import speaks_tls
from modelberth.kubernetes.roles import role_of

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision

__all__ = ["revision_services", "services"]


def services(plan: Plan) -> dict[str, Manifest]:
    """Return the endpoint's Service, once its pods serve.

    It leads to the revision `main` where there is one, else to the one that answers most.
    """
    entry = next((one for one in plan.revisions if plan.revision_name(one) == plan.name), plan.main)
    # At zero replicas there is no address that the engine could wait for.
    return {"service": _service(plan, plan.name, entry, is_awaited=plan.spec.scaling.min > 0)}


def revision_services(plan: Plan) -> dict[str, Manifest]:
    """Return a Service for each revision that a route tells apart: from before its pods until after them.

    A Gateway learns of a changed route a moment late. Were the Service gone by then, so would its address be,
    and what is sent there found nobody; while it is there, pods that are ending still answer.

    Of what KServe or Ray makes, the engine cannot tell whether it serves, but by the addresses of a Service.
    So there it comes after the pods, else the route would lead to a revision that does not serve yet.
    """
    if not plan.is_split:
        return {}
    is_awaited = not plan.awaits_pods and plan.spec.scaling.min > 0
    return {
        role_of("service", revision): _service(plan, name, revision, is_awaited=is_awaited)
        for revision in plan.revisions
        if (name := plan.revision_name(revision)) != plan.name
    }


def _service(plan: Plan, name: str, revision: Revision, *, is_awaited: bool) -> Manifest:
    annotations = {} if is_awaited else {"pulumi.com/skipAwait": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": plan.metadata(name, revision if name != plan.name else None, annotations),
        "spec": {
            "type": "ClusterIP",
            "selector": plan.selector(revision),
            "ports": _ports(plan, revision),
        },
    }


def _ports(plan: Plan, revision: Revision) -> list[dict[str, Any]]:
    """Metrics have no port here: they are read from each pod, and are nothing for callers."""
    name, port = ("https", 443) if speaks_tls(plan.target) else ("http", 80)
    ports = [{"name": name, "port": port, "targetPort": "http", "protocol": "TCP", "appProtocol": name}]
    grpc = plan.container(revision).ports.get("grpc")
    if grpc is not None:
        # gRPC is HTTP/2 without TLS here, which KEP-3726 has a name for.
        ports.append(
            {
                "name": "grpc",
                "port": grpc,
                "targetPort": "grpc",
                "protocol": "TCP",
                "appProtocol": "kubernetes.io/h2c",
            }
        )
    return ports
