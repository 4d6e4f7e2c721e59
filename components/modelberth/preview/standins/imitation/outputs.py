"""What a provider computes when it has made a resource: plausible, and the same for the same resource.

Rows of `tables/outputs.toml` say it for the types that an AI endpoint uses. Of other types the arn, the links
and the rest follow from their names and shapes. Where an output is an input that the program left out, the
provider filled in a default that stands in no SDK: the emptiest value takes its place.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins.imitation import names, revisions, tables
from modelberth.preview.standins.imitation.plausible import WHEN, Seed, empty, plausible
from modelberth.preview.standins.imitation.replacements import unversioned
from modelberth.preview.standins.imitation.templates import Words, filled, text
from modelberth.preview.standins.sdk.types import ResourceType
from modelberth.preview.standins.settings import StandInSettings

__all__ = ["added", "computed", "id", "rows"]

_AWS: Final = ("aws", "aws-native")
_ARN: Final = "arn:{partition}:{service}:{region}:{account}:{kind}/{name}"
_ARNS: Final = {
    "iam": "arn:{partition}:iam::{account}:{kind}/{name}",
    "lambda": "arn:{partition}:lambda:{region}:{account}:{kind}:{name}",
    "s3": "arn:{partition}:s3:::{name}",
    "sns": "arn:{partition}:sns:{region}:{account}:{name}",
    "sqs": "arn:{partition}:sqs:{region}:{account}:{name}",
}
"""The forms of types without a row, by service; the rest is as most are."""

_PLACE: Final = {"aws": "region", "aws-native": "region", "gcp": "location", "azure-native": "location"}


def computed(
    type_: ResourceType,
    urn: str,
    name: str,
    inputs: Mapping[str, Any],
    settings: StandInSettings,
    revision: int = 1,
) -> dict[str, Any]:
    """What the provider adds to the inputs, by output; `name` is the resource's in the program.

    `revision` is how often it was made or changed in a way that the cloud counts (`revisions`).

    An output that is an input which was given is among it only where the provider adds something inside of it
    (`metadata.uid`, `configuration.ingress.fqdn`); it is then whole, so this goes over the inputs.
    """
    if type_.package.name == "kubernetes":
        return _of_kubernetes(type_, urn, name, inputs, settings)
    found, words, seed = _row(type_, urn, name, inputs, settings, revision)
    given = {key for key, value in inputs.items() if value is not None}
    for output, declared in type_.outputs.items():
        if output in given or output in found or declared.is_optional:
            continue
        common = _common(type_, output, inputs, words)
        if common is not None:
            found[output] = common
        elif output in type_.inputs:
            found[output] = empty(declared.shape)
        else:
            found[output] = plausible(output, declared.shape, seed, str(words["name"]))
    new = {
        output: value for output, value in found.items() if output in type_.outputs and output not in given
    }
    return {**added(inputs, found), **new}


def id(  # noqa: A001 - what the engine calls it
    type_: ResourceType, urn: str, name: str, inputs: Mapping[str, Any], settings: StandInSettings
) -> str:
    """The physical id: what the provider would import the resource by."""
    if type_.package.name == "kubernetes":
        metadata = _metadata(type_, urn, name, inputs)
        namespace = metadata.get("namespace")
        return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])
    found, words, seed = _row(type_, urn, name, inputs, settings)
    if "id" in found:
        return str(found["id"])
    if type_.package.name == "azure-native" and "resourceGroupName" in inputs:
        module, class_name = unversioned(type_.token).split(":")[1:]
        collection = f"Microsoft.{module.capitalize()}/{_plural(class_name)}"
        return f"{words['group']}/providers/{collection}/{words['name']}"
    return str(words["name"]) if words["is_named"] else seed.hex(17)


def added(inputs: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs inside of which a row adds something (`metadata.uid`), with it."""
    more: dict[str, Any] = {}
    for path, value in found.items():
        output, *inner = path.split(".")
        if inner and output in inputs:
            more[output] = _with(more.get(output, inputs[output]), inner, value)
    return more


def _with(value: Any, path: list[str], addition: Any) -> Any:
    """The value with something more inside, where what should hold it is there."""
    if not isinstance(value, Mapping):
        return value
    first, *rest = path
    if not rest:
        return {first: addition, **value}
    return {**value, first: _with(value[first], rest, addition)} if first in value else value


def rows() -> Mapping[str, Mapping[str, Any]]:
    """The templates of each type in the table."""
    table: Mapping[str, Mapping[str, Any]] = tables.read("outputs")["types"]
    return table


def _row(
    type_: ResourceType,
    urn: str,
    name: str,
    inputs: Mapping[str, Any],
    settings: StandInSettings,
    revision: int = 1,
) -> tuple[dict[str, Any], Words, Seed]:
    seed = Seed(urn)
    words = _words(type_, seed, name, inputs, settings)
    words["revision"] = text(revisions.name(type_.token, inputs, revision))
    words["revision_value"] = revision
    found: dict[str, Any] = {}
    for output, template in rows().get(unversioned(type_.token), {}).items():
        try:
            found[output] = filled(template, words)
        except KeyError:  # it takes an input that was not given
            continue
        words[output] = text(found[output])
    return found, words, seed


