"""What runs on an endpoint: each model on machines of its own, and its share of the requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import pulumi

from modelberth.gcp.vertex.access import endpoint_name
from modelberth.gcp.vertex.deployed_model import DeployedModel, DeployedModelArgs, Share
from modelberth.gcp.vertex.machines import accelerator, machine_type
from modelberth.gcp.vertex.path import deployment_seconds
from modelberth.gcp.vertex.scaling import targets
from modelberth.gcp.vertex.shares import shares

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan
    from modelberth.spec.vertex import VertexTarget

__all__ = ["register", "seconds"]

# For what is moved and taken away beside the deployments.
_MOVING_SECONDS: Final = 1800


def register(
    name: str,
    plan: Plan[VertexTarget],
    versions: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
    *,
    account: pulumi.Input[str],
    path: str = "",
) -> DeployedModel:
    """Register what runs on the endpoint.

    Args:
        name: logical
        plan: of the endpoint
        versions: full name of each model's version, by the share's role
        opts: of the resource, which comes after the endpoint
        account: e-mail address of what the containers act as
        path: where the spec stands in the config

    """
    spec = plan.spec
    gpus, machine = accelerator(spec), machine_type(spec, plan.target)
    assert machine is not None, "checked before"
    found = [
        Share(
            model=versions[one.role],
            percent=one.percent,
            machine_type=machine,
            accelerator_type=None if gpus is None else gpus[0],
            accelerator_count=None if gpus is None else gpus[1],
            min_replicas=spec.scaling.min,
            max_replicas=spec.scaling.max,
            targets=targets(spec),
            service_account=account,
            access_log=True,
        )
        for one in shares(spec)
    ]
    args = DeployedModelArgs(plan.named(), endpoint_name(plan), found, path or None)
    longest = f"{seconds(plan)}s"
    timeouts = pulumi.CustomTimeouts(create=longest, update=longest)
    bounded = pulumi.ResourceOptions(custom_timeouts=timeouts)
    return DeployedModel(name, args, pulumi.ResourceOptions.merge(opts, bounded))


def seconds(plan: Plan[VertexTarget]) -> int:
    """Return the time that an update may take: one model is deployed after the other."""
    return len(shares(plan.spec)) * deployment_seconds(plan.spec) + _MOVING_SECONDS
