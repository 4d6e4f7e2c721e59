"""What Vertex AI's own service agent has to be allowed before containers run as an account of one's own.

"If you also plan to use the user-managed service account for predictions, then you must grant the Service
Account Admin role to the Agent Platform Service Agent" (Vertex AI, "Use a custom service account"): of this
one account. Images are pulled, and folders of models copied, as that agent as well, which may do so in its
own project; in another one its owner has to let it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import projects, serviceaccount

from modelberth.gcp.service_agents import agents

if TYPE_CHECKING:
    from modelberth.gcp.identity import Identity
    from modelberth.gcp.plan import Plan
    from modelberth.spec.vertex import VertexTarget

__all__ = ["ROLE", "register"]

ROLE: Final = "roles/iam.serviceAccountAdmin"
"""What the agent has to have of the account, and of no other."""


def register(
    name: str, plan: Plan[VertexTarget], runs_as: Identity, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Register what has to be there before a model is deployed that runs as the account.

    Nothing for an account that `security.identity` names: its rights are its owner's.
    """
    if plan.spec.security.identity is not None:
        return []
    agent, place = agents()["aiplatform"], plan.place
    made = projects.ServiceIdentity(name, project=place.project, service=agent.api, opts=opts)
    account = pulumi.Output.concat(f"projects/{place.project}/serviceAccounts/", runs_as.email)
    granted = serviceaccount.IAMMember(
        f"{name}-account",
        service_account_id=account,
        role=ROLE,
        member=agent.member(place),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[made])),
    )
    return [granted]
