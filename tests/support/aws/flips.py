"""Each control undone, one property of the good program at a time: what checkov has to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from support.aws.graph import Graph, Resource

__all__ = ["FLIPS", "GONE", "Flip", "flipped"]

GONE: Final = object()
"""The property is taken away."""


@dataclass(frozen=True)
class Flip:
    """One property that undoes a row.

    Attributes:
        row: of the controls
        name: of the resource in the good program
        path: of the property, parts of nested ones with a dot
        value: that undoes the row
        check: of checkov, that has to fail then
        of: resource that it fails for, where that is another one

    """

    row: str
    name: str
    path: str
    value: Any
    check: str
    of: str = ""


FLIPS: Final = (
    Flip("A1", "images", "imageScanningConfiguration.scanOnPush", False, "CKV_AWS_163"),
    Flip("A2", "images", "imageTagMutability", "MUTABLE", "CKV_AWS_51"),
    Flip("A4", "images", "encryptionConfigurations", GONE, "CKV_AWS_136"),
    Flip("A8", "function", "vpcConfig", GONE, "CKV_AWS_117"),
    Flip("A9", "function", "kmsKeyArn", GONE, "CKV_AWS_173"),
    Flip("A10", "function", "reservedConcurrentExecutions", GONE, "CKV_AWS_115"),
    Flip("A11", "function", "deadLetterConfig", GONE, "CKV_AWS_116"),
    Flip("A12", "function", "tracingConfig", GONE, "CKV_AWS_50"),
    Flip("A16", "model", "enableNetworkIsolation", False, "CKV_AWS_370"),
    Flip("A17", "configuration", "kmsKeyArn", GONE, "CKV_AWS_98"),
    Flip("A21", "cluster", "vpcConfig.endpointPublicAccess", True, "CKV_AWS_39"),
    Flip("A22", "cluster", "version", "1.20", "CKV_AWS_339"),
    Flip("A23", "cluster", "encryptionConfig", GONE, "CKV_AWS_58"),
    Flip("A24", "cluster", "enabledClusterLogTypes", ["api"], "CKV_AWS_37"),
    Flip("A25", "nodes", "remoteAccess", {"ec2SshKey": "everybody"}, "CKV_AWS_100"),
    Flip("A28", "key", "enableKeyRotation", False, "CKV_AWS_7"),
    Flip("A32", "models-private", "blockPublicPolicy", False, "CKV_AWS_54"),
    Flip("A34", "models-versions", "versioningConfiguration.status", "Suspended", "CKV_AWS_21", "models"),
    Flip("A36", "logs", "kmsKeyId", GONE, "CKV_AWS_158"),
    Flip("A37", "api-predict", "authorizationType", "NONE", "CKV_AWS_309"),
    Flip("A37", "api-stage", "accessLogSettings", GONE, "CKV_AWS_76"),
    Flip("A38", "alarms", "kmsMasterKeyId", GONE, "CKV_AWS_26"),
    Flip("A38", "dead-letters", "kmsMasterKeyId", GONE, "CKV_AWS_27"),
)


def flipped(good: Graph) -> Graph:
    """The good program with every row undone at once.

    Raises:
        KeyError: the good program has no resource of a flip's name, or not the property.

    """
    left = {flip.name for flip in FLIPS} - {one.name for one in good.resources}
    if left:
        raise KeyError(f"the good program has no {', '.join(sorted(left))}")
    return Graph(tuple(_undone(one) for one in good.resources))


def _undone(one: Resource) -> Resource:
    inputs, outputs = dict(one.inputs), dict(one.outputs)
    for flip in FLIPS:
        if flip.name == one.name:
            inputs, outputs = (_set(side, flip.path.split("."), flip.value) for side in (inputs, outputs))
    return replace(one, inputs=inputs, outputs=outputs)


def _set(side: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    key, *below = path
    if below:
        return {**side, key: _set(side.get(key) or {}, below, value)}
    kept = {name: given for name, given in side.items() if name != key}
    return kept if value is GONE else {**kept, key: value}
