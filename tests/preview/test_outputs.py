import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from modelberth.preview.standins.imitation import foresight, outputs
from modelberth.preview.standins.imitation.plausible import WHEN, Seed, empty, plausible
from modelberth.preview.standins.sdk import types
from modelberth.preview.standins.sdk.shapes import (
    AnyValue,
    Asset,
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Scalar,
    Shape,
)
from modelberth.preview.standins.settings import StandInSettings
from modelberth.provider.resource import UNKNOWN
from support.standin_tables import ENDPOINT_TYPES

GOLDEN = Path(__file__).with_name("golden") / "standin_outputs.json"
GROUP = {"resourceGroupName": "rg"}
URN = "urn:pulumi:dev::iris::{}::iris"
INPUTS: dict[str, dict[str, Any]] = {
    "aws:apigatewayv2/api:Api": {"protocolType": "HTTP"},
    "aws:ecr/repository:Repository": {"name": "iris", "tags": {"team": "ml"}},
    "aws:eks/cluster:Cluster": {"name": "iris", "roleArn": "arn:aws:iam::000000000000:role/iris"},
    "aws:iam/role:Role": {"name": "iris", "assumeRolePolicy": "{}"},
    "aws:kms/key:Key": {},
    "aws:lambda/function:Function": {"name": "iris", "region": "eu-west-1", "packageType": "Image"},
    "aws:lambda/functionUrl:FunctionUrl": {"functionName": "iris", "authorizationType": "AWS_IAM"},
    "aws:s3/bucket:Bucket": {},
    "aws:sagemaker/endpoint:Endpoint": {"name": "Iris", "endpointConfigName": "iris"},
    "gcp:artifactregistry/repository:Repository": {
        "repositoryId": "iris",
        "format": "DOCKER",
        "location": "europe",
    },
    "gcp:cloudrunv2/service:Service": {"name": "iris", "location": "europe-west4", "labels": {"team": "ml"}},
    "gcp:kms/keyRing:KeyRing": {"name": "iris", "location": "europe-west4", "project": "prod-1"},
    "gcp:serviceaccount/account:Account": {"accountId": "iris-sa"},
    "azure-native:app:ContainerApp": {
        **GROUP,
        "containerAppName": "iris",
        "environmentId": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.App/managedEnvironments/Env",
        "configuration": {"ingress": {"targetPort": 8080}},
    },
    "azure-native:containerregistry:Registry": {**GROUP, "registryName": "Iris5"},
    "azure-native:machinelearningservices:OnlineEndpoint": {
        **GROUP,
        "workspaceName": "ws",
        "endpointName": "iris",
        "properties": {"authMode": "AADToken"},
    },
    "azure-native:managedidentity:UserAssignedIdentity": {
        **GROUP,
        "resourceName": "iris",
        "location": "northeurope",
    },
    "azure-native:cdn:Profile": {**GROUP},
    "kubernetes:apps/v1:Deployment": {
        "metadata": {"name": "iris", "namespace": "ml"},
        "spec": {"replicas": 3},
    },
    "kubernetes:core/v1:Service": {"metadata": {"name": "iris"}, "spec": {"ports": [{"port": 80}]}},
    "kubernetes:serving.knative.dev/v1:Thing": {"metadata": {"namespace": "ml"}},
}


def computed(
    token: str, inputs: dict[str, Any], settings: StandInSettings | None = None, urn: str = ""
) -> tuple[str, dict[str, Any]]:
    known, settings = types.lookup(token), settings or StandInSettings()
    arguments = (known, urn or URN.format(token), "iris", inputs, settings)
    return outputs.id(*arguments), outputs.computed(*arguments)


def test_the_special_cases_are_as_the_golden_file_says() -> None:
    found = {
        token: dict(zip(("id", "outputs"), computed(token, given), strict=True))
        for token, given in INPUTS.items()
    }
    text = json.dumps(found, indent=2, sort_keys=True) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "write it again: REGENERATE=1 pytest tests/preview/test_outputs.py"
    assert len(found) == 21


@pytest.mark.parametrize(
    ("token", "inputs", "output", "value"),
    [
        (
            "aws:lambda/function:Function",
            {"name": "iris", "region": "eu-west-1"},
            "arn",
            "arn:aws:lambda:eu-west-1:000000000000:function:iris",
        ),
        (
            "aws:ecr/repository:Repository",
            {"name": "iris"},
            "repositoryUrl",
            "000000000000.dkr.ecr.us-east-1.amazonaws.com/iris",
        ),
        (
            "gcp:cloudrunv2/service:Service",
            {"name": "iris", "location": "europe-west4"},
            "uri",
            "https://iris-100000000000.europe-west4.run.app",
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "iris-sa", "project": "prod-1"},
            "member",
            "serviceAccount:iris-sa@prod-1.iam.gserviceaccount.com",
        ),
        (
            "azure-native:containerregistry:Registry",
            {**GROUP, "registryName": "Iris5"},
            "loginServer",
            "iris5.azurecr.io",
        ),
        ("aws:ecr/repository:Repository", {"tags": {"a": "b"}}, "tagsAll", {"a": "b"}),
        ("gcp:storage/bucket:Bucket", {"labels": {"a": "b"}}, "effectiveLabels", {"a": "b"}),
        ("gcp:pubsub/topic:Topic", {}, "project", "stand-in-project"),
    ],
)
def test_follows_from_the_inputs(token: str, inputs: dict[str, Any], output: str, value: object) -> None:
    _, found = computed(token, inputs)
    assert found[output] == value


