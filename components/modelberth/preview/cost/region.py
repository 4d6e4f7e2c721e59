"""Where a resource stands: its own region, its provider's, or that of what it names. Never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .resource import Resource, Undecided, inputs_of, outputs_of

__all__ = ["region_of"]

_OWN: Final = ("region", "location", "zone")
_PROVIDER: Final = {"aws": "region", "aws-native": "region", "gcp": "region", "azure-native": "location"}
_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):")
_LOCATION: Final = re.compile(r"projects/[^/]+/locations/(?P<region>[a-z]+-[a-z]+\d+)/")
_WITHIN: Final = {
    "gcp:kms/cryptoKey:CryptoKey": ("keyRing", "gcp:kms/keyRing:KeyRing"),
    "modelberth:vertex:DeployedModel": ("endpoint", "gcp:vertex/aiEndpoint:AiEndpoint"),
}
"""Types without a region of their own: the input that names what they are in, and the type of that."""
_ZONE: Final = {"aws": re.compile(r"(?<=\d)[a-z]$"), "gcp": re.compile(r"(?<=\d)-[a-z]$")}


def region_of(resource: Resource) -> str:
    """Region by the name that the price file uses.

    Raises:
        Undecided: it cannot be told.
    """
    inputs = inputs_of(resource.step, resource.side) or {}
    package = resource.step.package
    for name in _OWN:
        if resource.properties.has(name):
            return _plain(resource.properties.text(name), package)
    if resource.side == "before" and (deployed := _deployed(resource)):
        return deployed
    if around := _around(resource, inputs):
        return around
    found = {region for region in (*_providers(resource), *_named(resource, inputs)) if region}
    if not found:
        found = set(_groups(resource))
    if len(found) == 1:
        return found.pop()
    several = f": {', '.join(sorted(found))}" if found else ""
    raise Undecided(f"its region decides the price and cannot be told{several}")


def _deployed(resource: Resource) -> str:
    """Where the state says that it stands: the config of a plan is the one that is planned."""
    outputs, package = outputs_of(resource.step, "before"), resource.step.package
    for name in _OWN:
        if isinstance(value := outputs.get(name), str) and value:
            # Google gives some as the URL of the region.
            return _plain(value.rpartition("/")[2], package)
    zone, arn = outputs.get("availabilityZone"), outputs.get("arn")
    if isinstance(zone, str) and zone:
        return _plain(zone, package)
    match = _ARN.match(arn) if isinstance(arn, str) else None
    return match["region"] if match else ""


def _around(resource: Resource, inputs: Mapping[str, Any]) -> str:
    """Where that is what the resource is in; nothing for what has a place of its own."""
    if resource.kind not in _WITHIN:
        return ""
    name, kind = _WITHIN[resource.kind]
    value = inputs.get(name)
    if isinstance(value, str) and (match := _LOCATION.match(value)):
        return match["region"]
    around = resource.referred(name, kind)
    return region_of(around) if around else ""


def _providers(resource: Resource) -> list[str]:
    """The region of the resource's provider; of any of its package, where a plan does not say which it is.

    The engine tells nothing of a provider that it made by itself: that one has the stack's config.
    """
    package, plan = resource.step.package, resource.plan
    name = _PROVIDER.get(package, "")
    own = plan.by_urn.get(resource.step.provider)
    steps = [own] if own is not None else plan.by_type.get(f"pulumi:providers:{package}", ())
    values = [(inputs_of(step, resource.side) or {}).get(name) for step in steps]
    if not steps or (resource.step.provider and own is None):
        values = [plan.config.get(f"{package}:{name}")]
    return [_plain(value, package) for value in values if isinstance(value, str)]


def _named(resource: Resource, inputs: Mapping[str, Any]) -> list[str]:
    """The region in an availability zone or an ARN, where no provider says it."""
    if _providers(resource):
        return []
    zone = inputs.get("availabilityZone")
    if isinstance(zone, str):
        return [_plain(zone, resource.step.package)]
    return [
        match["region"]
        for value in (outputs_of(resource.step, resource.side).get("arn"), *inputs.values())
        if isinstance(value, str) and (match := _ARN.match(value))
    ]


def _groups(resource: Resource) -> list[str]:
    """Azure: what names no location stands where its resource group does."""
    if resource.step.package != "azure-native":
        return []
    groups = resource.anywhere("azure-native:resources:ResourceGroup")
    values = [inputs_of(group.step, resource.side) or {} for group in groups]
    return [
        _plain(value["location"], "azure-native")
        for value in values
        if isinstance(value.get("location"), str)
    ]


def _plain(name: str, package: str) -> str:
    """`West Europe` is `westeurope`, `us-central1-a` is in `us-central1`."""
    if package == "azure-native":
        return name.replace(" ", "").lower()
    zone = _ZONE.get(package.partition("-")[0])
    return zone.sub("", name) if zone else name
