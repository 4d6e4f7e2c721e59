"""Inputs that the API would refuse are refused before it is asked: field, value and way out."""

from typing import Any

import pytest

from modelberth.provider.resource import UNKNOWN
from modelberth.provider.vertex.deployed_model_resource import DeployedModel
from modelberth.provider.vertex.deployment import CPU, DUTY_CYCLE
from modelberth.provider.vertex.model_resource import Model
from support.vertex_api import PARENT
from support.vertex_resources import DEPLOYED, EVERYTHING, KEY, SHARE, VERSION, World

BAD_VERSIONS: list[tuple[dict[str, Any], str]] = [
    ({"project": "123456789012"}, "project: given '123456789012', allowed: the id of a Google Cloud project"),
    ({"region": "europe"}, "region: given 'europe', allowed: a Google Cloud region"),
    ({"modelId": "7-iris"}, "modelId: given '7-iris', allowed: 1 to 63 of a-z"),
    ({"modelId": "i" * 64}, "modelId: given 'iii"),
    ({"displayName": ""}, "displayName: given '', allowed: 1 to 128 characters"),
    ({"displayName": None}, "displayName: given nothing"),
    ({"image": "docker.io/iris"}, "image: given 'docker.io/iris', allowed: an image in Artifact Registry"),
    ({"ports": [8080, 0]}, "ports[1]: given 0, allowed: a port from 1 to 65535"),
    ({"ports": ["8080"]}, "ports[0]: given '8080', allowed: a port"),
    ({"predictRoute": "predict"}, "predictRoute: given 'predict', allowed: a path that begins with /"),
    ({"healthRoute": "health"}, "healthRoute: given 'health'"),
    ({"sharedMemoryMb": 0}, "sharedMemoryMb: given 0, allowed: a whole number from 1"),
    ({"deploymentTimeout": 7201}, "deploymentTimeout: given 7201, allowed: a whole number from 1 to 7200"),
    ({"deploymentTimeout": 1.5}, "deploymentTimeout: given 1.5"),
    ({"artifactUri": "s3://models/iris"}, "artifactUri: given 's3://models/iris', allowed: gs://BUCKET"),
    ({"encryptionKey": "my-key"}, "encryptionKey: given 'my-key', allowed: projects/PROJECT"),
    (
        {"encryptionKey": KEY.replace("europe-west4", "europe")},
        "allowed: a key in 'europe-west4', the region of the model. Vertex AI reads no key of another",
    ),
    ({"env": {"A-B": "1"}}, "env: given 'A-B', allowed: names of letters"),
    ({"labels": {"Team": "a"}}, "labels: given 'Team', allowed: lower-case letters"),
    ({"labels": {"team": "A"}}, "labels.team: given 'A', allowed: lower-case letters"),
    ({"labels": {"": "a"}}, "labels: given ''"),
    (
        {"labels": {f"l{number}": "a" for number in range(65)}},
        "labels: given 65 of them, allowed: at most 64",
    ),
    ({"startupProbe": {}}, "startupProbe: given neither, allowed: a path of an HTTP request or a command"),
    ({"healthProbe": {"path": "/", "command": ["x"]}}, "healthProbe: given both"),
    ({"livenessProbe": {"path": "alive"}}, "livenessProbe.path: given 'alive'"),
    ({"startupProbe": {"path": "/", "port": 70000}}, "startupProbe.port: given 70000"),
    (
        {"startupProbe": {"path": "/", "period": 0}},
        "startupProbe.period: given 0, allowed: a whole number of 1",
    ),
]
BAD_SHARES: list[tuple[dict[str, Any], str]] = [
    (
        {"model": f"{PARENT}/models/iris"},
        "].model: given 'projects/shop-prod/locations/europe-west4/models/iris', ",
    ),
    (
        {"model": f"{PARENT}/models/iris@1".replace("europe-west4", "us-east1")},
        "allowed: a model of europe-west4, the region of the endpoint",
    ),
    ({"percent": 101}, "].percent: given 101, allowed: a whole number from 0 to 100"),
    ({"percent": None}, "].percent: given nothing"),
    ({"percent": True}, "].percent: given true"),
    ({"machineType": "N1"}, "].machineType: given 'N1', allowed: a machine type such as n1-standard-4"),
    ({"acceleratorType": "T4!", "acceleratorCount": 1}, "].acceleratorType: given 'T4!'"),
    ({"acceleratorType": "NVIDIA_TESLA_T4"}, "].acceleratorCount: given nothing, allowed: how many"),
    ({"acceleratorCount": 1}, "].acceleratorCount: given 1, allowed: nothing without a type"),
    ({"minReplicas": 0}, "].minReplicas: given 0, allowed: 1 or more: Vertex AI does not scale to zero"),
    ({"minReplicas": 3, "maxReplicas": 2}, "].maxReplicas: given 2, allowed: 3 or more"),
    ({"targets": {"qps": 5}}, f"].targets: given 'qps', allowed: {CPU} or {DUTY_CYCLE}"),
    ({"targets": {CPU: 0}}, "].targets: given 0, allowed: a percentage from 1 to 100"),
    ({"targets": {DUTY_CYCLE: 60}}, "allowed: without an accelerator the CPU's utilization alone"),
    ({"serviceAccount": "iris"}, "].serviceAccount: given 'iris', allowed: the e-mail address of a service"),
    ({"accessLog": "yes"}, "].accessLog: given 'yes', allowed: true or false"),
]
BAD_WHOLES: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "a/b"}, "name", "name: given 'a/b', allowed: 1 to 128 characters without a slash"),
    ({"endpoint": "iris"}, "endpoint", "endpoint: given 'iris', allowed: the name of an endpoint, projects/"),
    (
        {"shares": []},
        "shares",
        "shares: given nothing, allowed: one model or more. An endpoint that is to run",
    ),
    ({"shares": ["iris"]}, "shares", "shares[0]: given 'iris', allowed: a model and its share"),
    (
        {"shares": [SHARE, {**SHARE, "machineType": "n1-standard-8"}]},
        "shares",
        "shares: given percentages 100, 100, allowed: percentages that sum to 100. They sum to 200.",
    ),
    (
        {"shares": [{**SHARE, "percent": 50}, {**SHARE, "percent": 50}]},
        "shares",
        "given the same deployment twice, allowed: each deployment once",
    ),
]


