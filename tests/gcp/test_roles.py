"""What each service account may, by IAM's rules: all that runs as it asks for, and no canary."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.clouds.graph import Graph
from support.gcp.access import accounts, rights_of
from support.gcp.modes import MODES, graph_of, mode_of
from support.gcp.uses import Use, uses
from support.gcp_blocks import PLACE
from support.gcp_iam import ROLES

PROJECT = f"projects/{PLACE.project}"
SOME_MODEL = "projects/_/buckets/models/objects/iris/3.onnx"
SOME_SECRET = f"{PROJECT}/secrets/payroll/versions/1"

_WITHOUT_TAKER = ("blocks: ",)
"""Modes that are parts of an endpoint: an account may be there for what is not."""

_ASKED_FOR = ("bigquery.tables.getData", "bigquery.tables.updateData")
"""What an account of the blocks is granted beside what it needs, because the program says so."""

CANARIES = (
    ("storage.objects.get", "projects/_/buckets/payroll/objects/2026.csv"),
    ("storage.objects.get", "{bucket}/objects/other/model.onnx"),
    ("storage.objects.get", "{model}.bak"),
    ("storage.objects.list", "projects/_/buckets/payroll"),
    ("storage.objects.create", "{model}"),
    ("storage.objects.delete", "{model}"),
    ("storage.buckets.setIamPolicy", "{bucket}"),
    ("secretmanager.versions.access", SOME_SECRET),
    ("bigquery.tables.getData", f"{PROJECT}/datasets/payroll/tables/all"),
    ("bigquery.tables.updateData", f"{PROJECT}/datasets/payroll/tables/all"),
    (
        "artifactregistry.repositories.uploadArtifacts",
        f"{PROJECT}/locations/europe-west4/repositories/models",
    ),
    ("cloudkms.cryptoKeyVersions.useToDecrypt", f"{PROJECT}/locations/europe-west4/keyRings/a/cryptoKeys/b"),
    ("iam.serviceAccounts.getAccessToken", f"{PROJECT}/serviceAccounts/{PLACE.service_account('admin')}"),
    ("iam.serviceAccounts.actAs", f"{PROJECT}/serviceAccounts/{PLACE.service_account('admin')}"),
    ("iam.serviceAccountKeys.create", f"{PROJECT}/serviceAccounts/{PLACE.service_account('admin')}"),
    ("resourcemanager.projects.setIamPolicy", PROJECT),
    ("run.services.update", f"{PROJECT}/locations/europe-west4/services/iris"),
    ("run.routes.invoke", f"{PROJECT}/locations/europe-west4/services/payroll"),
    ("aiplatform.endpoints.deploy", f"{PROJECT}/locations/europe-west4/endpoints/1"),
    ("aiplatform.endpoints.predict", f"{PROJECT}/locations/europe-west4/endpoints/2"),
    ("container.clusters.getCredentials", f"{PROJECT}/locations/europe-west4/clusters/payroll"),
    ("compute.instances.create", PROJECT),
    ("logging.logEntries.list", PROJECT),
    ("logging.buckets.delete", f"{PROJECT}/locations/europe-west4/buckets/iris"),
    ("monitoring.alertPolicies.delete", PROJECT),
)


def wrong(graph: Graph) -> list[Any]:
    """Uses of accounts that are refused, and canaries that are not."""
    found: list[Any] = []
    for account in accounts(graph):
        email = account.outputs["email"]
        rights, needed = rights_of(graph, email), uses(graph, email)
        alone = mode_of(account.name).startswith(_WITHOUT_TAKER)
        assert needed or alone, f"nothing is known to run as {account.name}"
        found += [("refused", account.name, *use) for use in needed if not rights.allow(*use)]
        found += [("allowed", account.name, *use) for use in canaries(needed) if rights.allow(*use)]
    return found


def canaries(needed: set[Use]) -> Iterator[Use]:
    """What no account may, beside what this one is used for."""
    model = next((on for may, on in sorted(needed) if may == "storage.objects.get"), SOME_MODEL)
    words = {"{model}": model, "{bucket}": model.partition("/objects/")[0]}
    for permission, on in CANARIES:
        for word, meant in words.items():
            on = on.replace(word, meant)  # noqa: PLW2901
        if (permission, on) not in needed:
            yield permission, on


def test_every_account_may_what_it_is_used_for_and_no_canary() -> None:
    made = 0
    for mode in MODES:
        graph = graph_of(mode)
        allowed = _ASKED_FOR if mode == "blocks: everything" else ()
        assert [one for one in wrong(graph) if one[2] not in allowed] == [], mode
        made += len(accounts(graph))
    assert made >= 30
    assert len(CANARIES) >= 25


def test_a_canary_could_be_allowed() -> None:
    """Each role that is granted anywhere is known with the permissions that the canaries are about."""
    known = {permission for permissions in ROLES.values() for permission in permissions}
    assert len(known & {permission for permission, _ in CANARIES}) >= 6


@pytest.mark.parametrize(
    ("role", "condition", "finding"),
    [
        ("roles/storage.objectViewer", None, ("allowed", "storage.objects.get")),
        ("roles/bigquery.dataEditor", None, ("allowed", "bigquery.tables.getData")),
        ("roles/secretmanager.secretAccessor", None, ("allowed", "secretmanager.versions.access")),
        (None, None, ("refused", "logging.logEntries.create")),
    ],
    ids=["every object", "every table", "every secret", "nothing at all"],
)
def test_an_account_with_other_rights_goes_red(
    role: str | None, condition: None, finding: tuple[str, str]
) -> None:
    found = wrong(_with_role(graph_of("cloud run: minimal"), role, condition))
    assert finding in {(kind, permission) for kind, _, permission, _ in found}


def _with_role(graph: Graph, role: str | None, condition: None) -> Graph:
    """The graph with another role in the place of that for logs; None: without it."""
    changed = []
    for one in graph.resources:
        if one.inputs.get("role") == "roles/logging.logWriter":
            inputs = {**one.inputs, "role": role or "roles/cloudtrace.agent", "condition": condition}
            changed.append(replace(one, inputs=inputs))
        else:
            changed.append(one)
    return Graph(tuple(changed))
