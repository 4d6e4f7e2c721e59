"""What the replicas of an endpoint may read, and what else they may do: by the roles that they run as."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelberth.errors import without_login
from modelberth.preview.effects.grant_readers import READERS
from modelberth.preview.effects.grants import Grant, is_broad
from modelberth.preview.effects.rule import at, known
from modelberth.preview.effects.wording import code, listed, name
from modelberth.preview.plan import Marker, Step

from . import gcp

__all__ = ["other", "reading"]

_ROLE: Final = "aws:iam/role:Role"
_POLICIES: Final = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
_KEY: Final = "aws:kms/key:Key"
# What runs as a role, and where it says which.
_RUNS_AS: Final = {
    "aws:lambda/function:Function": "role",
    "aws:sagemaker/model:Model": "executionRoleArn",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "roleArn",
}
_READS: Final = re.compile(r"[a-z0-9-]+:(BatchCheck|BatchGet|Decrypt|Describe|Get|Head|List|Select)\w*\*?")
_IN_GOOGLE_CLOUD: Final = frozenset({"cloud_run", "vertex", "gke"})
_MOST: Final = 6
_WIDE: Final = ", which is more than an endpoint needs"


def reading(owner: Step, steps: Sequence[Step]) -> Iterator[str]:
    """What may be read, by resource; what a role that is made elsewhere may do is its owner's to say."""
    yield from _said(steps, reads=True)
    yield from _not_known(steps)
    yield from gcp.reading(steps)
    if not any(step.type == _ROLE for step in steps):
        for step in steps:
            role = at(step.after, _RUNS_AS[step.type]) if step.type in _RUNS_AS else None
            if isinstance(role, str):
                yield f"what {code(role)} may, a role that this stack does not make: its owner says what"
    uri = at(owner.inputs, "spec.model.uri")
    if isinstance(uri, str) and _is_elsewhere(uri, at(owner.inputs, "target.kind")):
        cloud = "Google Cloud" if at(owner.inputs, "target.kind") in _IN_GOOGLE_CLOUD else "AWS"
        yield f"the model, {code(without_login(uri))}, by no permission of {cloud}"


def _is_elsewhere(uri: str, target: Any) -> bool:
    """Whether no role decides about the model: it is not in S3, or not read from within AWS."""
    scheme = uri.partition(":")[0]
    return (target == "kubernetes" and scheme != "file") or scheme in {"https", "hf", "oci"}


def other(steps: Sequence[Step]) -> Iterator[str]:
    """What else may be done, by resource."""
    yield from _said(steps, reads=False)
    yield from gcp.may(steps)


def _said(steps: Sequence[Step], *, reads: bool) -> Iterator[str]:
    roles = [step for step in steps if step.type == _ROLE]
    own = {at(role.after, "name") for role in roles}
    by_place: dict[tuple[str, str, bool], list[str]] = {}
    for step in steps:
        if step.type not in _POLICIES or at(step.after, "policy") is Marker.UNKNOWN:
            continue
        if isinstance(holder := at(step.after, "role"), str) and roles and holder not in own:
            continue  # a caller's role, which is given the right to call
        for grant in READERS[step.type](step.after or {}, step):
            if not grant.denies and _is_reading(grant) is reads:
                who = "" if len(roles) < 2 else _role_of(step, roles)
                place = (
                    who,
                    f"{_where(grant)}{' under a condition' if grant.condition else ''}",
                    is_broad(grant),
                )
                by_place.setdefault(place, []).append(grant.action)
    for (who, where, is_wide), actions in by_place.items():
        allowed = listed([_said_of(action) for action in dict.fromkeys(actions)], _MOST)
        yield f"{who}{where}: {allowed}{_WIDE if is_wide else ''}" if where else f"{who}{allowed}"


def _said_of(action: str) -> str:
    kind, _, policy = action.partition(" ")
    return f"{kind} {code(policy)}" if policy else code(action)


def _is_reading(grant: Grant) -> bool:
    return _READS.fullmatch(grant.action) is not None


def _where(grant: Grant) -> str:
    if grant.resource == "*":
        return "everything" if is_broad(grant) else "what has no ARN to be named by"
    return code(grant.resource) if grant.resource else ""


def _role_of(step: Step, roles: Sequence[Step]) -> str:
    """Whose policy it is: the role that it names, else the one beside it."""
    wanted = at(step.after, "role")
    by_name = [role for role in roles if known(wanted) and at(role.after, "name") == wanted]
    beside = [role for role in roles if role.parent == step.parent]
    found = by_name or (beside if len(beside) == 1 else [])
    return f"{name(found[0])}: " if found else ""


def _not_known(steps: Sequence[Step]) -> Iterator[str]:
    keys = [name(step) for step in steps if step.type == _KEY]
    beside = f", such as the key {listed(keys)}" if keys else ""
    for step in steps:
        if step.type in _POLICIES and at(step.after, "policy") is Marker.UNKNOWN:
            yield f"what {name(step)} allows: known after the update, since it names what that makes{beside}"
