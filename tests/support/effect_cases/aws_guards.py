"""Guards of resources of AWS that are taken away, and changes that take none."""

from typing import Any, Final

from modelberth.preview.effects import Kind

from .case import DANGER, Case, silent, tells

_LIFTED, _WIDER = Kind.PROTECTION_LIFTED, Kind.PERMISSIONS_WIDENED
_CLUSTER: Final = "aws:eks/cluster:Cluster"
_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_CONFIG: Final = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_MODEL: Final = "aws:sagemaker/model:Model"
_KEY: Final = "aws:kms/key:Key"
_ENDPOINTS: Final = ("aws:sagemaker/endpoint:Endpoint", "aws-native:sagemaker:Endpoint")

_WATCHED: Final = {"deploymentConfig": {"autoRollbackConfiguration": {"alarms": [{"alarmName": "errors"}]}}}
_IMDS: Final = {"httpTokens": "required", "httpPutResponseHopLimit": 1}


def _instances(count: int) -> dict[str, Any]:
    return {"productionVariants": [{"variantName": "model", "initialInstanceCount": count}]}


def _metadata(**changes: Any) -> dict[str, Any]:
    return {"metadataOptions": {**_IMDS, **changes}}


def _mode(mode: str) -> dict[str, Any]:
    return {"accessConfig": {"authenticationMode": mode}}


CASES: list[Case] = [
    *(
        tells(f"{token}: no alarm is watched", token, _WATCHED, {}, _LIFTED, DANGER, "goes back by itself")
        for token in _ENDPOINTS
    ),
    *(silent(f"{token}: an alarm is watched", token, {}, _WATCHED, _LIFTED) for token in _ENDPOINTS),
    tells(
        "a ConfigMap lets in",
        _CLUSTER,
        _mode("API"),
        _mode("API_AND_CONFIG_MAP"),
        _WIDER,
        DANGER,
        "ConfigMap",
    ),
    silent("no ConfigMap lets in", _CLUSTER, _mode("API_AND_CONFIG_MAP"), _mode("API"), _WIDER),
    tells(
        "a log of the control plane ends",
        _CLUSTER,
        {"enabledClusterLogTypes": ["api", "audit"]},
        {"enabledClusterLogTypes": ["api"]},
        _LIFTED,
        DANGER,
        "its log of audit",
    ),
    silent(
        "a log of the control plane begins",
        _CLUSTER,
        {"enabledClusterLogTypes": ["api"]},
        {"enabledClusterLogTypes": ["api", "audit"]},
        _LIFTED,
    ),
    tells(
        "a key is gone sooner",
        _KEY,
        {"deletionWindowInDays": 30},
        {"deletionWindowInDays": 7},
        _LIFTED,
        DANGER,
        "7 days",
    ),
    silent("a key is gone later", _KEY, {"deletionWindowInDays": 7}, {"deletionWindowInDays": 30}, _LIFTED),
    tells("IMDSv1", _TEMPLATE, _metadata(), _metadata(httpTokens="optional"), _WIDER, DANGER, "their role"),
    tells(
        "two hops", _TEMPLATE, _metadata(), _metadata(httpPutResponseHopLimit=2), _WIDER, DANGER, "their role"
    ),
    silent("IMDSv2", _TEMPLATE, _metadata(httpTokens="optional"), _metadata(), _WIDER),
    tells(
        "containers with a network",
        _MODEL,
        {"enableNetworkIsolation": True},
        {"enableNetworkIsolation": False},
        _LIFTED,
        DANGER,
        "a network of their own",
        replaces=["enableNetworkIsolation"],
    ),
    silent(
        "containers without",
        _MODEL,
        {"enableNetworkIsolation": False},
        {"enableNetworkIsolation": True},
        _LIFTED,
    ),
    tells(
        "one instance is left",
        _CONFIG,
        _instances(2),
        _instances(1),
        _LIFTED,
        DANGER,
        "in one zone",
        replaces=["productionVariants"],
    ),
    silent(
        "a second instance", _CONFIG, _instances(1), _instances(2), _LIFTED, replaces=["productionVariants"]
    ),
]
