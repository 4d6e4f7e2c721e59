"""Who may call: IAM asks every caller, and knows everybody only where two fields say nobody need be known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import cloudrunv2

from modelberth.gcp.members import EVERYONE, invoker_problems, invokers
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from modelberth.errors import Problem
    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["ROLE", "problems", "register"]

ROLE: Final = "roles/run.invoker"
"""What lets a member call the service, and nothing else."""


def register(
    name: str, plan: Plan[CloudRunTarget], service: cloudrunv2.Service, opts: pulumi.ResourceOptions
) -> list[cloudrunv2.ServiceIamMember]:
    """Register a grant for each caller, under logical names that begin with `name`."""
    place = plan.place
    return [
        cloudrunv2.ServiceIamMember(
            f"{name}-{_role(member)}",
            name=service.name,
            project=place.project,
            location=place.region,
            role=ROLE,
            member=member,
            opts=opts,
        )
        for member in invokers(plan.spec)
    ]


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield invokers that are no members, and an endpoint that everyone may call by mistake."""
    del target  # Members are the same in every project.
    yield from invoker_problems(spec)


def _role(member: str) -> str:
    # Never a position: a grant that another one's removal moves would be made anew as what the old one then
    # removes.
    return "everyone" if member == EVERYONE else content_digest(member)
