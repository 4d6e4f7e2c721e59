"""Who may call: members with a role of one right, at this endpoint alone.

No role of Google's has that right alone: whoever has `roles/aiplatform.user` at an endpoint may also take its
models away. So the role is made ("create a custom role with the aiplatform.endpoints.predict permission, and
then assign the role to a service account on an endpoint": Vertex AI, "Access control with IAM").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import projects, vertex

from modelberth.gcp.members import invoker_problems, invokers
from modelberth.gcp.vertex.names import caller_role
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from modelberth.errors import Problem
    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["PERMISSIONS", "problems", "register"]

PERMISSIONS: Final = ("aiplatform.endpoints.predict",)
"""What a caller may do."""


def register(
    name: str,
    plan: Plan[VertexTarget],
    endpoint: vertex.AiEndpoint,
    opts: pulumi.ResourceOptions,
) -> None:
    """Register the role, and who has it; nothing where nobody is named."""
    members = tuple(dict.fromkeys(invokers(plan.spec)))
    if not members:
        return
    place = plan.place
    role = projects.IAMCustomRole(
        name,
        role_id=caller_role(plan),
        project=place.project,
        title=f"Caller of model endpoint {plan.spec.name}",
        description=f"Calls model endpoint {plan.spec.name} of stack {plan.stack}, and nothing else.",
        permissions=[*PERMISSIONS],
        opts=opts,
    )
    for member in members:
        vertex.AiEndpointIamMember(
            f"{name}-{content_digest(member)}",
            endpoint=endpoint.name,
            project=place.project,
            location=place.region,
            role=role.name,
            member=member,
            opts=opts,
        )


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield invokers that are no members."""
    del target  # IAM is the same in every project.
    yield from invoker_problems(spec)
