"""How requests come to an endpoint, and by which address.

Unless the target says, that follows from `security.network.public`: an address of its own on the internet, at
which IAM asks who calls, or none there at all, but a service that networks of the project connect to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, assert_never

from modelberth.errors import Problem
from modelberth.gcp.vertex.names import endpoint_id as numbered
from modelberth.spec.vertex import Dedicated, PrivateServiceConnect, Shared

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexAccess, VertexTarget

__all__ = [
    "access",
    "config",
    "endpoint_id",
    "endpoint_name",
    "is_private",
    "predict_path",
    "problems",
    "url",
]


def access(spec: EndpointSpec, target: VertexTarget) -> VertexAccess:
    """Return the way in: the target's, or what follows from the spec."""
    if target.access is not None:
        return target.access
    return Dedicated() if spec.security.network.public else PrivateServiceConnect(projects=(target.project,))


def is_private(spec: EndpointSpec, target: VertexTarget) -> bool:
    """Tell whether the endpoint has no address on the internet."""
    return isinstance(access(spec, target), PrivateServiceConnect)


def endpoint_id(plan: Plan[VertexTarget]) -> str:
    """Return the number of the endpoint, which is another one for another way in and another key."""
    way = access(plan.spec, plan.target)
    projects = sorted(way.projects) if isinstance(way, PrivateServiceConnect) else ()
    return numbered(plan, plan.spec.security.key or "", way.kind, *projects)


def endpoint_name(plan: Plan[VertexTarget]) -> str:
    """Return the full name of the endpoint, projects/…/locations/…/endpoints/…."""
    return f"{plan.place.parent}/endpoints/{endpoint_id(plan)}"


def url(plan: Plan[VertexTarget]) -> str:
    """Return the address that callers use.

    A private one is a name that the caller's own network has to know: a record of the forwarding rule's
    address in its zone `prediction.p.vertexai.goog`. The certificate is for these names, and Google's own.

    Sources: `Endpoint.dedicatedEndpointDns` of the API; Vertex AI, "Use dedicated private endpoints based on
    Private Service Connect", "Create a DNS record for the internal IP address".
    """
    place, number = plan.place, endpoint_id(plan)
    match access(plan.spec, plan.target):
        case Dedicated():
            return f"https://{number}.{place.region}-{place.number}.prediction.vertexai.goog"
        case PrivateServiceConnect():
            return f"https://{number}-{place.region}-{place.number}.prediction.p.vertexai.goog"
        case Shared():
            return f"https://{place.region}-aiplatform.googleapis.com"
        case other:
            assert_never(other)


def predict_path(plan: Plan[VertexTarget]) -> str:
    """Return the path of a prediction: `{"instances": […]}` → `{"predictions": […]}`."""
    return f"/v1/{endpoint_name(plan)}:predict"


def config(spec: EndpointSpec, target: VertexTarget) -> dict[str, Any]:
    """Return the endpoint's fields.

    IAM asks who calls through Private Service Connect as well: without the setting, whoever is in a network
    that connects may call.
    """
    match access(spec, target):
        case Dedicated():
            return {"dedicated_endpoint_enabled": True}
        case PrivateServiceConnect(projects=projects):
            return {
                "private_service_connect_config": {
                    "enable_private_service_connect": True,
                    "enable_secure_private_service_connect": True,
                    "project_allowlists": sorted(projects),
                }
            }
        case Shared():
            return {}
        case other:
            assert_never(other)


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield a way in that is not what the spec says of the network."""
    if target.access is None:
        return
    kind, public = target.access.kind, spec.security.network.public
    if public and is_private(spec, target):
        allowed = f"false with target.access {kind}"
        hint = (
            "Its networks alone reach the endpoint; target.access dedicated has an address on the internet."
        )
        yield Problem("security.network.public", "true", allowed, hint)
    if not public and not is_private(spec, target):
        allowed = "private_service_connect, or with security.network.public: true any"
        hint = "The address is reached from the internet, and IAM asks who calls."
        yield Problem("target.access.kind", kind, allowed, hint)
