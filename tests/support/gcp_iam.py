"""IAM's decision for one request, after "Policies" of its documentation, as far as we need it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelberth.gcp.grants import Condition, Grant

# Of each role what bears on the tests (IAM, "Predefined roles"); a role that is not here is an error, so that
# nobody grants one that no test has looked at.
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "roles/artifactregistry.reader": frozenset({"artifactregistry.repositories.downloadArtifacts"}),
    "roles/bigquery.dataEditor": frozenset({"bigquery.tables.getData", "bigquery.tables.updateData"}),
    "roles/cloudtrace.agent": frozenset({"cloudtrace.traces.patch"}),
    "roles/iam.workloadIdentityUser": frozenset({"iam.serviceAccounts.getAccessToken"}),
    "roles/logging.logWriter": frozenset({"logging.logEntries.create"}),
    "roles/monitoring.metricWriter": frozenset({"monitoring.timeSeries.create"}),
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/storage.objectCreator": frozenset({"storage.objects.create"}),
    "roles/storage.objectViewer": frozenset({"storage.objects.get", "storage.objects.list"}),
}
_KINDS: Final = {
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


def granted(resources: Iterable[Any]) -> list[Grant]:
    """The grants that were registered, as a recorder has them, in the order of their registration."""
    found = []
    for one in resources:
        if one.type not in _KINDS:
            continue
        given, scope = one.inputs, _KINDS[one.type]
        resource = {
            "project": lambda: given["project"],
            "bucket": lambda: given["bucket"],
            "secret": lambda: f"projects/{given['project']}/secrets/{given['secretId']}",
        }[scope]()
        condition = given.get("condition") and Condition(**given["condition"])
        found.append(Grant(one.name, given["role"], scope, resource, condition))  # type: ignore[arg-type]
    return found


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
