"""Who may do what on what: permissions as sets that can be compared, wildcards understood."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from .wording import value

__all__ = ["PUBLIC", "Grant", "beyond", "is_broad", "sentence_of"]

PUBLIC: Final = frozenset({"*", "allUsers", "allAuthenticatedUsers"})
"""Principals that are everybody; what they may do is told as exposure."""

# Actions that AWS grants on `*` only (Service Authorization Reference, "Resource types": none).
_ONLY_ON_ALL: Final = re.compile(
    r"ecr:GetAuthorizationToken|xray:Put\w+|cloudwatch:PutMetricData|sts:GetCallerIdentity"
    r"|ec2:(?:Create|Delete|Describe)NetworkInterfaces?|ec2:(?:Un)?[Aa]ssignPrivateIpAddresses"
)
_CALLING: Final = re.compile(
    r"lambda:InvokeFunction(?:Url)?|sagemaker:InvokeEndpoint\w*|execute-api:Invoke|roles/run\.invoker"
    r"|roles/aiplatform\.(?:user|endpointUser)|roles/cloudfunctions\.invoker"
    r"|aiplatform\.endpoints\.predict|run\.routes\.invoke"
)
# Roles that are of use on a project only: what they let write or ask has no resource below it (IAM, "IAM
# basic and predefined roles reference").
_ONLY_ON_PROJECT: Final = re.compile(
    r"roles/(?:logging\.logWriter|monitoring\.(?:metricWriter|viewer)|cloudtrace\.agent|telemetry\.\w+Writer"
    r"|serviceusage\.serviceUsageConsumer|container\.defaultNodeServiceAccount|cloudprofiler\.agent"
    r"|stackdriver\.resourceMetadata\.writer|autoscaling\.metricsWriter)"
)
# "Use a custom service account" (Vertex AI): its own agent has to have this of the one account.
_ASKED_FOR: Final = re.compile(
    r"serviceAccount:service-\d+@gcp-sa-aiplatform\.iam\.gserviceaccount\.com'?"
    r" roles/iam\.serviceAccountAdmin"
)
_MANAGED_ADMIN: Final = re.compile(r"AdministratorAccess|PowerUserAccess|\w*FullAccess|IAMFullAccess")


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission. `*` in an action or a resource stands for any characters."""

    principal: str
    action: str
    resource: str
    condition: str = ""
    denies: bool = False
    on_itself: bool = False
    """Whether `*` as resource means the one thing that the policy is attached to."""
    on_project: bool = False
    """Whether the resource is a whole project of Google Cloud: all in it that the role is for."""
    on_endpoint: bool = False
    """Whether it is of the policy of what answers calls, which a role of one's own may let somebody do."""

    def covers(self, other: Grant) -> bool:
        """Whether whoever has this one may do all that the other allows."""
        return (
            self.denies == other.denies
            and (self.principal == other.principal or self.principal in PUBLIC)
            and _matches(self.action.lower(), other.action.lower())
            and _matches(self.resource, other.resource)
            and self.condition in ("", other.condition)
        )

    @property
    def calls(self) -> bool:
        """Whether it is the permission to call an endpoint."""
        return self.on_endpoint or _CALLING.fullmatch(self.action) is not None

    def __str__(self) -> str:
        return f"{value(self.action)}{_place(self.resource, self.condition)}"


def beyond(grants: Iterable[Grant], others: Collection[Grant]) -> Iterator[Grant]:
    """Those that none of the others covers."""
    yield from (grant for grant in grants if not any(other.covers(grant) for other in others))


def is_broad(grant: Grant) -> bool:
    """Whether it is more than an endpoint needs: every action or resource, or an administrator's role."""
    action = grant.action
    if grant.denies or (grant.on_itself and grant.principal.endswith(":root'")):
        return False  # the account itself: what a key's default policy says, and IAM decides who that is
    if not grant.on_project and _ASKED_FOR.search(f"{grant.principal} {action}"):
        return False
    if action == "*" or action.endswith((":*", " *")) or _is_admin(action):
        return True
    if grant.on_project and not grant.condition and not _ONLY_ON_PROJECT.fullmatch(action):
        return True
    if grant.resource == "* named *":  # as read from a Kubernetes role
        return True
    return grant.resource == "*" and not grant.on_itself and not _ONLY_ON_ALL.fullmatch(action)


def _is_admin(action: str) -> bool:
    kind, _, role = action.partition(" ")
    if action.startswith("roles/"):
        return action in {"roles/owner", "roles/editor"} or action.lower().endswith("admin")
    if kind == "role":
        return role in {"Owner", "Contributor", "cluster-admin", "admin"} or "Administrator" in role
    return kind == "policy" and _MANAGED_ADMIN.fullmatch(role) is not None


def sentence_of(grants: Collection[Grant], verb: str, most: int = 4) -> str:
    """`role 'a' now has 's3:GetObject' on '…'; …`, one part for each principal."""
    by_principal: dict[str, dict[tuple[str, str], list[str]]] = {}
    for grant in grants:
        places = by_principal.setdefault(grant.principal, {})
        actions = places.setdefault((grant.resource, grant.condition), [])
        if (action := value(grant.action)) not in actions:
            actions.append(action)
    parts = []
    for principal, places in by_principal.items():
        count = sum(map(len, places.values()))
        said, room = [], most
        for (resource, condition), actions in places.items():
            shown, room = actions[:room], max(room - len(actions), 0)
            if shown:
                said.append(f"{_joined(shown)}{_place(resource, condition)}")
        more = [f"{count - most} more"] if count > most else []
        parts.append(f"{principal or 'whoever it is attached to'} {verb} {', '.join([*said, *more])}")
    return "; ".join(parts)


def _joined(actions: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(actions[:-1]), actions[-1]]))


def _place(resource: str, condition: str) -> str:
    return f"{f' on {value(resource)}' if resource else ''}{' under a condition' if condition else ''}"


def _matches(pattern: str, text: str) -> bool:
    return pattern == text or _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
