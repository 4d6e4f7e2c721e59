"""What the policies of a role allow, as moto's IAM reads them: actions and resources, without conditions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data

from support.aws.existing import MANAGED
from support.clouds.graph import Graph

__all__ = ["permits", "policies_of"]


def policies_of(graph: Graph, role: str) -> tuple[str, ...]:
    """Return every policy document of a role, by its physical name.

    Raises:
        AssertionError: no role has the name, or a policy hangs on it that is not in the graph.

    """
    assert any(one.token == "aws:iam/role:Role" and one.outputs["name"] == role for one in graph.resources), (
        role
    )
    owned = {
        one.outputs["arn"]: one.inputs["policy"]
        for one in graph.resources
        if one.token == "aws:iam/policy:Policy"
    }
    documents = []
    for one in graph.resources:
        if one.token == "aws:iam/rolePolicy:RolePolicy" and one.inputs["role"] == role:
            documents.append(one.inputs["policy"])
        if one.token == "aws:iam/rolePolicyAttachment:RolePolicyAttachment" and one.inputs["role"] == role:
            arn = one.inputs["policyArn"]
            assert arn in owned or arn.startswith(MANAGED), f"nobody here knows what {arn} allows"
            documents.append(owned[arn] if arn in owned else _managed(arn.rpartition("/")[2]))
    return tuple(documents)


def permits(policies: Sequence[str], action: str, resource: str) -> bool:
    """Tell whether some policy allows an action on a resource, and none denies it.

    A refusal under a condition is left out: moto would read it as one without.
    """
    results = [_policy(document).is_action_permitted(action, resource) for document in policies]
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results


@cache
def _policy(document: str) -> IAMPolicy:
    read = json.loads(document)
    kept = [one for one in read["Statement"] if one["Effect"] == "Allow" or "Condition" not in one]
    return IAMPolicy(json.dumps({**read, "Statement": kept}))


@cache
def _managed(name: str) -> str:
    found = json.loads(aws_managed_policies_data)[name]["Document"]
    return found if isinstance(found, str) else json.dumps(found)
