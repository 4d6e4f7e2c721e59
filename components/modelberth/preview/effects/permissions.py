"""Permissions that somebody gets or loses: which action, on what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from modelberth.preview.plan import Marker, Op, Plan, Step

from .azure_roles import role_name
from .effect import Effect, Kind, Severity
from .grants import PUBLIC, Grant, beyond, is_broad, sentence_of
from .policy_documents import read_document
from .rule import Rule, Rules, at, entries, found, known, matching, texts
from .wording import name, value

__all__ = ["RULES"]

Side: TypeAlias = Literal["before", "after"]
Reader: TypeAlias = Callable[[Mapping[str, Any], Step], Iterable[Grant]]
"""Reads the grants out of one side's inputs."""


def _compares(read: Reader) -> Rule:
    def rule(step: Step, plan: Plan) -> Iterator[Effect]:
        before, after = (list(read(side, step)) if side else [] for side in (step.before, step.after))
        more = [grant for grant in beyond(after, before) if grant.principal not in PUBLIC]
        less = list(beyond(before, after))
        # A permission that only moves from one resource to another is no news.
        more = list(beyond(more, _elsewhere(plan, step, "before", more))) if more else []
        less = list(beyond(less, _elsewhere(plan, step, "after", less))) if less else []
        gained = [g for g in more if not g.denies] + [g for g in less if g.denies]
        lost = [g for g in less if not g.denies] + [g for g in more if g.denies]
        if gained:
            yield _widened(step, plan, gained)
        if lost:
            yield _narrowed(step, lost)

    return rule


def _elsewhere(plan: Plan, step: Step, side: Side, wanted: Iterable[Grant]) -> list[Grant]:
    """What other resources let the same principals do."""
    index = _by_principal(plan.steps, side)
    principals = {grant.principal for grant in wanted} | PUBLIC
    return [grant for who in principals for other, grant in index.get(who, ()) if other is not step]


@lru_cache(maxsize=2)
def _by_principal(steps: tuple[Step, ...], side: Side) -> Mapping[str, Sequence[tuple[Step, Grant]]]:
    """The grants of all resources: read once for a plan, or many endpoints would take quadratic time."""
    index: dict[str, list[tuple[Step, Grant]]] = {}
    for step in steps:
        inputs = step.before if side == "before" else step.after
        reader = matching(_READERS, step.type) if inputs is not None else None
        for grant in reader(inputs, step) if reader and inputs is not None else ():
            index.setdefault(grant.principal, []).append((step, grant))
    return index


def _widened(step: Step, plan: Plan, gained: list[Grant]) -> Effect:
    broad = [grant for grant in gained if is_broad(grant)]
    lifted = [grant for grant in gained if grant.denies]
    is_new = _is_new(step, plan)
    shown = broad if is_new and broad else gained
    allowed = [grant for grant in shown if not grant.denies]
    parts = [sentence_of(allowed, "now has")] if allowed else []
    if lifted:
        parts.append(sentence_of(lifted, "is no longer denied"))
    wide = ", which is more than an endpoint needs" if broad else ""
    return Effect(
        kind=Kind.PERMISSIONS_WIDENED,
        severity=Severity.CHANGE if is_new and not broad else Severity.DANGER,
        sentence=f"{name(step)} allows more: {'; '.join(parts)}{wide}.",
        urn=step.urn,
        paths=tuple(difference.path for difference in step.differences),
    )


def _narrowed(step: Step, lost: list[Grant]) -> Effect:
    refused = [grant for grant in lost if grant.calls and not grant.denies]
    dropped = [grant for grant in lost if not grant.denies]
    denied = [grant for grant in lost if grant.denies]
    parts = [sentence_of(dropped, "no longer has")] if dropped else []
    if denied:
        parts.append(sentence_of(denied, "is denied"))
    calls = ": such calls are refused from then on" if refused else ""
    return Effect(
        kind=Kind.PERMISSIONS_NARROWED,
        severity=Severity.DANGER if refused else Severity.CHANGE,
        sentence=f"{name(step)} allows less: {'; '.join(parts)}{calls}.",
        urn=step.urn,
        paths=tuple(difference.path for difference in step.differences),
    )


def _is_new(step: Step, plan: Plan) -> bool:
    """Whether the endpoint, or the stack of what stands alone, is made with it."""
    around = plan.owner(step) or plan.stack_step
    return around is not None and around.op is Op.CREATE


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


def _gcp_member(inputs: Mapping[str, Any], _step: Step) -> Iterator[Grant]:
    condition = json.dumps(inputs.get("condition") or {}, sort_keys=True, default=str).replace("{}", "")
    for who in texts([inputs.get("member"), *entries(inputs.get("members"))]):
        yield Grant(
            who if who in PUBLIC else value(who), str(inputs.get("role")), _gcp_resource(inputs), condition
        )


def _gcp_policy(inputs: Mapping[str, Any], _step: Step) -> Iterator[Grant]:
    try:
        policy = json.loads(inputs.get("policyData") or "{}")
    except (TypeError, ValueError):
        return
    for binding in entries(at(policy, "bindings")):
        for who in texts(at(binding, "members")):
            yield Grant(who if who in PUBLIC else value(who), str(at(binding, "role")), _gcp_resource(inputs))


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


_READERS: Final[Mapping[str, Reader]] = {
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
    "gcp:*:*I[aA][mM]Member": _gcp_member,
    "gcp:*:*I[aA][mM]Binding": _gcp_member,
    "gcp:*:*I[aA][mM]Policy": _gcp_policy,
    "azure-native:authorization:RoleAssignment": _azure,
    "kubernetes:rbac.authorization.k8s.io/v1:Role": _kubernetes_role,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": _kubernetes_role,
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": _kubernetes_binding,
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": _kubernetes_binding,
}

RULES: Rules = {token: (_compares(reader),) for token, reader in _READERS.items()}
