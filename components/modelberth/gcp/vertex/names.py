"""Physical names of what an endpoint in Vertex AI is made of: they follow from the plan."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from modelberth.gcp.vertex.limits import limits
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec import ModelSource
    from modelberth.spec.vertex import VertexTarget

__all__ = ["account", "caller_role", "endpoint_id", "model_id", "model_key"]

_LONGEST_ACCOUNT: Final = 30


def endpoint_id(plan: Plan[VertexTarget], *fixed: str) -> str:
    """Name of the endpoint: a number, without a zero at its beginning.

    An endpoint that needs another key, or another way in, is another endpoint, which is there before the old
    one goes; and the number of one that was deleted cannot be had again for days (Vertex AI, "Use dedicated
    private endpoints based on Private Service Connect", limitations). So whatever takes another endpoint to
    change is part of the number.

    Args:
        plan: of the endpoint
        fixed: what cannot be changed of it, as texts

    """
    place, digits = plan.place, limits().endpoint_digits
    what = "\n".join((place.project, place.region, plan.name, *fixed))
    number = int.from_bytes(hashlib.sha256(what.encode()).digest())
    least = 10 ** (digits - 1)
    return str(least + number % (9 * least))


def model_id(plan: Plan[VertexTarget]) -> str:
    """Id of the model in the registry, of which each model that the endpoint serves is a version."""
    return plan.named(longest=limits().model)


def model_key(model: ModelSource) -> str:
    """What tells the versions of an endpoint's model apart in the program: it follows from the model alone.

    So a model that steps aside for a new one, and becomes `rollout.previous`, stays the version that it was,
    and what serves it is not deployed anew.
    """
    return content_digest(model.model_dump_json())


def account(plan: Plan[VertexTarget]) -> str:
    """Name of the service account that replicas run as."""
    return plan.named_by_kind(longest=_LONGEST_ACCOUNT)


def caller_role(plan: Plan[VertexTarget]) -> str:
    """Id of the role of those who may call: letters, digits and underscores."""
    return plan.named_by_kind("caller", longest=limits().role).replace("-", "_")
