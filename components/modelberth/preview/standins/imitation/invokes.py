"""Answers to the functions that programs ask a cloud: who and where am I, and a policy as JSON."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from modelberth.preview.standins.settings import StandInSettings
from modelberth.provider.resource import Properties, ResourceError

__all__ = ["Answer", "answer"]

Answer = Properties | Callable[[Properties], Properties]
"""What a function gives, or how to find it from its arguments."""

_SUFFIXES: Final = {"aws-cn": "amazonaws.com.cn"}


def answer(
    token: str, arguments: Properties, settings: StandInSettings, given: Mapping[str, Answer]
) -> Properties:
    """What the function gives: what a test says, or else what a cloud would plausibly say.

    Raises:
        ResourceError: nobody knows; the message says how to tell.
    """
    if token in given:
        told = given[token]
        return told(arguments) if callable(told) else told
    if token in _ANSWERS:
        return _ANSWERS[token](arguments, settings)
    raise ResourceError(
        f"function {token}: the stand-in does not know what it gives. "
        f'Say it in the test: StandIns(invokes={{"{token}": {{...}}}})'
    )


def _caller_identity(_: Properties, settings: StandInSettings) -> Properties:
    account = settings.aws_account
    arn = f"arn:{settings.aws_partition}:iam::{account}:user/stand-in"
    return {"id": account, "accountId": account, "arn": arn, "userId": "AIDASTANDIN"}


def _aws_region(arguments: Properties, settings: StandInSettings) -> Properties:
    region = arguments.get("region") or arguments.get("name") or settings.aws_region
    endpoint = f"ec2.{region}.{_dns_suffix(settings)}"
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": endpoint}


def _partition(_: Properties, settings: StandInSettings) -> Properties:
    suffix = _dns_suffix(settings)
    reverse = ".".join(reversed(suffix.split(".")))
    partition = settings.aws_partition
    return {"id": partition, "partition": partition, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _dns_suffix(settings: StandInSettings) -> str:
    return _SUFFIXES.get(settings.aws_partition, "amazonaws.com")


def _availability_zones(arguments: Properties, settings: StandInSettings) -> Properties:
    region = arguments.get("region") or settings.aws_region
    zones = "abc"
    return {
        "id": region,
        "region": region,
        "names": [f"{region}{zone}" for zone in zones],
        "zoneIds": [f"{region}-az{number}" for number, _ in enumerate(zones, 1)],
        "groupNames": [region],
    }


def _policy_document(arguments: Properties, _: StandInSettings) -> Properties:
    """The document as the provider writes it: one item is no list, several come in reverse order.

    Source: pulumi-aws, `aws.iam.getPolicyDocument`, which follows Terraform's `aws_iam_policy_document`.
    """
    sources = [json.loads(text) for text in arguments.get("sourcePolicyDocuments") or []]
    overrides = [json.loads(text) for text in arguments.get("overridePolicyDocuments") or []]
    statements: list[Properties] = []
    for source in sources:
        statements += source.get("Statement", [])
    statements += [_statement(statement) for statement in arguments.get("statements") or []]
    for override in overrides:
        for statement in override.get("Statement", []):
            sid = statement.get("Sid")
            statements = [known for known in statements if not sid or known.get("Sid") != sid]
            statements.append(statement)
    document: dict[str, Any] = {"Version": arguments.get("version") or "2012-10-17"}
    if policy_id := arguments.get("policyId"):
        document["Id"] = policy_id
    document["Statement"] = statements
    text = json.dumps(document, indent=2)
    return {
        **arguments,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _statement(said: Properties) -> Properties:
    written: dict[str, Any] = {"Sid": said["sid"]} if said.get("sid") else {}
    written["Effect"] = said.get("effect") or "Allow"
    for name in ("actions", "notActions", "resources", "notResources"):
        if said.get(name):
            written[f"{name[0].upper()}{name[1:-1]}"] = _one_or_many(said[name])
    for name in ("principals", "notPrincipals"):
        if said.get(name):
            written[f"{name[0].upper()}{name[1:-1]}"] = _principals(said[name])
    conditions: dict[str, dict[str, Any]] = {}
    for condition in said.get("conditions") or []:
        test = conditions.setdefault(condition["test"], {})
        test[condition["variable"]] = _one_or_many(condition["values"])
    return {**written, "Condition": conditions} if conditions else written


def _principals(said: Sequence[Properties]) -> Any:
    if any(principal["type"] == "*" for principal in said):
        return "*"
    by_kind: dict[str, list[str]] = {}
    for principal in said:
        by_kind.setdefault(principal["type"], []).extend(principal["identifiers"])
    return {kind: _one_or_many(identifiers) for kind, identifiers in by_kind.items()}


def _one_or_many(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else sorted(set(values), reverse=True)


def _gcp_project(arguments: Properties, settings: StandInSettings) -> Properties:
    project = arguments.get("projectId") or settings.gcp_project
    return {
        "id": f"projects/{project}",
        "projectId": project,
        "name": project,
        "number": settings.gcp_project_number,
        "labels": {},
    }


def _gcp_client(_: Properties, settings: StandInSettings) -> Properties:
    return {
        "id": settings.gcp_project,
        "project": settings.gcp_project,
        "region": settings.gcp_region,
        "zone": f"{settings.gcp_region}-a",
    }


def _azure_client(_: Properties, settings: StandInSettings) -> Properties:
    return {
        "clientId": "00000000-0000-4000-8000-00000000c11e",
        "objectId": "00000000-0000-4000-8000-00000000000b",
        "subscriptionId": settings.azure_subscription,
        "tenantId": settings.azure_tenant,
    }


_ANSWERS: Final[Mapping[str, Callable[[Properties, StandInSettings], Properties]]] = {
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _aws_region,
    "azure-native:authorization:getClientConfig": _azure_client,
    "gcp:organizations/getClientConfig:getClientConfig": _gcp_client,
    "gcp:organizations/getProject:getProject": _gcp_project,
}