def test_follows_from_the_settings() -> None:
    settings = StandInSettings(aws_account="111122223333", aws_region="cn-north-1", aws_partition="aws-cn")
    _, found = computed("aws:ecr/repository:Repository", {"name": "iris"}, settings)
    assert found["arn"] == "arn:aws-cn:ecr:cn-north-1:111122223333:repository/iris"
    assert found["repositoryUrl"] == "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/iris"


def test_the_url_of_an_app_lies_in_its_environment() -> None:
    _, environment = computed("azure-native:app:ManagedEnvironment", {**GROUP, "environmentName": "Env"})
    _, app = computed("azure-native:app:ContainerApp", INPUTS["azure-native:app:ContainerApp"])
    assert app["configuration"] == {
        "ingress": {"targetPort": 8080, "fqdn": f"iris.{environment['defaultDomain']}"}
    }


def test_an_input_is_not_said_again_unless_something_is_added_in_it() -> None:
    inputs = INPUTS["gcp:cloudrunv2/service:Service"]
    _, found = computed("gcp:cloudrunv2/service:Service", inputs)
    assert not set(inputs) & set(found)
    _, object_ = computed("kubernetes:apps/v1:Deployment", INPUTS["kubernetes:apps/v1:Deployment"])
    assert set(object_["metadata"]) > {"name", "namespace", "uid"}


@pytest.mark.parametrize("token", ENDPOINT_TYPES)
def test_outputs_have_the_shapes_of_the_sdk(token: str) -> None:
    known = types.lookup(token)
    inputs = {**GROUP} if token.startswith("azure-native:") else {}
    resource_id, found = computed(token, inputs)
    assert resource_id
    wrong = [
        f"{output}: {value!r}"
        for output, value in found.items()
        if output not in known.outputs or not fits(value, known.outputs[output].shape)
    ]
    assert wrong == []
    needed = {output for output, declared in known.outputs.items() if not declared.is_optional}
    assert needed - set(found) - set(inputs) == set()
    assert found.items() == computed(token, inputs)[1].items()


def test_two_resources_differ() -> None:
    for token in ("aws:kms/key:Key", "aws:s3/bucket:Bucket", "azure-native:authorization:RoleAssignment"):
        inputs = {"scope": "/subscriptions/s"}
        assert computed(token, inputs, urn="a") == computed(token, inputs, urn="a")
        assert computed(token, inputs, urn="a")[0] != computed(token, inputs, urn="b")[0]


def test_an_endpoint_has_a_row_for_each_type() -> None:
    assert [token for token in ENDPOINT_TYPES if token not in outputs.rows()] == []


def test_every_row_is_about_outputs_of_the_sdk() -> None:
    checked, wrong = 0, []
    for token, row in outputs.rows().items():
        for output in row:
            checked += 1
            if output != "id" and output.partition(".")[0] not in types.lookup(token).outputs:
                wrong.append(f"{token} {output}")
    assert wrong == []
    assert (len(outputs.rows()), checked) == (110, 316)
    assert "functionArn" not in types.lookup("aws:lambda/function:Function").outputs


@pytest.mark.parametrize(
    ("token", "inputs", "unknown", "known"),
    [
        (
            "aws:ecr/repository:Repository",
            {"name": "iris"},
            {"arn", "repositoryUrl", "tagsAll"},
            {"name", "forceDelete"},
        ),
        ("aws:ecr/repository:Repository", {}, {"arn", "name"}, {"forceDelete"}),
        (
            "azure-native:app:ContainerApp",
            {"location": "x"},
            {"latestRevisionFqdn", "template", "name"},
            {"location"},
        ),
        ("kubernetes:apps/v1:Deployment", {"metadata": {}}, {"status"}, {"metadata", "spec", "kind"}),
        ("kubernetes:core/v1:ConfigMap", {}, set(), {"data"}),
    ],
)
def test_tells_what_a_preview_cannot_know(
    token: str, inputs: dict[str, Any], unknown: set[str], known: set[str]
) -> None:
    found = foresight.foreseen(types.lookup(token), inputs)
    assert {name for name in unknown if found.get(name) != UNKNOWN} == set()
    assert {name for name in known if found.get(name) == UNKNOWN} == set()