def refusals(resource: Any, inputs: dict[str, Any]) -> list[Any]:
    return list(resource.check({**inputs, "configPath": "endpoints[0]"}, {}).failures)


@pytest.mark.parametrize(("change", "told"), BAD_VERSIONS)
def test_a_bad_version_is_refused(world: World, change: dict[str, Any], told: str) -> None:
    (refused,) = refusals(Model(world.settings), {**VERSION, **change})
    assert refused.property == next(iter(change))
    assert told in refused.reason
    assert refused.reason.startswith(f"endpoints[0].{refused.property}")
    assert world.api.requests == []


@pytest.mark.parametrize(("change", "told"), BAD_SHARES)
def test_a_bad_share_is_refused(world: World, change: dict[str, Any], told: str) -> None:
    other = {**SHARE, "model": f"{PARENT}/models/iris@2", "percent": 0}
    (refused,) = refusals(DeployedModel(world.settings), {**DEPLOYED, "shares": [other, {**SHARE, **change}]})
    assert refused.property == "shares"
    assert told in refused.reason
    assert refused.reason.startswith("endpoints[0].shares[1].")


@pytest.mark.parametrize(("change", "field", "told"), BAD_WHOLES)
def test_a_bad_whole_is_refused(world: World, change: dict[str, Any], field: str, told: str) -> None:
    (refused,) = refusals(DeployedModel(world.settings), {**DEPLOYED, **change})
    assert refused.property == field
    assert told in refused.reason


def test_what_is_right_or_not_known_yet_passes(world: World) -> None:
    assert len(BAD_VERSIONS) + len(BAD_SHARES) + len(BAD_WHOLES) == 49
    model, deployed = Model(world.settings), DeployedModel(world.settings)
    for inputs in (VERSION, EVERYTHING, dict.fromkeys(EVERYTHING, UNKNOWN)):
        assert refusals(model, inputs) == []
    unknown = dict.fromkeys(
        ("model", "percent", "machineType", "acceleratorType", "acceleratorCount"), UNKNOWN
    )
    for inputs in (
        DEPLOYED,
        dict.fromkeys(DEPLOYED, UNKNOWN),
        {**DEPLOYED, "shares": [UNKNOWN]},
        {**DEPLOYED, "shares": [unknown, {**SHARE, "minReplicas": UNKNOWN, "maxReplicas": UNKNOWN}]},
    ):
        assert refusals(deployed, inputs) == []
    many = refusals(model, {**VERSION, "region": "x", "ports": [0], "image": 7})
    assert [one.property for one in many] == ["region", "image", "ports"]
