"""Which inputs are refused, and what is said about them; valid ones of every SDK pass."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pulumi.runtime import rpc

from modelberth.preview.standins.sdk.inputs import InputFailure, check
from modelberth.preview.standins.sdk.shapes import (
    AnyValue,
    Asset,
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Property,
    Scalar,
    Shape,
)
from modelberth.preview.standins.sdk.types import lookup

UNKNOWN = rpc.UNKNOWN
ASSET = {rpc._special_sig_key: rpc._special_asset_sig, "text": "x", "hash": "0"}
ARCHIVE = {rpc._special_sig_key: rpc._special_archive_sig, "path": "folder", "hash": "0"}
CANARY = "canary-7f3a"
REPOSITORY = (
    "encryptionConfigurations",
    "forceDelete",
    "imageScanningConfiguration",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "name",
    "region",
    "tags",
)
SERVICE_TYPES = "'ExternalName', 'ClusterIP', 'NodePort', 'LoadBalancer'"

VALID: Mapping[str, Mapping[str, Any]] = {
    "aws:ecr/repository:Repository": {
        "name": "models/iris",
        "forceDelete": False,
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": UNKNOWN}],
        "tags": {"Team": "ml", "cost/centre": "7"},
        "__defaults": ["name"],
    },
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": {
        "kmsKeyArn": UNKNOWN,
        "productionVariants": [
            {
                "variantName": "blue",
                "modelName": UNKNOWN,
                "initialInstanceCount": 1.0,
                "instanceType": "ml.g5.xlarge",
                "initialVariantWeight": 0.9,
            }
        ],
    },
    "aws:lambda/function:Function": {
        "role": UNKNOWN,
        "runtime": "python3.99",
        "code": ARCHIVE,
        "timeout": 30,
        "environment": {"variables": {"MODEL": "iris"}, "__defaults": []},
        "vpcConfig": {"subnetIds": ["a"], "securityGroupIds": UNKNOWN},
    },
    "gcp:cloudrunv2/service:Service": {
        "location": "europe-west4",
        "template": {
            "containers": [
                {
                    "image": "europe-docker.pkg.dev/p/r/i@sha256:0",
                    "resources": {"limits": {"cpu": "2", "nvidia.com/gpu": "1"}, "cpuIdle": True},
                    "ports": {"containerPort": 8080},
                }
            ],
            "scaling": {"minInstanceCount": 0, "maxInstanceCount": 3},
        },
    },
    "gcp:projects/iAMMember:IAMMember": {"project": "p", "role": "roles/viewer", "member": UNKNOWN},
    "azure-native:app:ContainerApp": {
        "resourceGroupName": "rg",
        "environmentId": UNKNOWN,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [UNKNOWN]},
        "configuration": {
            "activeRevisionsMode": "multiple",
            "ingress": {
                "external": True,
                "targetPort": 8080,
                "traffic": [{"weight": 100, "latestRevision": True}],
            },
        },
        "template": {"containers": [{"name": "m", "image": "i", "resources": {"cpu": 0.5, "memory": "1Gi"}}]},
    },
    "azure-native:machinelearningservices:OnlineDeployment": {
        "resourceGroupName": "rg",
        "workspaceName": "w",
        "endpointName": "e",
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS3_v2",
            "scaleSettings": {"scaleType": "Default"},
        },
        "sku": {"name": "Default", "capacity": 1},
    },
    "kubernetes:apps/v1:Deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "iris", "labels": {"app.kubernetes.io/name": "iris"}},
        "spec": {
            "replicas": None,
            "selector": {"matchLabels": {"app": "iris"}},
            "template": {
                "metadata": {"labels": {"app": "iris"}},
                "spec": {
                    "containers": [
                        {
                            "name": "server",
                            "image": UNKNOWN,
                            "ports": [{"containerPort": 8080}],
                            "env": [{"name": "A", "value": "b"}],
                            "resources": {"limits": {"cpu": 1, "memory": "1Gi", "nvidia.com/gpu": 1}},
                            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                        }
                    ]
                },
            },
        },
    },
    "kubernetes:core/v1:Service": {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {
            "type": "ClusterIP",
            "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}],
        },
    },
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "Deployment", "name": "iris"},
            "metrics": [
                {"type": "Pods", "pods": {"metric": {"name": "q"}, "target": {"type": "Value", "value": 5}}}
            ],
        },
    },
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris"},
        "spec": {"predictor": {"anything": [1, {"goes": True}]}},
        "extra": 5,
    },
    "pulumi:providers:aws": {
        "region": "eu-central-1",
        "version": "7.51.1",
        "__internal": {},
        "skipMetadataApiCheck": "true",
        "defaultTags": '{"tags": {"Team": "ml"}}',
    },
    "pulumi:providers:kubernetes": {"kubeconfig": "{}", "enableServerSideApply": "true"},
}


def said(token: str, inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(failure.property, failure.reason) for failure in check(lookup(token), inputs)]


@pytest.mark.parametrize("token", VALID)
def test_valid_inputs_pass(token: str) -> None:
    assert said(token, VALID[token]) == []


def changed(value: Any, path: tuple[str | int, ...], to: Any) -> Any:
    """A copy with another value at the path."""
    if not path:
        return to
    step, *rest = path
    if isinstance(value, list):
        return [changed(item, tuple(rest), to) if index == step else item for index, item in enumerate(value)]
    below = value.get(step, {})
    return {**value, step: changed(below, tuple(rest), to)}


@pytest.mark.parametrize(
    ("token", "path", "value", "expected"),
    [
        # Unknown keys, with the nearest known one.
        (
            "aws:ecr/repository:Repository",
            ("imageScanningConfiguration", "scan_on_push"),
            True,
            ("imageScanningConfiguration.scan_on_push", "unknown property, did you mean 'scanOnPush'?"),
        ),
        (
            "aws:ecr/repository:Repository",
            ("zzz",),
            1,
            (
                "zzz",
                f"unknown property, known: {', '.join(REPOSITORY)}",
            ),
        ),
        (
            "gcp:cloudrunv2/service:Service",
            ("template", "containers", 0, "imagee"),
            "x",
            ("template.containers[0].imagee", "unknown property, did you mean 'image'?"),
        ),
        (
            "azure-native:app:ContainerApp",
            ("configuration", "ingress", "targetport"),
            8080,
            ("configuration.ingress.targetport", "unknown property, did you mean 'targetPort'?"),
        ),
        (
            "kubernetes:apps/v1:Deployment",
            ("spec", "template", "spec", "containers", 0, "imagePullpolicy"),
            "Always",
            (
                "spec.template.spec.containers[0].imagePullpolicy",
                "unknown property, did you mean 'imagePullPolicy'?",
            ),
        ),
        (
            "kubernetes:serving.kserve.io/v1beta1:InferenceService",
            ("metadata", "nam"),
            "x",
            ("metadata.nam", "unknown property, did you mean 'name'?"),
        ),
        ("pulumi:providers:aws", ("regio",), "x", ("regio", "unknown property, did you mean 'region'?")),
        # Wrong types.
        (
            "aws:ecr/repository:Repository",
            ("forceDelete",),
            "yes",
            ("forceDelete", "given 'yes', allowed: true or false"),
        ),
        ("aws:ecr/repository:Repository", ("tags",), ["a"], ("tags", "given a list, allowed: a mapping")),
        (
            "aws:ecr/repository:Repository",
            ("tags", "cost/centre"),
            {},
            ('tags["cost/centre"]', "given a mapping, allowed: a string"),
        ),
        (
            "aws:lambda/function:Function",
            ("timeout",),
            1.5,
            ("timeout", "given 1.5, allowed: a whole number"),
        ),
        (
            "aws:lambda/function:Function",
            ("timeout",),
            "soon",
            ("timeout", "given 'soon', allowed: a whole number"),
        ),
        (
            "aws:lambda/function:Function",
            ("timeout",),
            True,
            ("timeout", "given true, allowed: a whole number"),
        ),
        ("aws:lambda/function:Function", ("code",), ASSET, ("code", "given an asset, allowed: an archive")),
        ("aws:lambda/function:Function", ("role",), ARCHIVE, ("role", "given an archive, allowed: a string")),
        (
            "aws:lambda/function:Function",
            ("environment",),
            ARCHIVE,
            ("environment", "given an archive, allowed: a mapping"),
        ),
        (
            "gcp:cloudrunv2/service:Service",
            ("template", "containers"),
            {"image": "x"},
            ("template.containers", "given a mapping, allowed: a list"),
        ),
        (
            "azure-native:app:ContainerApp",
            ("configuration", "ingress", "targetPort"),
            "8080",
            ("configuration.ingress.targetPort", "given '8080', allowed: a whole number"),
        ),
        (
            "azure-native:app:ContainerApp",
            ("template", "containers", 0, "resources", "memory"),
            1,
            ("template.containers[0].resources.memory", "given 1, allowed: a string"),
        ),
        (
            "kubernetes:apps/v1:Deployment",
            ("spec", "replicas"),
            "2",
            ("spec.replicas", "given '2', allowed: a whole number"),
        ),
        (
            "kubernetes:core/v1:Service",
            ("spec", "ports", 0, "targetPort"),
            ["http"],
            ("spec.ports[0].targetPort", "given a list, allowed: a whole number or a string"),
        ),
        (
            "kubernetes:apps/v1:Deployment",
            ("metadata", "labels", "version"),
            2,
            ("metadata.labels.version", "given 2, allowed: a string"),
        ),
        (
            "pulumi:providers:aws",
            ("skipMetadataApiCheck",),
            '"maybe"',
            ("skipMetadataApiCheck", "given 'maybe', allowed: true or false"),
        ),
        (
            "pulumi:providers:aws",
            ("defaultTags",),
            '{"tags": ["a"]}',
            ("defaultTags.tags", "given a list, allowed: a mapping"),
        ),
        (
            "aws:ecr/repository:Repository",
            ("tags", 'a"b.'),
            [],
            ('tags["a"b."]', "given a list, allowed: a string"),
        ),
        # Missing.
        (
            "aws:lambda/function:Function",
            ("role",),
            None,
            ("role", "missing, but required, allowed: a string"),
        ),
        (
            "aws:ecr/repository:Repository",
            ("imageScanningConfiguration", "scanOnPush"),
            None,
            ("imageScanningConfiguration.scanOnPush", "missing, but required, allowed: true or false"),
        ),
        (
            "gcp:cloudrunv2/service:Service",
            ("template",),
            None,
            ("template", "missing, but required, allowed: a mapping"),
        ),
        (
            "azure-native:machinelearningservices:OnlineDeployment",
            ("sku", "name"),
            None,
            ("sku.name", "missing, but required, allowed: a string"),
        ),
        (
            "kubernetes:apps/v1:Deployment",
            ("spec", "selector"),
            None,
            ("spec.selector", "missing, but required, allowed: a mapping"),
        ),
        # Values outside of an enum.
        (
            "azure-native:app:ContainerApp",
            ("configuration", "activeRevisionsMode"),
            "Multi",
            (
                "configuration.activeRevisionsMode",
                "given 'Multi', allowed: 'Multiple', 'Single', 'Labels', did you mean 'Multiple'?",
            ),
        ),
        (
            "azure-native:app:ContainerApp",
            ("configuration", "activeRevisionsMode"),
            ["Single"],
            ("configuration.activeRevisionsMode", "given a list, allowed: 'Multiple', 'Single', 'Labels'"),
        ),
        (
            "azure-native:machinelearningservices:OnlineDeployment",
            ("sku", "tier"),
            "Standart",
            (
                "sku.tier",
                "given 'Standart', allowed: 'Free', 'Basic', 'Standard', 'Premium', did you mean 'Standard'?",
            ),
        ),
        (
            "azure-native:machinelearningservices:OnlineDeployment",
            ("properties", "endpointComputeType"),
            "Managd",
            (
                "properties.endpointComputeType",
                "given 'Managd', allowed: 'Kubernetes', 'Managed', did you mean 'Managed'?",
            ),
        ),
        (
            "azure-native:machinelearningservices:OnlineDeployment",
            ("properties", "endpointComputeType"),
            None,
            (
                "properties.endpointComputeType",
                "missing, but required, allowed: 'Kubernetes', 'Managed'",
            ),
        ),
        (
            "azure-native:machinelearningservices:OnlineDeployment",
            ("properties", "scaleSettings", "scaleType"),
            "Default2",
            (
                "properties.scaleSettings.scaleType",
                "given 'Default2', allowed: 'Default', 'TargetUtilization', did you mean 'Default'?",
            ),
        ),
        (
            "kubernetes:core/v1:Service",
            ("spec", "type"),
            "clusterIP",
            (
                "spec.type",
                f"given 'clusterIP', allowed: {SERVICE_TYPES}, did you mean 'ClusterIP'?",
            ),
        ),
        ("kubernetes:core/v1:Service", ("kind",), "Pod", ("kind", "given 'Pod', allowed: 'Service'")),
    ],
)
def test_what_is_wrong_is_said(
    token: str, path: tuple[str | int, ...], value: Any, expected: tuple[str, str]
) -> None:
    assert said(token, changed(VALID[token], path, value)) == [expected]


def test_everything_wrong_is_said_at_once() -> None:
    inputs = {"forceDelete": "yes", "nam": "x", "imageScanningConfiguration": {}}
    assert said("aws:ecr/repository:Repository", inputs) == [
        ("forceDelete", "given 'yes', allowed: true or false"),
        ("nam", "unknown property, did you mean 'name'?"),
        ("imageScanningConfiguration.scanOnPush", "missing, but required, allowed: true or false"),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("timeout",), "30"),
        (("timeout",), "-1"),
        (("timeout",), 30.0),
        (("publish",), "true"),
        (("name",), 5),
        (("name",), True),
        (("code",), "folder.zip"),
        (("runtime",), "anything"),
        (("environment", "variables", "PORT"), 80),
    ],
)
def test_bridged_providers_convert(path: tuple[str | int, ...], value: Any) -> None:
    assert (
        said("aws:lambda/function:Function", changed(VALID["aws:lambda/function:Function"], path, value))
        == []
    )


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        ("azure-native:app:ContainerApp", ("configuration", "ingress", "external"), "true"),
        ("azure-native:app:ContainerApp", ("location",), 5),
        ("kubernetes:apps/v1:Deployment", ("spec", "replicas"), "3"),
        ("kubernetes:apps/v1:Deployment", ("metadata", "name"), 5),
        ("kubernetes:apps/v1:Deployment", ("spec", "paused"), "true"),
    ],
)
def test_native_providers_do_not(token: str, path: tuple[str | int, ...], value: Any) -> None:
    assert len(said(token, changed(VALID[token], path, value))) == 1


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (
            "azure-native:compute:VirtualMachine",
            {"resourceGroupName": "rg", "hardwareProfile": {"vmSize": "Standard_New"}},
        ),
        ("azure-native:app:ContainerApp", {"resourceGroupName": "rg", "kind": "functionapp"}),
        (
            "azure-native:app:ContainerApp",
            {"resourceGroupName": "rg", "configuration": {"activeRevisionsMode": "SINGLE"}},
        ),
    ],
)
def test_catalogues_and_the_case_of_letters_pass(token: str, inputs: Mapping[str, Any]) -> None:
    assert said(token, inputs) == []


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        ("kubernetes:core/v1:Secret", {"data": CANARY}),
        ("kubernetes:core/v1:Secret", {"immutable": CANARY}),
        ("aws:rds/instance:Instance", {"instanceClass": "x", "password": [CANARY]}),
        ("aws:lambda/function:Function", {"role": "x", "environment": {"variables": CANARY}}),
        (
            "kubernetes:core/v1:Pod",
            {"spec": {"containers": [{"name": "a", "env": [{"name": "KEY", "value": {CANARY: CANARY}}]}]}},
        ),
        (
            "azure-native:keyvault:Secret",
            {"resourceGroupName": "r", "vaultName": "v", "properties": {"attributes": {"enabled": CANARY}}},
        ),
    ],
)
def test_no_secret_is_shown(token: str, inputs: Mapping[str, Any]) -> None:
    failures = check(lookup(token), inputs)
    assert sum(failure.reason.startswith("given") for failure in failures) == 1
    assert CANARY not in repr(failures)


def test_the_kind_of_a_hidden_value_is_told() -> None:
    assert said("kubernetes:core/v1:Secret", {"immutable": CANARY}) == [
        ("immutable", "given a hidden value (a string), allowed: true or false")
    ]
    env = {"spec": {"containers": [{"name": "a", "env": [{"name": "PIN", "value": 1234}]}]}}
    assert said("kubernetes:core/v1:Pod", env) == [
        ("spec.containers[0].env[0].value", "given a hidden value (a number), allowed: a string")
    ]


def test_an_unknown_or_absent_value_fits_everywhere() -> None:
    names = 0
    for token in VALID:
        known = lookup(token)
        assert check(known, dict.fromkeys(known.inputs, UNKNOWN)) == ()
        required = {name for name, wanted in known.inputs.items() if wanted.is_required}
        assert {failure.property for failure in check(known, dict.fromkeys(known.inputs))} == required
        names += len(known.inputs)
    assert names > 150


def values_of(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    """Values that a shape allows, in the strictest reading."""
    match shape:
        case Scalar.STRING:
            return st.text(max_size=5)
        case Scalar.INTEGER:
            return st.integers(-(2**31), 2**31) | st.integers(-9, 9).map(float)
        case Scalar.NUMBER:
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers()
        case Scalar.BOOLEAN:
            return st.booleans()
        case Choice(values=values):
            return st.sampled_from(values)
        case ListOf(element):
            return st.lists(values_of(element, depth - 1), max_size=2 if depth > 0 else 0)
        case MapOf(element):
            keys = st.text(st.characters(codec="ascii", exclude_characters='"'), min_size=1, max_size=4)
            return st.dictionaries(keys, values_of(element, depth - 1), max_size=2 if depth > 0 else 0)
        case OneOf(options):
            return st.one_of([values_of(option, depth) for option in options])
        case Asset():
            return st.sampled_from([ASSET] * shape.may_be_asset + [ARCHIVE] * shape.may_be_archive)
        case ObjectOf():
            return st.deferred(lambda: inputs_of(shape.properties, depth - 1))
        case AnyValue():
            return st.sampled_from([1, "x", [True], {"a": {"b": None}}, ASSET])


def inputs_of(properties: Mapping[str, Property], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    values = {name: values_of(wanted.shape, depth) | st.just(UNKNOWN) for name, wanted in properties.items()}
    required = {name: values[name] for name, wanted in properties.items() if wanted.is_required}
    optional = {name: values[name] for name in values if name not in required and depth > 0}
    return st.fixed_dictionaries(required, optional=optional)


GENERATED = [token for token in VALID if not token.startswith("pulumi:")]


@pytest.mark.parametrize("token", GENERATED)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_what_a_shape_allows_passes(token: str, data: st.DataObject) -> None:
    known = lookup(token)
    inputs = data.draw(inputs_of(known.inputs, depth=3))
    assert check(known, inputs) == ()
    name = data.draw(st.sampled_from(sorted(known.inputs)))
    added = data.draw(st.text("abc", min_size=1, max_size=3))
    assume(added not in known.inputs)
    wrong = check(known, {**inputs, added: 1})
    assert [failure.property for failure in wrong] == ([] if known.is_open else [added])
    if known.inputs[name].is_required:
        missing = check(known, {key: value for key, value in inputs.items() if key != name})
        assert [failure.property for failure in missing] == [name]


def test_a_failure_is_a_value() -> None:
    first, second = (check(lookup("aws:ecr/repository:Repository"), {"nam": "x"}) for _ in range(2))
    assert first == second == (InputFailure("nam", "unknown property, did you mean 'name'?"),)
