"""Where the inputs of resources of Azure let everybody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .exposure import CONTROL_PLANE, FROM_OUTSIDE, INTERNET, Opening, Openings, is_everywhere, opens
from .rule import Rules, at, entries, found

__all__ = ["RULES"]

_Inputs = Mapping[str, Any]


def _container_app(inputs: _Inputs) -> Iterator[Opening]:
    limited = any(
        action == "Allow"
        for _, action in found(inputs, "configuration.ingress.ipSecurityRestrictions[].action")
    )
    if at(inputs, "configuration.ingress.external") is True and not limited:
        yield Opening("configuration.ingress.external", INTERNET, closed=FROM_OUTSIDE)


def _network_access(path: str) -> Openings:
    """Services whose `publicNetworkAccess` is `Enabled` unless given."""

    def openings(inputs: _Inputs) -> Iterator[Opening]:
        given = at(inputs, path)
        if given is None or given is True or str(given).lower() == "enabled":
            lets = "its network is open to the whole internet"
            yield Opening(path, lets, by_default=given is None, closed=FROM_OUTSIDE)

    return openings


def _registry(inputs: _Inputs) -> Iterator[Opening]:
    yield from _network_access("publicNetworkAccess")(inputs)
    if inputs.get("anonymousPullEnabled") is True:
        yield Opening("anonymousPullEnabled", "anybody may pull the images")


def _storage(inputs: _Inputs) -> Iterator[Opening]:
    yield from _network_access("publicNetworkAccess")(inputs)
    if inputs.get("allowBlobPublicAccess") is True:
        yield Opening("allowBlobPublicAccess", "its containers may be opened to everybody")


def _blobs(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("publicAccess") in ("Blob", "Container"):
        yield Opening("publicAccess", "anybody may read the blobs")


def _aks(inputs: _Inputs) -> Iterator[Opening]:
    private = at(inputs, "apiServerAccessProfile.enablePrivateCluster")
    ranges = entries(at(inputs, "apiServerAccessProfile.authorizedIPRanges"))
    if private is not True and not (ranges and not any(map(is_everywhere, ranges))):
        path = "apiServerAccessProfile.enablePrivateCluster"
        yield Opening(path, CONTROL_PLANE, by_default=private is None and not ranges)


def _nsg_rule(inputs: _Inputs) -> Iterator[Opening]:
    sources = [inputs.get("sourceAddressPrefix"), *entries(inputs.get("sourceAddressPrefixes"))]
    if (
        inputs.get("access") == "Allow"
        and inputs.get("direction") == "Inbound"
        and any(map(is_everywhere, sources))
    ):
        port = inputs.get("destinationPortRange", "any")
        yield Opening("sourceAddressPrefix", f"{INTERNET} on port {port}")


def _nsg(inputs: _Inputs) -> Iterator[Opening]:
    for place, rule in found(inputs, "securityRules[]"):
        for opening in _nsg_rule(rule) if isinstance(rule, Mapping) else ():
            yield Opening(f"{place}.{opening.path}", opening.lets)


RULES: Rules = {
    "azure-native:app:ContainerApp": (opens(_container_app),),
    "azure-native:app:ManagedEnvironment": (opens(_network_access("publicNetworkAccess")),),
    "azure-native:machinelearningservices:Workspace": (opens(_network_access("publicNetworkAccess")),),
    "azure-native:machinelearningservices:OnlineEndpoint": (
        opens(_network_access("properties.publicNetworkAccess")),
    ),
    "azure-native:keyvault:Vault": (opens(_network_access("properties.publicNetworkAccess")),),
    "azure-native:cognitiveservices:Account": (opens(_network_access("properties.publicNetworkAccess")),),
    "azure-native:containerregistry:Registry": (opens(_registry),),
    "azure-native:storage:StorageAccount": (opens(_storage),),
    "azure-native:storage:BlobContainer": (opens(_blobs),),
    "azure-native:containerservice:ManagedCluster": (opens(_aks),),
    "azure-native:network:NetworkSecurityGroup": (opens(_nsg),),
    "azure-native:network:SecurityRule": (opens(_nsg_rule),),
}
