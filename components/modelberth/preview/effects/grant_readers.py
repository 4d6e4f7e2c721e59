"""How each type of resource writes who may do what: its inputs, read into grants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from modelberth.preview.plan import Marker, Step

from .azure_roles import role_name
from .grants import PUBLIC, Grant
from .policy_documents import read_document
from .rule import at, entries, found, known, texts
from .wording import name, value

__all__ = ["READERS", "Reader"]

Reader: TypeAlias = Callable[[Mapping[str, Any], Step], Iterable[Grant]]
"""Reads the grants out of one side's inputs."""


def _holder(inputs: Mapping[str, Any], *keys: str) -> str:
    for key in keys:
        if known(holder := inputs.get(key)):
            return f"{key} {value(holder)}"
    return ""


def _inline_policy(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    who = _holder(inputs, "role", "user", "group") or f"whoever has {name(step)}"
    yield from read_document(inputs.get("policy"), who)


def _attachment(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    who = _holder(inputs, "role", "user", "group") or f"whoever {name(step)} names"
    if known(policy := inputs.get("policyArn")):
        yield Grant(who, f"policy {str(policy).rpartition('/')[2]}", "")


def _role(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    yield from read_document(inputs.get("assumeRolePolicy"), resource=f"role {step.name}")
    for policy in filter(known, entries(inputs.get("managedPolicyArns"))):
        yield Grant(f"role {value(step.name)}", f"policy {str(policy).rpartition('/')[2]}", "")
    for _, document in found(inputs, "inlinePolicies[].policy"):
        yield from read_document(document, f"role {value(step.name)}")


def _resource_policy(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    yield from read_document(inputs.get("policy"), resource=step.name)


def _lambda_permission(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    who = inputs.get("principal")
    limits = {
        key: str(inputs[key])
        for key in ("sourceArn", "sourceAccount", "principalOrgId", "functionUrlAuthType")
        if inputs.get(key)
    }
    yield Grant(
        "*" if who == "*" else value(who),
        str(inputs.get("action", "")),
        str(inputs.get("function", "")) if known(inputs.get("function")) else step.name,
        json.dumps(limits, sort_keys=True) if limits else "",
    )


_NOT_A_RESOURCE: Final = {"member", "members", "role", "condition", "policyData", "etag", "project"}
# As `modelberth.gcp.grants` writes conditions on objects.
_OBJECTS: Final = re.compile(
    r'resource\.name(?P<how> == |\.startsWith\()"projects/_/buckets/(?P<bucket>[^"/]+)'
    r'(?:/objects/(?P<object>(?:[^"\\]|\\.)*))?"\)?'
)
_ON_PROJECT: Final = "gcp:projects/"
_ON_ENDPOINT: Final = ("gcp:vertex/aiEndpointIam",)
"""Policies by which callers of an endpoint have a role that is made for them."""


def _gcp_member(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    role = inputs.get("role")
    for who in texts([inputs.get("member"), *entries(inputs.get("members"))]):
        for resource, condition in _gcp_places(inputs):
            yield Grant(
                who if who in PUBLIC else value(who),
                role if isinstance(role, str) else "a role made with it",
                resource,
                condition,
                on_project=step.type.startswith(_ON_PROJECT),
                on_endpoint=step.type.startswith(_ON_ENDPOINT),
            )


def _gcp_places(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a grant is on, and its condition; one on objects is told by their addresses, `*` at the end."""
    expression = at(inputs, "condition.expression")
    terms = expression.split("||") if isinstance(expression, str) else []
    objects = [_OBJECTS.fullmatch(term.strip()) for term in terms]
    if objects and all(objects):
        yield from ((_objects(found), "") for found in objects if found)
    else:
        condition = json.dumps(inputs.get("condition") or {}, sort_keys=True, default=str)
        yield _gcp_resource(inputs), condition.replace("{}", "")


def _objects(found: re.Match[str]) -> str:
    bucket = f"gs://{found['bucket']}"
    if found["object"] is None:
        return bucket
    name = json.loads(f'"{found["object"]}"')
    return f"{bucket}/{name}{'*' if found['how'] == '.startsWith(' else ''}"


def _gcp_role(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    """A role of one's own: whoever has it gets and loses what is written into it; a new one nobody has."""
    if step.before is None or step.after is None:
        return
    for permission in texts(inputs.get("permissions")):
        yield Grant(f"whoever has {name(step)}", permission, "")


def _gcp_policy(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    try:
        policy = json.loads(inputs.get("policyData") or "{}")
    except (TypeError, ValueError):
        return
    for binding in entries(at(policy, "bindings")):
        for who in texts(at(binding, "members")):
            yield Grant(
                who if who in PUBLIC else value(who),
                str(at(binding, "role")),
                _gcp_resource(inputs),
                on_project=step.type.startswith(_ON_PROJECT),
            )


def _gcp_resource(inputs: Mapping[str, Any]) -> str:
    names = [
        str(given)
        for key, given in inputs.items()
        if key not in {*_NOT_A_RESOURCE, "location", "region"}
        and isinstance(given, str)
        and not key.startswith("__")
    ]
    return names[0] if names else str(inputs.get("project") or "")


def _azure(inputs: Mapping[str, Any], _step: Step) -> Iterator[Grant]:
    definition = inputs.get("roleDefinitionId")
    condition = inputs.get("condition")
    yield Grant(
        f"{inputs.get('principalType') or 'principal'} {value(inputs.get('principalId'))}",
        f"role {role_name(definition) if isinstance(definition, str) else value(definition)}",
        str(inputs.get("scope")) if known(inputs.get("scope")) else "",
        str(condition) if condition and not isinstance(condition, Marker) else "",
    )


def _kubernetes_role(inputs: Mapping[str, Any], step: Step) -> Iterator[Grant]:
    for rule in entries(inputs.get("rules")):
        if not isinstance(rule, Mapping):
            continue
        for verb in entries(rule.get("verbs")):
            for kind in [*entries(rule.get("resources")), *entries(rule.get("nonResourceURLs"))]:
                for one in entries(rule.get("resourceNames")) or ["*"]:
                    # Written so that a rule for all objects of a kind covers one for a single object.
                    yield Grant(f"whoever has {name(step)}", str(verb), f"{kind} named {one}")


def _kubernetes_binding(inputs: Mapping[str, Any], _step: Step) -> Iterator[Grant]:
    role = at(inputs, "roleRef.name")
    place = at(inputs, "metadata.namespace") or "the whole cluster"
    for subject in entries(inputs.get("subjects")):
        if isinstance(subject, Mapping):
            yield Grant(
                f"{subject.get('kind')} {value(subject.get('name'))}",
                f"role {role if known(role) else value(role)}",
                place if known(place) else "",
            )


READERS: Final[Mapping[str, Reader]] = {
    "aws:iam/rolePolicy:RolePolicy": _inline_policy,
    "aws:iam/userPolicy:UserPolicy": _inline_policy,
    "aws:iam/groupPolicy:GroupPolicy": _inline_policy,
    "aws:iam/policy:Policy": _inline_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment,
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": _attachment,
    "aws:iam/role:Role": _role,
    "aws:s3/bucketPolicy:BucketPolicy": _resource_policy,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _resource_policy,
    "aws:kms/key:Key": _resource_policy,
    "aws:kms/keyPolicy:KeyPolicy": _resource_policy,
    "aws:secretsmanager/secretPolicy:SecretPolicy": _resource_policy,
    "aws:lambda/permission:Permission": _lambda_permission,
    "gcp:projects/iAMCustomRole:IAMCustomRole": _gcp_role,
    "gcp:*:*I[aA][mM]Member": _gcp_member,
    "gcp:*:*I[aA][mM]Binding": _gcp_member,
    "gcp:*:*I[aA][mM]Policy": _gcp_policy,
    "azure-native:authorization:RoleAssignment": _azure,
    "kubernetes:rbac.authorization.k8s.io/v1:Role": _kubernetes_role,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": _kubernetes_role,
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": _kubernetes_binding,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": _kubernetes_binding,
}
