"""IAM's decision for one request, after "Policies" of its documentation, as far as we need it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelberth.gcp.grants import Condition, Grant, Scope
from support.recording import Registered

# Of each role what bears on the tests (IAM, "Predefined roles"); a role that is not here is an error, so that
# nobody grants one that no test has looked at.
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "roles/artifactregistry.reader": frozenset({"artifactregistry.repositories.downloadArtifacts"}),
    "roles/bigquery.dataEditor": frozenset({"bigquery.tables.getData", "bigquery.tables.updateData"}),
    "roles/cloudtrace.agent": frozenset({"cloudtrace.traces.patch"}),
    "roles/container.defaultNodeServiceAccount": frozenset(
        {"logging.logEntries.create", "monitoring.timeSeries.create"}
    ),
    "roles/iam.workloadIdentityUser": frozenset({"iam.serviceAccounts.getAccessToken"}),
    "roles/logging.logWriter": frozenset({"logging.logEntries.create"}),
    "roles/monitoring.metricWriter": frozenset({"monitoring.timeSeries.create"}),
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/storage.objectCreator": frozenset({"storage.objects.create"}),
    "roles/storage.objectViewer": frozenset({"storage.objects.get", "storage.objects.list"}),
}
_KINDS: Final[Mapping[str, Scope]] = {
    "gcp:projects/iAMMember:IAMMember": "project",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "bucket",
    "gcp:secretmanager/secretIamMember:SecretIamMember": "secret",
}
_TERM: Final = re.compile(r'resource\.name(?:\.(?P<call>startsWith)\((?P<of>".*")\)| == (?P<is>".*"))')
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


def allows(grants: Iterable[Grant], permission: str, resource: str) -> bool:
    """Tell whether one of the grants allows it; of a project everything, as if all were in it."""
    return any(
        permission in ROLES[one.role] and _is_in(one, resource) and holds(one.condition, resource)
        for one in grants
    )


def holds(condition: Condition | None, resource: str) -> bool:
    """Decide a condition on `resource.name`: terms with `startsWith` or `==`, of which one has to hold."""
    if condition is None:
        return True
    strings: list[str] = []

    def kept(found: re.Match[str]) -> str:
        strings.append(json.loads(found[0]))
        return f'"{len(strings) - 1}"'

    terms = [_TERM.fullmatch(term) for term in _STRING.sub(kept, condition.expression).split(" || ")]
    assert all(terms), f"not known here: {condition.expression}"
    return any(_term(term, strings, resource) for term in terms if term is not None)


def granted(resources: Iterable[Registered]) -> list[Grant]:
    """The grants that were registered, as a recorder has them, in the order of their registration."""
    found = (grant_of(one.type, one.name, one.inputs) for one in resources)
    return [one for one in found if one is not None]


def grant_of(token: str, name: str, inputs: Mapping[str, Any]) -> Grant | None:
    """The grant that a resource makes, by its type, its name and its inputs; None: it is of another type."""
    if (scope := _KINDS.get(token)) is None:
        return None
    given = inputs.get("condition")
    condition = Condition(given["title"], given["expression"]) if given else None
    return Grant(name, inputs["role"], scope, _resource(scope, inputs), condition)


def _resource(scope: Scope, given: Mapping[str, Any]) -> str:
    match scope:
        case "project":
            return str(given["project"])
        case "bucket":
            return str(given["bucket"])
        case "secret":
            return f"projects/{given['project']}/secrets/{given['secretId']}"


def _term(term: re.Match[str], strings: list[str], resource: str) -> bool:
    if term["call"] is not None:
        return resource.startswith(strings[int(term["of"].strip('"'))])
    return resource == strings[int(term["is"].strip('"'))]


def _is_in(grant: Grant, resource: str) -> bool:
    match grant.scope:
        case "project":
            return True
        case "bucket":
            name = f"projects/_/buckets/{grant.resource}"
            return resource == name or resource.startswith(f"{name}/")
        case "secret":
            return resource == grant.resource or resource.startswith(f"{grant.resource}/")
