"""What the policies of a role allow, as moto's IAM reads them: actions and resources, without conditions."""

from __future__ import annotations

from collections.abc import Sequence

from moto.iam.access_control import IAMPolicy, PermissionResult

from support.aws.graph import Graph

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
            assert one.inputs["policyArn"] in owned, (
                f"nobody here knows what {one.inputs['policyArn']} allows"
            )
            documents.append(owned[one.inputs["policyArn"]])
    return tuple(documents)


def permits(policies: Sequence[str], action: str, resource: str) -> bool:
    """Tell whether some policy allows an action on a resource, and none denies it."""
    results = [IAMPolicy(document).is_action_permitted(action, resource) for document in policies]
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results
