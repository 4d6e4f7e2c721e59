"""The stand-ins as the engine meets them: one port, calls about any package, and an answer to each."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from modelberth.preview.standins import Fault, StandIns, StandInSettings
from modelberth.preview.standins.backend import Change, Difference, NotReadyError, Request
from modelberth.preview.standins.imitation.defaults import CREATE_BEFORE_DELETE, DEFAULTS
from modelberth.preview.standins.sdk.packages import installed
from modelberth.provider.resource import UNKNOWN, Checked, CheckFailure, Observed, Properties
from modelberth.provider.translation import plain, struct
from support.project import IRIS

CANARY = "canary-4b7d21"
FUNCTION = "aws:lambda/function:Function"
ROLE = "aws:iam/role:Role"
TOPIC = "aws:sns/topic:Topic"
APP = "azure-native:app:ContainerApp"
REGISTRY = "azure-native:containerregistry:Registry"
THEIRS = "arn:aws:iam::123456789012:role/reader"


def secret(value: Any) -> dict[str, Any]:
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::my:index:Parent${token}::{name}"


class Engine:
    """The calls of an engine through one provider instance: one connection."""

    def __init__(self, standins: StandIns, **config: Any) -> None:
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{standins.port}", options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self.calls = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.calls.Configure(provider_pb2.ConfigureRequest(args=struct(config)))

    def check(self, token: str, name: str, news: Properties, olds: Properties | None = None) -> Any:
        request = provider_pb2.CheckRequest(
            urn=urn(token, name), olds=struct(olds or {}), news=struct(news), randomSeed=b"other every time"
        )
        return self.calls.Check(request)

    def checked(self, token: str, name: str, news: Properties, olds: Properties | None = None) -> Any:
        answer = self.check(token, name, news, olds)
        assert not answer.failures, answer
        return plain(answer.inputs)

    def refused(self, token: str, name: str, news: Properties) -> list[str]:
        return [failure.reason for failure in self.check(token, name, news).failures]

    def create(self, token: str, name: str, inputs: Properties, *, preview: bool = False) -> Any:
        return self.calls.Create(
            provider_pb2.CreateRequest(urn=urn(token, name), properties=struct(inputs), preview=preview)
        )

    def diff(self, token: str, name: str, olds: Properties, news: Properties) -> Any:
        return self.calls.Diff(
            provider_pb2.DiffRequest(
                id="x", urn=urn(token, name), old_inputs=struct(olds), olds=struct(olds), news=struct(news)
            )
        )

    def update(
        self,
        token: str,
        name: str,
        olds: Properties,
        news: Properties,
        *,
        preview: bool,
        asked: Properties | None = None,
    ) -> Any:
        """`asked` are the last deployment's inputs, all of `olds` where it is None."""
        return plain(
            self.calls.Update(
                provider_pb2.UpdateRequest(
                    id="x",
                    urn=urn(token, name),
                    old_inputs=struct(olds if asked is None else asked),
                    olds=struct(olds),
                    news=struct(news),
                    preview=preview,
                )
            ).properties
        )

    def read(self, token: str, name: str, resource_id: str) -> Any:
        return self.calls.Read(provider_pb2.ReadRequest(urn=urn(token, name), id=resource_id))

    def invoke(self, token: str, **arguments: Any) -> Any:
        answer = self.calls.Invoke(provider_pb2.InvokeRequest(tok=token, args=struct(arguments)))
        return plain(getattr(answer, "return"))

    def config_refusals(self, package: str, **config: Any) -> list[str]:
        request = provider_pb2.CheckRequest(
            urn=f"urn:pulumi:dev::shop::pulumi:providers:{package}::p", news=struct(config)
        )
        return [failure.reason for failure in self.calls.CheckConfig(request).failures]


@contextmanager
def failing(code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION) -> Iterator[list[str]]:
    said: list[str] = []
    with pytest.raises(grpc.RpcError) as raised:
        yield said
    assert raised.value.code() is code, raised.value
    said.append(raised.value.details())


@pytest.fixture
def standins() -> Iterator[StandIns]:
    with StandIns() as standins:
        yield standins


@pytest.fixture
def engine(standins: StandIns) -> Engine:
    return Engine(standins)