def test_a_preview_does_not_know_what_is_added_inside_of_an_input() -> None:
    service = foresight.foreseen(
        types.lookup("kubernetes:core/v1:Service"), {"spec": {"ports": [{"port": 80}]}}
    )
    assert service == {"spec": {"ports": [{"port": 80}], "clusterIP": UNKNOWN}, "status": UNKNOWN}


def test_azure_native_knows_nothing_in_a_preview_that_is_not_given() -> None:
    inputs = {
        "configuration": {
            "ingress": {"targetPort": 8080},
            "dapr": {"enabled": True},
            "maxInactiveRevisions": None,
        },
        "template": {"containers": [{"name": "iris", "image": UNKNOWN}]},
        "tags": {"team": "ml"},
        "workloadProfileName": "gpu",
        "resourceGroupName": "rg",
    }
    found = foresight.foreseen(types.lookup("azure-native:app:ContainerApp"), inputs)
    ingress = found["configuration"]["ingress"]
    assert (ingress["targetPort"], ingress["fqdn"], ingress["external"]) == (8080, UNKNOWN, UNKNOWN)
    assert found["configuration"]["maxInactiveRevisions"] == UNKNOWN
    (container,) = found["template"]["containers"]
    assert (container["name"], container["image"], container["resources"]) == ("iris", UNKNOWN, UNKNOWN)
    assert (found["tags"], found["workloadProfileName"]) == ({"team": "ml"}, "gpu")
    assert "resourceGroupName" not in found, "no output"
    endpoint = types.lookup("azure-native:machinelearningservices:OnlineEndpoint")
    properties = foresight.foreseen(endpoint, {"properties": {"authMode": "Key"}})["properties"]
    assert (properties["authMode"], properties["scoringUri"]) == ("Key", UNKNOWN)


def test_values_without_a_row_follow_from_their_names() -> None:
    seed = Seed("urn")
    assert plausible("createTime", Scalar.STRING, seed, "iris") == WHEN
    assert plausible("deleteTime", Scalar.STRING, seed, "iris") == ""
    assert plausible("failureReason", Scalar.STRING, seed, "iris") == ""
    assert plausible("endpointUrl", Scalar.STRING, seed, "Iris 5") == "https://iris-5.stand-in.invalid/"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", plausible("imageDigest", Scalar.STRING, seed, "iris"))
    assert re.fullmatch(r"[0-9a-f-]{36}", plausible("principalId", Scalar.STRING, seed, "iris"))
    assert re.fullmatch(r"192\.0\.2\.\d+", plausible("staticIp", Scalar.STRING, seed, "iris"))
    assert plausible("provisioningState", Scalar.STRING, seed, "iris") == "Succeeded"
    assert plausible("mode", Choice("Mode", ("A", "B")), seed, "iris") == "A"
    assert plausible("ipAddresses", ListOf(Scalar.STRING), seed, "iris") == [seed.address()]


def test_the_emptiest_value_has_the_shape() -> None:
    shapes: list[Shape] = [*Scalar, Choice("C", ("a",)), ListOf(Scalar.STRING), MapOf(Scalar.STRING)]
    assert [empty(shape) for shape in shapes] == ["", 0, 0, False, "a", [], {}]
    assert empty(OneOf((Scalar.STRING, Scalar.BOOLEAN))) == ""


def test_digits_have_the_length_asked_for() -> None:
    seed = Seed("urn")
    for length in (2, 6, 21):
        assert re.fullmatch(rf"[1-9]\d{{{length - 1}}}", seed.digits(length))
        assert len(seed.hex(length)) == length


def fits(value: Any, shape: Shape) -> bool:
    """Whether a value could be read as the shape; an object may lack keys, as answers of services do."""
    match shape:
        case Scalar.STRING:
            return isinstance(value, str)
        case Scalar.BOOLEAN:
            return isinstance(value, bool)
        case Scalar():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Choice(values=values):
            return value in values
        case ListOf(element=element):
            return isinstance(value, list) and all(fits(item, element) for item in value)
        case MapOf(element=element):
            return isinstance(value, dict) and all(fits(item, element) for item in value.values())
        case ObjectOf():
            return isinstance(value, dict) and all(
                key in shape.properties and fits(item, shape.properties[key].shape)
                for key, item in value.items()
            )
        case OneOf(options=options):
            return any(fits(value, option) for option in options)
        case AnyValue() | Asset():
            return True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aws_account", "12"),
        ("gcp_project", "P"),
        ("azure_subscription", "iris"),
        ("aws_region", "Frankfurt"),
    ],
)
def test_settings_refuse_what_no_cloud_has(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: given '{value}', allowed: "):
        StandInSettings(**{field: value})