def _words(
    type_: ResourceType, seed: Seed, name: str, inputs: Mapping[str, Any], settings: StandInSettings
) -> Words:
    package = type_.package.name
    place = {
        "aws": settings.aws_region,
        "aws-native": settings.aws_region,
        "gcp": inputs.get("region") or settings.gcp_region,
        "azure-native": settings.azure_location,
    }.get(package, "")
    named = names.name_property(type_.token)
    physical = inputs.get(named) if named else None
    group = (
        f"/subscriptions/{settings.azure_subscription}/resourceGroups/{inputs.get('resourceGroupName', '')}"
    )
    known: dict[str, Any] = {
        "partition": settings.aws_partition,
        "dns": "amazonaws.com.cn" if settings.aws_partition == "aws-cn" else "amazonaws.com",
        "account": settings.aws_account,
        "region": settings.aws_region,
        "project": settings.gcp_project,
        "project_number": settings.gcp_project_number,
        "project_number_value": int(settings.gcp_project_number),
        "subscription": settings.azure_subscription,
        "tenant": settings.azure_tenant,
        "group": group,
        "location": place,
        "sha256": base64.b64encode(bytes.fromhex(seed.hex(64))).decode(),
        "uuid": seed.uuid(),
        "uuid2": seed.uuid("2"),
        "address": seed.address(),
        "when": WHEN,
    }
    given = {key: text(value) for key, value in inputs.items() if isinstance(value, str | int | float)}
    made = physical or names.autoname(type_.token, name, seed.hex(16)) or name
    if named and (prefix := inputs.get(f"{named}Prefix")):
        made = f"{prefix}{seed.digits(26)}"  # a time and a counter, in a bridged provider
    environment = str(inputs.get("environmentId") or inputs.get("managedEnvironmentId") or "")
    environment = environment.rpartition("/")[2]
    if environment:
        region = given.get("location", place)
        known["environmentDomain"] = f"{environment.lower()}.{region}.azurecontainerapps.io"
    return Words(
        seed,
        given
        | {key: text(value) for key, value in known.items()}
        | {key: given[key] for key in ("location", "project", "region") if key in given}
        | {"name": text(made), "is_named": named is not None},
    )


def _common(type_: ResourceType, output: str, inputs: Mapping[str, Any], words: Words) -> Any:
    """What every type of a package has alike."""
    package = type_.package.name
    if output == names.name_property(type_.token):
        return str(words["name"])
    match output:
        case "azureApiVersion":
            return WHEN[:10]
        case "tagsAll":
            return dict(inputs.get("tags") or {})
        case "effectiveLabels" | "pulumiLabels":
            return dict(inputs.get("labels") or {})
        case "effectiveAnnotations":
            return dict(inputs.get("annotations") or {})
        case "region" | "location" if package in _PLACE:
            return str(words[_PLACE[package]])
        case "project" | "tenantId" | "name":
            return str(words["tenant" if output == "tenantId" else output])
        case "accountId" | "ownerId" | "registryId" if package in _AWS:
            return str(words["account"])
        case "arn" if package in _AWS:
            service, kind = type_.token.split(":")[1].partition("/")[0], type_.token.rpartition(":")[2]
            kind = f"{kind[0].lower()}{kind[1:]}"
            return _ARNS.get(service, _ARN).format(service=service, kind=kind, **words)
        case _:
            return None


def _plural(class_name: str) -> str:
    return f"{class_name[0].lower()}{class_name[1:]}s"


def _metadata(type_: ResourceType, urn: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(inputs.get("metadata") or {})
    made = given.get("name") or names.autoname(type_.token, name, Seed(urn).hex(16)) or name
    return {**given, "name": made}


def _of_kubernetes(
    type_: ResourceType, urn: str, name: str, inputs: Mapping[str, Any], settings: StandInSettings
) -> dict[str, Any]:
    seed = Seed(urn)
    group_version, kind = type_.token.split(":")[1:]
    spec = inputs.get("spec")
    words = _words(type_, seed, name, inputs, settings)
    words["replicas"] = spec.get("replicas", 1) if isinstance(spec, Mapping) else 1
    made = {
        "uid": seed.uuid(),
        "resourceVersion": seed.digits(6),
        "generation": 1,
        "creationTimestamp": WHEN,
    }
    found = {
        "apiVersion": group_version.removeprefix("core/"),
        "kind": kind.removesuffix("Patch"),
        "metadata": {**made, **_metadata(type_, urn, name, inputs)},
        **filled(dict(rows().get(type_.token, {})), words),
    }
    shown = {key: value for key, value in found.items() if type_.is_open or key in type_.outputs}
    return {**added(inputs, found), **shown}