def test_every_installed_sdk_is_served_on_one_port_and_our_own_when_asked(tmp_path: Path) -> None:
    with StandIns() as every, StandIns(["aws"], own=True, directory=tmp_path) as some:
        served = dict(entry.split(":") for entry in every.environment["PULUMI_DEBUG_PROVIDERS"].split(","))
        sdks = ["aws", "aws-native", "azure-native", "docker-build", "gcp", "kubernetes"]
        assert served == dict.fromkeys(sdks, str(every.port))
        assert some.environment == {
            "PULUMI_DEBUG_PROVIDERS": f"aws:{some.port},modelberth:{some.port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(ValueError, match="packages: given mainframe, allowed: an installed SDK: aws, aws-n"):
        StandIns(["aws", "mainframe"])
    with pytest.raises(RuntimeError, match="not open"):
        _ = StandIns().environment


def test_closing_twice_is_no_error(standins: StandIns) -> None:
    standins.close()
    standins.close()


def test_the_handshake_and_the_configuration_agree(engine: Engine) -> None:
    shaken = engine.calls.Handshake(provider_pb2.ProviderHandshakeRequest())
    configured = engine.calls.Configure(provider_pb2.ConfigureRequest())
    assert (shaken.accept_secrets, shaken.accept_resources) == (True, True)
    assert (configured.acceptSecrets, configured.acceptResources) == (True, True)
    assert (shaken.accept_outputs, configured.acceptOutputs) == (False, False)
    assert configured.supportsPreview


def test_a_name_is_chosen_once_and_kept(engine: Engine) -> None:
    first = engine.checked(TOPIC, "alarms", {"displayName": "a"})
    assert first["name"].startswith("alarms-")
    assert first[DEFAULTS] == ["name"]
    assert engine.checked(TOPIC, "alarms", {"displayName": "a"}) == first
    assert engine.checked(TOPIC, "alarms", {"displayName": "b"}, first)["name"] == first["name"]
    # The successor of a replaced resource is checked without the old inputs.
    assert engine.checked(TOPIC, "alarms", {"displayName": "b"})["name"] != first["name"]
    assert engine.checked(TOPIC, "alarms", {"name": "given"}, first)["name"] == "given"
    pod = engine.checked("kubernetes:core/v1:ConfigMap", "config", {"apiVersion": "v1", "kind": "ConfigMap"})
    assert pod["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}


def test_a_type_or_package_that_is_not_there_is_refused_with_the_way_out(engine: Engine) -> None:
    assert not {"cloudflare", "datadog"} & installed().keys()
    for package, token in (("cloudflare", "index/zone:Zone"), ("datadog", "index/monitor:Monitor")):
        (missing,) = engine.refused(f"{package}:{token}", "it", {})
        assert (
            f"the Pulumi SDK of '{package}' is not installed, installed: aws, aws-native, azure-native"
            in missing
        )
        assert missing.endswith(f"Install it: pip install pulumi-{package}")
        assert engine.config_refusals(package, region="eu-central-1") == [
            missing.replace(f"{package}:{token}", f"pulumi:providers:{package}")
        ]
    (unknown,) = engine.refused("aws:lambda/funktion:Funktion", "f", {})
    assert "has no such type" in unknown


def test_a_wrong_configuration_of_a_provider_is_refused(engine: Engine) -> None:
    assert engine.config_refusals("aws", region="eu-central-1") == []
    (unknown,) = engine.config_refusals("aws", regoin="eu-central-1")
    assert unknown.startswith("regoin: unknown")
    (wrong,) = engine.config_refusals("aws", region="Frankfurt")
    assert "Frankfurt" in wrong


def test_what_is_refused_of_a_secret_is_told_without_it(standins: StandIns, engine: Engine) -> None:
    news = {"packageType": "Image", "timeout": secret(CANARY), "memorySize": "lots", "role": secret("open")}
    refused = engine.refused(FUNCTION, "predict", news)
    assert [text.partition(":")[0] for text in refused] == ["memorySize", "role", "timeout"]
    assert refused[2].startswith("timeout: given a hidden value, allowed: a whole number")
    assert refused[1].startswith("role: given a hidden value, allowed: the ARN")
    assert CANARY not in "".join(refused)
    assert CANARY not in repr(standins.calls)


def test_a_secret_stays_one_on_its_way_through(engine: Engine) -> None:
    news = {"displayName": secret(CANARY), "name": "alarms"}
    assert engine.checked(TOPIC, "alarms", news)["displayName"] == secret(CANARY)
    made = engine.create(TOPIC, "alarms", news)
    assert plain(made.properties)["displayName"] == secret(CANARY)
    named = plain(engine.create(TOPIC, "alarms", {"name": secret(CANARY)}).properties)
    assert CANARY in named["arn"]["value"]
    assert named["arn"] == secret(named["arn"]["value"])


def test_a_diff_names_each_path_and_what_replaces(engine: Engine) -> None:
    olds = {"name": "iris", "imageScanningConfiguration": {"scanOnPush": True}, "tags": {"a": "b"}}
    news = {"name": "iris", "imageScanningConfiguration": {"scanOnPush": False}, "forceDelete": True}
    same = engine.diff("aws:ecr/repository:Repository", "images", olds, olds)
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    kind = provider_pb2.PropertyDiff
    changed = engine.diff("aws:ecr/repository:Repository", "images", olds, news)
    assert {path: change.kind for path, change in changed.detailedDiff.items()} == {
        "imageScanningConfiguration.scanOnPush": kind.UPDATE,
        "tags": kind.DELETE,
        "forceDelete": kind.ADD,
    }
    assert list(changed.replaces) == []
    renamed = engine.diff("aws:ecr/repository:Repository", "images", olds, {**olds, "name": "other"})
    assert (list(renamed.replaces), renamed.deleteBeforeReplace) == (["name"], False)
    sealed = {**olds, "encryptionConfigurations": [{"encryptionType": "KMS"}]}
    replaced = engine.diff("aws:ecr/repository:Repository", "images", olds, sealed)
    assert (list(replaced.replaces), replaced.deleteBeforeReplace) == (["encryptionConfigurations"], True)
    chosen = engine.diff(
        "aws:ecr/repository:Repository",
        "images",
        {**olds, DEFAULTS: ["name"]},
        {**sealed, DEFAULTS: ["name"]},
    )
    assert (list(chosen.replaces), chosen.deleteBeforeReplace) == (["encryptionConfigurations"], False)


def test_a_preview_foresees_and_an_update_keeps_what_was_computed(engine: Engine) -> None:
    planned = engine.create(TOPIC, "alarms", {"name": "alarms"}, preview=True)
    assert planned.id == ""
    assert plain(planned.properties)["arn"] == UNKNOWN
    made = plain(engine.create(TOPIC, "alarms", {"name": "alarms"}).properties)
    assert made["arn"] == "arn:aws:sns:us-east-1:000000000000:alarms"
    real = {**made, "arn": "arn:aws:sns:us-east-1:210987654321:alarms"}
    for preview in (True, False):
        news = {"name": "alarms", "displayName": "a"}
        asked = {"name": "alarms"}
        updated = engine.update(TOPIC, "alarms", real, news, preview=preview, asked=asked)
        assert updated == {**real, "displayName": "a"}
        moved = engine.update(TOPIC, "alarms", real, {"name": "moved"}, preview=preview, asked=asked)
        assert moved["arn"] == (UNKNOWN if preview else "arn:aws:sns:us-east-1:000000000000:moved")


def test_azure_native_deletes_first_unless_it_named_the_resource_itself(engine: Engine) -> None:
    given = {"resourceGroupName": "models", "location": "westeurope"}
    chosen = engine.checked(REGISTRY, "images", {**given, "sku": {"name": "Basic"}})
    assert chosen[CREATE_BEFORE_DELETE] is True
    assert chosen["registryName"].startswith("images")
    moved = {**chosen, "location": "northeurope"}
    replaced = engine.diff(REGISTRY, "images", chosen, moved)
    assert (list(replaced.replaces), replaced.deleteBeforeReplace) == (["location"], False)
    for olds, news in (
        ({**given, "registryName": "images5"}, {**given, "registryName": "images6"}),
        ({**given, "registryName": "images5"}, {**given, "registryName": "images5", "location": "eastus"}),
    ):
        assert engine.diff(REGISTRY, "images", olds, news).deleteBeforeReplace
    # A name that the program gave once and gives no more stays, and stays the program's.
    kept = engine.checked(
        REGISTRY, "images", {**given, "sku": {"name": "Basic"}}, {"registryName": "images5"}
    )
    assert kept["registryName"] == "images5"
    assert CREATE_BEFORE_DELETE not in kept


@pytest.mark.parametrize(
    ("token", "name", "inputs"),
    [
        (TOPIC, "name", {"namePrefix": "alarms-"}),
        ("aws:s3/bucket:Bucket", "bucket", {"bucketPrefix": "models-"}),
        (
            "aws:eks/nodeGroup:NodeGroup",
            "nodeGroupName",
            {
                "nodeGroupNamePrefix": "gpu-",
                "clusterName": "iris",
                "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
                "scalingConfig": {"desiredSize": 1, "maxSize": 1, "minSize": 1},
                "subnetIds": ["subnet-0123456789abcdef0"],
            },
        ),
    ],
)
def test_a_name_with_a_given_prefix_is_left_to_the_cloud(
    engine: Engine, token: str, name: str, inputs: dict[str, Any]
) -> None:
    checked = engine.checked(token, "it", inputs)
    assert checked == inputs
    assert plain(engine.create(token, "it", checked, preview=True).properties)[name] == UNKNOWN
    made = plain(engine.create(token, "it", checked).properties)[name]
    assert made.startswith(inputs[f"{name}Prefix"])
    assert made.removeprefix(inputs[f"{name}Prefix"]).isdecimal()


def test_what_azure_computes_inside_of_an_input_is_there_and_unknown_before(engine: Engine) -> None:
    group = "/subscriptions/0f0e0d0c-0000-4000-8000-000000000000/resourceGroups/models/providers"
    inputs = {
        "resourceGroupName": "models",
        "containerAppName": "iris",
        "managedEnvironmentId": f"{group}/Microsoft.App/managedEnvironments/gpu",
        "configuration": {"ingress": {"targetPort": 8080}},
    }
    planned = plain(engine.create(APP, "app", inputs, preview=True).properties)
    assert planned["configuration"]["ingress"]["fqdn"] == UNKNOWN
    made = plain(engine.create(APP, "app", inputs).properties)
    assert made["configuration"] == {
        "ingress": {"targetPort": 8080, "fqdn": "iris.gpu.westeurope.azurecontainerapps.io"}
    }
    real = {
        **made,
        "configuration": {"ingress": {"targetPort": 8080, "fqdn": "iris.real", "transport": "Auto"}},
    }
    news = {**inputs, "configuration": {"ingress": {"targetPort": 80}}}
    updated = engine.update(APP, "app", real, news, preview=False, asked=inputs)
    assert updated["configuration"]["ingress"] == {"targetPort": 80, "fqdn": "iris.real", "transport": "Auto"}
    assert updated["latestRevisionName"] == made["latestRevisionName"] == "iris--0000001"
    foreseen = engine.update(APP, "app", real, news, preview=True, asked=inputs)
    assert (foreseen["name"], foreseen["location"]) == (made["name"], made["location"])
    assert foreseen["configuration"]["ingress"]["fqdn"] == UNKNOWN
    assert foreseen["latestRevisionFqdn"] == UNKNOWN
    rolled = {**inputs, "template": {"containers": [{"name": "iris", "image": "iris:2"}]}}
    assert engine.update(APP, "app", real, rolled, preview=False, asked=inputs)["latestRevisionFqdn"] == (
        "iris--0000002.gpu.westeurope.azurecontainerapps.io"
    )


def test_an_update_that_publishes_gives_a_function_another_version(engine: Engine) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/iris"
    inputs = {"name": "iris", "packageType": "Image", "imageUri": f"{image}:1", "publish": True, "role": "r"}
    olds = plain(engine.create(FUNCTION, "iris", {**inputs, "role": THEIRS}).properties)
    assert (olds["version"], olds["qualifiedArn"].rpartition(":")[2]) == ("1", "1")
    olds = {**olds, "version": "7", "qualifiedArn": f"{olds['arn']}:7"}
    inputs = {**inputs, "role": THEIRS}
    larger = {**inputs, "memorySize": 2048}
    planned = engine.update(FUNCTION, "iris", olds, larger, preview=True, asked=inputs)
    unknown = {name for name, value in planned.items() if value == UNKNOWN}
    assert unknown == {"version", "qualifiedArn", "qualifiedInvokeArn"}
    done = engine.update(FUNCTION, "iris", olds, larger, preview=False, asked=inputs)
    assert (done["version"], done["qualifiedArn"]) == ("8", f"{olds['arn']}:8")
    assert f"{olds['arn']}:8/invocations" in done["qualifiedInvokeArn"]
    assert done["codeSha256"] == olds["codeSha256"]
    tagged = engine.update(FUNCTION, "iris", olds, {**inputs, "tags": {"a": "b"}}, preview=True, asked=inputs)
    assert tagged["version"] == "7"
    quiet = {name: value for name, value in inputs.items() if name != "publish"}
    assert plain(engine.create(FUNCTION, "iris", quiet).properties)["version"] == "$LATEST"


def test_cloud_run_counts_revisions_that_its_provider_does_not_foresee(engine: Engine) -> None:
    token = "gcp:cloudrunv2/service:Service"
    inputs = {"name": "iris", "location": "europe-west4", "template": {"timeout": "30s"}}
    olds = plain(engine.create(token, "iris", inputs).properties)
    assert (olds["generation"], olds["latestReadyRevision"].split("-")[-2]) == ("1", "00001")
    news = {**inputs, "template": {"timeout": "60s"}}
    planned = engine.update(token, "iris", olds, news, preview=True, asked=inputs)
    assert planned == {**olds, "template": {"timeout": "60s"}}
    done = engine.update(token, "iris", olds, news, preview=False, asked=inputs)
    assert (done["generation"], done["latestCreatedRevision"].split("-")[-2]) == ("2", "00002")
    labelled = engine.update(token, "iris", olds, {**inputs, "client": "ci"}, preview=False, asked=inputs)
    assert (labelled["generation"], labelled["latestReadyRevision"]) == ("2", olds["latestReadyRevision"])


def test_what_a_real_cluster_added_to_an_object_stays(engine: Engine) -> None:
    token = "kubernetes:core/v1:ConfigMap"
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": {"a": "b"}}}
    olds = {**inputs, "metadata": {**inputs["metadata"], "uid": "real", "namespace": "default"}}  # type: ignore[dict-item]
    news = {**inputs, "metadata": {"name": "c"}, "data": {"k": "v"}}
    updated = engine.update(token, "config", olds, news, preview=False, asked=inputs)
    assert updated["metadata"]["uid"] == "real"
    assert "labels" not in updated["metadata"]
    assert updated["data"] == {"k": "v"}


def test_the_region_is_that_of_the_provider_instance(standins: StandIns) -> None:
    arns = []
    for region in ("eu-central-1", "ap-south-1"):
        engine = Engine(standins, region=region)
        arns.append(plain(engine.create(TOPIC, "alarms", {"name": "alarms"}).properties)["arn"])
        assert engine.invoke("aws:index/getRegion:getRegion")["region"] == region
    assert [arn.split(":")[3] for arn in arns] == ["eu-central-1", "ap-south-1"]


@pytest.mark.parametrize(
    ("token", "resource_id", "inputs"),
    [
        (TOPIC, "arn:aws:sns:us-east-1:000000000000:alarms", {"name": "alarms"}),
        ("gcp:cloudrunv2/service:Service", "projects/p/locations/l/services/iris", {"name": "iris"}),
        (
            "azure-native:app:ContainerApp",
            "/subscriptions/s/resourceGroups/models/providers/Microsoft.App/containerApps/iris",
            {"containerAppName": "iris", "resourceGroupName": "models"},
        ),
        (
            "kubernetes:core/v1:ConfigMap",
            "models/iris",
            {"metadata": {"name": "iris", "namespace": "models"}},
        ),
    ],
)
def test_an_import_finds_what_the_id_gives_away(
    engine: Engine, token: str, resource_id: str, inputs: dict[str, Any]
) -> None:
    found = engine.read(token, "imported", resource_id)
    assert found.id == resource_id
    assert plain(found.inputs) == inputs
    assert len(found.properties) > len(inputs)


def test_what_does_not_exist_is_missed_when_something_is_made_of_it(engine: Engine) -> None:
    role = "arn:aws:iam::000000000000:role/reader"
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/iris:1"
    inputs = {"name": "predict", "packageType": "Image", "imageUri": image, "role": role}
    # A program may build the ARN of a role that comes in the same update: a preview knows of none yet.
    assert engine.checked(FUNCTION, "predict", inputs)["role"] == role
    engine.create(FUNCTION, "predict", inputs, preview=True)
    with failing() as said:
        engine.create(FUNCTION, "predict", inputs)
    assert said[0].startswith(f"role: given '{role}', which was not made")
    assert "StandInSettings(aws_account=...)" in said[0]
    engine.create(ROLE, "role", {"name": "reader", "assumeRolePolicy": "{}"})
    outputs = plain(engine.create(FUNCTION, "predict", inputs).properties)

    engine.calls.Delete(provider_pb2.DeleteRequest(id="reader", urn=urn(ROLE, "role")))
    other = {**inputs, "role": f"{role}-2"}
    with failing() as said:
        engine.update(FUNCTION, "predict", outputs, other, preview=False, asked=inputs)
    assert said[0].startswith(f"role: given '{role}-2', which was not made")
    # What was deployed with a reference is not asked again: with `--target` nothing may be known of it.
    larger = {**inputs, "memorySize": 2048}
    assert engine.update(FUNCTION, "predict", outputs, larger, preview=False, asked=inputs)["role"] == role


def test_functions_answer_as_the_cloud_or_as_the_test_says() -> None:
    given = {
        "aws:ec2/getAmi:getAmi": {"id": "ami-1"},
        "gcp:compute/getZones:getZones": lambda arguments: {"names": [f"{arguments['region']}-a"]},
    }
    settings = replace(StandInSettings(), aws_account="123456789012")
    with StandIns(invokes=given, settings=settings) as standins:
        engine = Engine(standins)
        assert engine.invoke("aws:ec2/getAmi:getAmi") == {"id": "ami-1"}
        assert engine.invoke("gcp:compute/getZones:getZones", region="r") == {"names": ["r-a"]}
        assert engine.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
        assert engine.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"
        assert len(engine.invoke("aws:index/getAvailabilityZones:getAvailabilityZones")["names"]) == 3
        assert engine.invoke("gcp:organizations/getProject:getProject")["projectId"] == "stand-in-project"
        tenant = engine.invoke("azure-native:authorization:getClientConfig")["tenantId"]
        assert tenant == settings.azure_tenant
        with failing() as said:
            engine.invoke("aws:ec2/getVpc:getVpc", default=True)
        assert "function aws:ec2/getVpc:getVpc" in said[0]
        assert 'StandIns(invokes={"aws:ec2/getVpc:getVpc": {...}})' in said[0]


def test_a_policy_document_is_written_as_the_provider_writes_it(engine: Engine) -> None:
    before = json.dumps({"Statement": [{"Sid": "Own", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
    answer = engine.invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        sourcePolicyDocuments=[before],
        overridePolicyDocuments=[before.replace("s3:*", "s3:GetObject")],
        statements=[
            {
                "sid": "Read",
                "effect": "Deny",
                "actions": ["s3:GetObject", "s3:ListBucket"],
                "resources": ["*"],
                "principals": [
                    {"type": "AWS", "identifiers": ["1"]},
                    {"type": "Service", "identifiers": ["a", "b"]},
                ],
                "conditions": [
                    {"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]},
                    {"test": "StringLike", "variable": "s3:prefix", "values": ["a", "b"]},
                ],
            },
            {
                "notActions": ["iam:*"],
                "notResources": ["x"],
                "principals": [{"type": "*", "identifiers": ["*"]}],
            },
        ],
    )
    assert json.loads(answer["json"]) == json.loads(answer["minifiedJson"])
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Deny",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": "*",
                "Principal": {"AWS": "1", "Service": ["b", "a"]},
                "Condition": {
                    "Bool": {"aws:SecureTransport": "false"},
                    "StringLike": {"s3:prefix": ["b", "a"]},
                },
            },
            {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "x", "Principal": "*"},
            {"Sid": "Own", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        ],
    }


def test_what_only_a_plugin_can_do_is_refused_with_the_way_out(engine: Engine) -> None:
    with failing() as said:
        engine.calls.Construct(provider_pb2.ConstructRequest(type="eks:index:Cluster", name="c"))
    assert "eks:index:Cluster 'c': a packaged component cannot be stood in for" in said[0]
    with failing() as said:
        engine.calls.Parameterize(provider_pb2.ParameterizeRequest())
    assert "StandIns(packages=[...])" in said[0]
    with failing() as said:
        engine.calls.Call(provider_pb2.CallRequest(tok="a:b:C/d"))
    assert "a:b:C/d" in said[0]
    with failing(grpc.StatusCode.UNIMPLEMENTED):
        engine.calls.GetSchema(provider_pb2.GetSchemaRequest())


def test_cancelling_one_engine_leaves_the_others_waiting() -> None:
    with StandIns(faults=[Fault.hang(times=2)]) as standins, ThreadPoolExecutor(2) as pool:
        engines = [Engine(standins), Engine(standins)]
        hanging = [pool.submit(engine.create, TOPIC, "alarms", {"name": "alarms"}) for engine in engines]
        waiting = threading.Event()
        while [call.operation for call in standins.calls] != ["create", "create"]:
            waiting.wait(0.01)
        engines[0].calls.Cancel(empty_pb2.Empty())
        with failing() as said:
            hanging[0].result(timeout=30)
        assert "cancelled" in said[0]
        assert not hanging[1].done()
        # An engine that was killed does not cancel: its connection ends.
        engines[1].channel.close()
        with pytest.raises(grpc.RpcError):
            hanging[1].result(timeout=30)
        while any(call.outcome == "under way" for call in standins.calls):
            waiting.wait(0.01)


def test_several_engines_at_once_get_each_their_own(standins: StandIns) -> None:
    def live(number: int) -> tuple[str, str]:
        engine = Engine(standins, region=f"eu-west-{number}")
        inputs = engine.checked(TOPIC, f"alarms{number}", {"name": f"alarms{number}"})
        made = engine.create(TOPIC, f"alarms{number}", inputs)
        return made.id, plain(made.properties)["arn"]

    with ThreadPoolExecutor(9) as pool:
        found = set(pool.map(live, range(1, 10)))
    arns = {f"arn:aws:sns:eu-west-{n}:000000000000:alarms{n}" for n in range(1, 10)}
    assert {arn for _, arn in found} == arns
    assert len(standins.calls) == 18


def test_our_own_provider_is_the_real_one_and_starts_nothing(tmp_path: Path) -> None:
    token = "modelberth:local:Process"
    (tmp_path / "model.onnx").write_bytes(IRIS.read_bytes())
    with StandIns([], own=True, directory=tmp_path) as standins:
        engine = Engine(standins, stateDir="state")
        inputs = engine.checked(token, "iris", {"name": "iris", "model": "model.onnx", "port": standins.port})
        assert len(inputs["modelSha256"]) == 64
        (refused,) = engine.check(token, "iris", {"name": "iris", "model": "nowhere.onnx"}).failures
        assert refused.reason.startswith("model.uri: given 'nowhere.onnx', allowed: an existing file")
        assert engine.config_refusals("modelberth", raiz="x") == [
            "unknown; known: root, stateDir, version, vertexEndpoint"
        ]
        free = {name: value for name, value in inputs.items() if name != "port"}
        assert plain(engine.create(token, "iris", free, preview=True).properties)["url"] == UNKNOWN
        made = engine.create(token, "iris", {**free, "environment": {"TOKEN": secret(CANARY)}})
        outputs = plain(made.properties)
        assert (made.id, outputs["status"]) == ("iris", "serving")
        assert outputs["url"] == f"http://127.0.0.1:{outputs['port']}"
        assert outputs["environment"]["TOKEN"] == secret(CANARY)
        assert engine.diff(token, "iris", outputs, {**free, "replicas": 2}).detailedDiff.keys() >= {
            "replicas"
        }
        updated = engine.update(token, "iris", outputs, {**free, "replicas": 2}, preview=False)
        assert (updated["port"], updated["replicas"]) == (outputs["port"], 2)
        assert updated["revision"] != outputs["revision"]
        engine.calls.Delete(provider_pb2.DeleteRequest(id="iris", urn=urn(token, "iris")))
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_our_own_resources_ask_nothing_of_vertex(tmp_path: Path) -> None:
    model, deployed = "modelberth:vertex:Model", "modelberth:vertex:DeployedModel"
    place = {"project": "shop-prod", "region": "europe-west4"}
    image = f"europe-west4-docker.pkg.dev/shop-prod/models/server@sha256:{'1' * 64}"
    version = {**place, "modelId": "iris", "displayName": "iris", "image": image}
    endpoint = "projects/shop-prod/locations/europe-west4/endpoints/7061871393"
    with StandIns([], own=True, directory=tmp_path) as standins:
        engine = Engine(standins)
        inputs = engine.checked(model, "iris", version)
        previewed = plain(engine.create(model, "iris", inputs, preview=True).properties)
        assert previewed["versionName"] == previewed["holder"] == UNKNOWN
        first = plain(engine.create(model, "iris", inputs).properties)
        again = plain(engine.create(model, "iris", inputs).properties)
        other = plain(engine.create(model, "iris", {**inputs, "args": ["--quick"]}).properties)
        named = "projects/shop-prod/locations/europe-west4/models/iris"
        assert first == again
        assert first["versionName"] == f"{named}@{first['versionId']}"
        assert first["versionId"].isdecimal()
        assert other["versionName"] != first["versionName"]
        assert UNKNOWN not in first.values()
        renamed = engine.update(model, "iris", first, {**inputs, "displayName": "Iris"}, preview=False)
        assert renamed["versionName"] == first["versionName"]

        share = {"model": first["versionName"], "percent": 100, "machineType": "n1-standard-4"}
        wanted = engine.checked(deployed, "it", {"name": "iris", "endpoint": endpoint, "shares": [share]})
        made = engine.create(deployed, "it", wanted)
        outputs = plain(made.properties)
        assert (made.id, outputs["status"]) == (f"{endpoint}/iris", "serving")
        (number,) = outputs["deployedModelIds"]
        assert outputs["traffic"] == {number: 100}
        assert UNKNOWN not in outputs.values()
    assert list(tmp_path.iterdir()) == []


def test_our_own_resources_ask_no_cluster(tmp_path: Path) -> None:
    key, needs = "modelberth:kubernetes:ApiKey", "modelberth:kubernetes:Requirements"
    named = {"name": "keys", "namespace": "team", "endpoint": "iris", "kubeconfig": "nowhere"}
    lacks = [{"apiVersion": "v1", "kind": "Secret", "name": "gone", "path": "security.auth.secret"}]
    with StandIns([], own=True, directory=tmp_path) as standins:
        engine = Engine(standins)
        asked = {"namespace": "team", "instance": "iris", "kubeconfig": "nowhere", "objects": lacks}
        assert engine.checked(needs, "needs", asked) == asked
        made = engine.create(needs, "needs", asked)
        assert (made.id, plain(made.properties)) == ("team/iris", asked)
        assert engine.checked(key, "key", named) == named
        previewed = plain(engine.create(key, "key", named, preview=True).properties)
        assert previewed["fingerprint"] == previewed["uid"] == UNKNOWN
        made = engine.create(key, "key", named)
        outputs = plain(made.properties)
        assert (made.id, outputs["status"], len(outputs["fingerprint"])) == ("team/keys", "valid", 12)
        assert UNKNOWN not in outputs.values()
        rotated = {**named, "rotation": "2"}
        changed = engine.diff(key, "key", named, rotated).detailedDiff
        assert changed.keys() == {"rotation"}
        assert engine.update(key, "key", outputs, rotated, preview=True)["fingerprint"] == UNKNOWN
        assert len(engine.update(key, "key", outputs, rotated, preview=False)["fingerprint"]) == 12


class Unready:
    """A backend of which every object is made and none becomes ready, and which knows a secret by value."""

    def config_failures(self, request: Request, config: Properties) -> list[CheckFailure]:
        return [CheckFailure("", "no cluster today")] if config.get("context") == "nowhere" else []

    def check(self, request: Request, olds: Properties, news: Properties) -> Checked:
        return Checked(news)

    def diff(
        self,
        request: Request,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
    ) -> Difference:
        return Difference([Change("spec", replaces=True)], delete_first=True)

    def create(self, request: Request, inputs: Properties) -> Observed:
        raise NotReadyError(Observed("models/iris", inputs, inputs), f"the log says {CANARY}")

    def read(
        self, request: Request, resource_id: str, inputs: Properties, outputs: Properties
    ) -> Observed | None:
        return None

    def update(
        self,
        request: Request,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        inputs: Properties,
    ) -> Properties:
        raise RuntimeError(f"broken by {CANARY}")

    def delete(self, request: Request, resource_id: str, outputs: Properties) -> None:
        pass


def test_another_backend_can_stand_behind_kubernetes(caplog: pytest.LogCaptureFixture) -> None:
    token = "kubernetes:core/v1:Pod"
    inputs = {"spec": {"token": secret(CANARY)}}
    with StandIns(kubernetes=Unready()) as standins:
        engine = Engine(standins)
        with failing(grpc.StatusCode.UNKNOWN) as said:
            engine.create(token, "iris", inputs)
        assert said == ["the log says [secret]"]
        with failing(grpc.StatusCode.INTERNAL) as said:
            engine.update(token, "iris", {}, inputs, preview=False)
        assert "broken by [secret]" in said[0]
        assert engine.read(token, "iris", "models/iris").id == ""
        assert engine.diff(token, "iris", {}, inputs).deleteBeforeReplace
        assert engine.config_refusals("kubernetes", context="nowhere") == ["no cluster today"]
        (mistyped,) = engine.config_refusals("kubernetes", contxt="here")
        assert mistyped.startswith("contxt: unknown")
        created = standins.calls[0]
        assert (created.id, created.outcome) == ("models/iris", "the log says [secret]")
        assert CANARY not in repr(standins.calls)
    assert CANARY not in caplog.text
