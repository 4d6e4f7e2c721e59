"""The same questions of endpoints in Google Cloud: by IAM's grants, and by how an address is reached."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.preview.effects.grant_readers import READERS
from modelberth.preview.effects.grants import Grant, is_broad
from modelberth.preview.effects.rule import at, entries, found, matching, texts
from modelberth.preview.effects.wording import code, listed, value
from modelberth.preview.plan import Marker, Step

__all__ = ["callers", "may", "reading", "takes_down"]

_SERVICE: Final = "gcp:cloudrunv2/service:Service"
_ENDPOINT: Final = "gcp:vertex/aiEndpoint:AiEndpoint"
_DEPLOYED: Final = "modelberth:vertex:DeployedModel"
_POOL: Final = "gcp:container/nodePool:NodePool"
_ACCOUNT: Final = "gcp:serviceaccount/account:Account"
_POD_ACCOUNT_OF: Final = "iam.gke.io/gcp-service-account"
_READS: Final = re.compile(r"roles/.*(viewer|reader|accessor|decrypter)", re.IGNORECASE)
_BUCKET: Final = "gs://"
_KINDS: Final = {
    "gcp:projects/": "project ",
    "gcp:artifactregistry/": "repository ",
    "gcp:secretmanager/": "secret ",
    "gcp:serviceaccount/": "service account ",
    "gcp:kms/": "key ",
    "gcp:bigquery/": "data of ",
}
"""What a grant is on, by the beginning of its type; of a bucket its address tells it."""
_INTO_CLUSTERS: Final = re.compile(r"roles/container\..+")
_MOST: Final = 6
_WIDE: Final = ", which is more than an endpoint needs"
_INGRESS: Final = {
    "INGRESS_TRAFFIC_ALL": "from the internet",
    "INGRESS_TRAFFIC_INTERNAL_ONLY": "from the project's networks alone",
    "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": "from the project's networks and Google's load balancers",
}


def callers(owner: Step, steps: Sequence[Step]) -> Iterator[str]:
    """Who may call what answers in Google Cloud, a sentence without an end for each kind of caller."""
    for step in _of(steps, _SERVICE):
        place = _INGRESS.get(str(at(step.after, "ingress", "INGRESS_TRAFFIC_ALL")), "from where it lets them")
        if at(step.after, "invokerIamDisabled") is True:
            yield f"anybody {place}, without credentials"
        else:
            yield f"{_whom(owner, step)} let `run.routes.invoke`, {place}: every request carries a token"
        yield from _members(steps, "gcp:cloudrunv2/serviceIam", place)
    for step in _of(steps, _ENDPOINT):
        place = _address(step.after or {})
        said = f"let `aiplatform.endpoints.predict`, {place}: every request carries a token"
        yield f"{_whom(owner, step)} {said}"
        yield from _members(steps, "gcp:vertex/aiEndpointIam", place)
    for step in steps:
        role, who = (at(step.after, key) for key in ("role", "member"))
        is_let_in = isinstance(role, str) and _INTO_CLUSTERS.fullmatch(role) is not None
        if is_let_in and isinstance(who, str) and who not in map(_member, _of(steps, _ACCOUNT)):
            yield f"{code(who)}, who is let into the project's clusters ({code(str(role))})"


def reading(steps: Sequence[Step]) -> Iterator[str]:
    """What the endpoint's own account may read; of one that is made elsewhere, that its owner says."""
    yield from _said(steps, reads=True)
    if not _of(steps, _ACCOUNT):
        for email in dict.fromkeys(_runs_as(steps)):
            made = "a service account that this stack does not make"
            yield f"what {code(email)} may, {made}: its owner says what"


def may(steps: Sequence[Step]) -> Iterator[str]:
    """What else the endpoint's own account may do."""
    yield from _said(steps, reads=False)


def takes_down(steps: Sequence[Step]) -> Iterator[str]:
    """What there is one of: a replica, or a zone."""
    for step in _of(steps, _DEPLOYED):
        for _, share in found(step.after, "shares[]"):
            if at(share, "minReplicas", 1) == 1:
                kind, model = value(at(share, "machineType")), at(share, "model")
                of = value(model.rpartition("/")[2]) if isinstance(model, str) else "the new version"
                yield f"one replica, or its machine {kind}: {of} has no second one at its least"
    for step in _of(steps, _SERVICE):
        if at(step.after, "template.nodeSelector.accelerator") and (
            at(step.after, "template.gpuZonalRedundancyDisabled") is True
        ):
            yield f"the zone that {code(step.name)} has its GPU in: it has no capacity for one in another"
    for step in _of(steps, _POOL):
        zones = texts(at(step.after, "nodeLocations"))
        if len(zones) == 1:
            yield f"the zone {value(zones[0])}: all machines of {code(step.name)} are in it"


