"""Where the inputs of resources of Google Cloud let everybody in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .exposure import CONTROL_PLANE, FROM_OUTSIDE, INTERNET, UNSIGNED, Opening, is_everywhere, opens
from .grants import PUBLIC
from .rule import Rules, at, entries, found, texts

__all__ = ["RULES"]

_Inputs = Mapping[str, Any]


def _gcp_iam(inputs: _Inputs) -> Iterator[Opening]:
    members = [("member", inputs.get("member"))]
    members += [(f"members[{i}]", who) for i, who in enumerate(texts(inputs.get("members")))]
    for path, who in members:
        if isinstance(who, str) and who in PUBLIC:
            yield Opening(path, f"{_EVERYBODY[who]} has {inputs.get('role')}")


def _gcp_iam_policy(inputs: _Inputs) -> Iterator[Opening]:
    try:
        policy = json.loads(inputs.get("policyData") or "{}")
    except (TypeError, ValueError):
        return
    for binding in entries(at(policy, "bindings")):
        for who in texts(at(binding, "members")):
            if who in PUBLIC:
                yield Opening("policyData", f"{_EVERYBODY[who]} has {at(binding, 'role')}")


_EVERYBODY: Final = {
    "*": "everybody",
    "allUsers": "everybody",
    "allAuthenticatedUsers": "everybody with a Google account",
}


def _cloud_run(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("ingress", _ALL_TRAFFIC) == _ALL_TRAFFIC:
        # Callers still need the invoker's role.
        yield Opening("ingress", INTERNET, by_default=True, closed=FROM_OUTSIDE)
    if inputs.get("invokerIamDisabled") is True:
        lets = "anybody may call it without credentials"
        yield Opening("invokerIamDisabled", lets, closed=UNSIGNED)


_ALL_TRAFFIC: Final = "INGRESS_TRAFFIC_ALL"


def _vertex(inputs: _Inputs) -> Iterator[Opening]:
    if not inputs.get("network") and not at(
        inputs, "privateServiceConnectConfig.enablePrivateServiceConnect"
    ):
        yield Opening("network", INTERNET, by_default=True)


def _gke(inputs: _Inputs) -> Iterator[Opening]:
    private = at(inputs, "privateClusterConfig.enablePrivateEndpoint")
    ranges = [one for _, one in found(inputs, "masterAuthorizedNetworksConfig.cidrBlocks[].cidrBlock")]
    limited = "masterAuthorizedNetworksConfig" in inputs and not any(map(is_everywhere, ranges))
    has_address = at(inputs, "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled", default=True)
    if has_address is not False and private is not True and not limited:
        path = "privateClusterConfig.enablePrivateEndpoint"
        yield Opening(path, CONTROL_PLANE, by_default=private is None and not ranges)
    path = "masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled"
    if has_address is not False and private is not True and limited and at(inputs, path) is True:
        yield Opening(path, "its control plane answers every machine in Google Cloud")
    path = "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic"
    if at(inputs, path) is True:
        # IAM asks every caller who he is before the control plane does.
        yield Opening(path, f"{CONTROL_PLANE} by its DNS name", by_default=True)


def _firewall(inputs: _Inputs) -> Iterator[Opening]:
    if (
        inputs.get("direction", "INGRESS") == "INGRESS"
        and inputs.get("disabled") is not True
        and entries(inputs.get("allows"))
        and any(is_everywhere(one) for one in entries(inputs.get("sourceRanges")))
    ):
        yield Opening("sourceRanges", INTERNET)


def _gcs(inputs: _Inputs) -> Iterator[Opening]:
    if inputs.get("publicAccessPrevention") != "enforced":
        yield Opening("publicAccessPrevention", "the bucket may be opened to everybody", by_default=True)


def _sql(inputs: _Inputs) -> Iterator[Opening]:
    for place, one in found(inputs, "settings.ipConfiguration.authorizedNetworks[].value"):
        if is_everywhere(one):
            yield Opening(place, INTERNET)


RULES: Rules = {
    "gcp:sql/databaseInstance:DatabaseInstance": (opens(_sql),),
    "gcp:*:*I[aA][mM]Member": (opens(_gcp_iam),),
    "gcp:*:*I[aA][mM]Binding": (opens(_gcp_iam),),
    "gcp:*:*I[aA][mM]Policy": (opens(_gcp_iam_policy),),
    "gcp:cloudrunv2/service:Service": (opens(_cloud_run),),
    "gcp:vertex/aiEndpoint:AiEndpoint": (opens(_vertex),),
    "gcp:container/cluster:Cluster": (opens(_gke),),
    "gcp:compute/firewall:Firewall": (opens(_firewall),),
    "gcp:storage/bucket:Bucket": (opens(_gcs),),
}