def _whom(owner: Step, step: Step) -> str:
    project = at(owner.inputs, "target.project") or at(step.after, "project")
    policies = "whom IAM policies"
    return f"{policies} in project {code(project)}" if isinstance(project, str) else policies


def _address(inputs: Mapping[str, Any]) -> str:
    """By which way callers reach an endpoint of Vertex AI."""
    private = at(inputs, "privateServiceConnectConfig")
    if at(private, "enablePrivateServiceConnect") is True:
        projects = texts(at(private, "projectAllowlists"))
        of = f" of {listed([code(one) for one in projects], _MOST)}" if projects else ""
        return f"by Private Service Connect from networks{of}"
    if isinstance(network := inputs.get("network"), str):
        return f"from the network {code(network)}"
    if inputs.get("dedicatedEndpointEnabled") is True:
        return "by an address of its own on the internet"
    return "by the region's address on the internet, which endpoints share"


def _members(steps: Sequence[Step], prefix: str, place: str) -> Iterator[str]:
    """Whom the policy of what answers names itself."""
    for step in steps:
        reader = matching(READERS, step.type) if step.type.startswith(prefix) else None
        if reader is None or not any(grant.calls for grant in reader(step.after or {}, step)):
            continue
        for who in texts([at(step.after, "member"), *entries(at(step.after, "members"))]):
            match who:
                case "allUsers":
                    yield f"anybody {place}, without credentials"
                case "allAuthenticatedUsers":
                    yield f"anybody with a Google account, {place}"
                case _:
                    yield f"{code(who)}, {place}, by the endpoint's own policy"


def _said(steps: Sequence[Step], *, reads: bool) -> Iterator[str]:
    accounts = _of(steps, _ACCOUNT)
    by_place: dict[tuple[str, str, bool], list[str]] = {}
    for step in steps:
        for account, grant in _own_grants(step, accounts):
            if (_READS.fullmatch(grant.action) is not None) is reads:
                who = f"{code(account.name)}: " if len(accounts) > 1 else ""
                by_place.setdefault((who, _where(grant, step), is_broad(grant)), []).append(grant.action)
    for (who, where, is_wide), roles in by_place.items():
        allowed = listed([code(role) for role in dict.fromkeys(roles)], _MOST) + (_WIDE if is_wide else "")
        yield f"{who}{where}: {allowed}" if where else f"{who}{allowed}"


def _own_grants(step: Step, accounts: Sequence[Step]) -> Iterator[tuple[Step, Grant]]:
    """What an account that is made here is granted, with the account."""
    reader = matching(READERS, step.type) if step.type.startswith("gcp:") else None
    account = _holder(step, accounts)
    if reader is not None and account is not None:
        for grant in reader({**(step.after or {}), "member": account.name}, step):
            yield account, grant


def _holder(step: Step, accounts: Sequence[Step]) -> Step | None:
    """Whose grant it is: of an account whose address is not known yet, what is beside it."""
    who = at(step.after, "member")
    if isinstance(who, str):
        return next((account for account in accounts if who == _member(account)), None)
    beside = [account for account in accounts if account.parent == step.parent]
    return beside[0] if who is Marker.UNKNOWN and len(beside) == 1 else None


def _member(account: Step) -> str:
    name, project = at(account.after, "accountId"), at(account.after, "project")
    return f"serviceAccount:{name}@{project}.iam.gserviceaccount.com"


def _where(grant: Grant, step: Step) -> str:
    if not grant.resource:
        return ""
    if grant.resource.startswith(_BUCKET):
        return code(grant.resource)
    kind = next((word for prefix, word in _KINDS.items() if step.type.startswith(prefix)), "")
    place = f"{kind}{code(grant.resource)}" if kind else code(f"{_BUCKET}{grant.resource}")
    return f"{place} under a condition" if grant.condition else place


def _runs_as(steps: Sequence[Step]) -> Iterator[str]:
    """Service accounts that something of the endpoint runs as."""
    for step in steps:
        match step.type:
            case "gcp:cloudrunv2/service:Service":
                named = [at(step.after, "template.serviceAccount")]
            case "modelberth:vertex:DeployedModel":
                named = [account for _, account in found(step.after, "shares[].serviceAccount")]
            case "kubernetes:core/v1:ServiceAccount":
                annotations = at(step.after, "metadata.annotations")
                named = [annotations.get(_POD_ACCOUNT_OF)] if isinstance(annotations, Mapping) else []
            case _:
                named = []
        yield from texts(named)


def _of(steps: Sequence[Step], token: str) -> list[Step]:
    return [step for step in steps if step.type == token]
