"""Whole endpoints in SageMaker, as they are registered, and the controls that they meet."""

import json
from collections import Counter
from pathlib import Path

import pulumi
import pytest

from modelberth.aws.sagemaker.endpoint import SageMakerEndpoint, SageMakerEndpointArgs
from modelberth.capabilities import check
from modelberth.contract import VERSION
from support.aws.modes import graph_of
from support.aws_blocks import KEY, PLACE
from support.aws_sagemaker import IMAGE, MODES, configuration, made, mode, one, registered
from support.clouds.golden import same_as
from support.iam import allows
from support.recording import run

GOLDEN = Path(__file__).parents[1] / "golden" / "sagemaker_inventory.json"
REPOSITORY = PLACE.arn("ecr", "repository/models/iris")


def inventory(which: str) -> dict[str, int]:
    kinds = Counter(resource.type for resource in registered(which)[0].resources)
    return dict(sorted((kind, number) for kind, number in kinds.items() if kind != "pulumi:pulumi:Stack"))


def test_the_inventory_of_every_mode() -> None:
    found = {which: inventory(which) for which in MODES}
    assert len(found) == 36
    same_as(GOLDEN, found, __file__)


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through_and_lies_in_its_region(which: str) -> None:
    args = MODES[which].args
    assert check(args.spec, args.target, has_image=args.image is not None) == ()
    recorder, _ = registered(which)
    aws = [each for each in recorder.resources if each.type.startswith("aws:")]
    assert len(aws) >= 7
    # IAM and the budgets are in no region.
    elsewhere = [each for each in aws if each.inputs.get("region") != PLACE.region]
    assert {each.type.partition("/")[0] for each in elsewhere} <= {"aws:iam", "aws:budgets"}


@pytest.mark.parametrize("which", MODES)
def test_everything_that_takes_tags_has_them(which: str) -> None:
    taking = (
        "Model",
        "EndpointConfiguration",
        "EndpointConfig",
        "Endpoint",
        "LogGroup",
        "Key",
        "Role",
        "Topic",
    )
    found = [
        each
        for each in registered(which)[0].resources
        if each.type.rpartition(":")[2] in taking and not each.type.startswith("modelberth:")
    ]
    assert len(found) >= 4
    for each in found:
        tags = each.inputs["tags"]
        pairs = tags if isinstance(tags, dict) else {tag["key"]: tag["value"] for tag in tags}
        assert pairs["modelberth:endpoint"] == "iris", each.name


@pytest.mark.parametrize(
    ("which", "path"),
    [
        ("minimal", "/endpoints/shop-dev-iris/invocations"),
        ("serverless", "/endpoints/shop-dev-iris/invocations"),
        ("async", "/endpoints/shop-dev-iris/async-invocations"),
    ],
)
def test_outputs_are_registered_once_and_describe_the_endpoint(which: str, path: str) -> None:
    recorder, component = registered(which)
    (outputs,) = [value for urn, value in recorder.outputs.items() if urn.endswith("SageMakerEndpoint::iris")]
    contract = outputs["contract"]
    assert contract["contract_version"] == VERSION
    assert contract["url"] == "https://runtime.sagemaker.eu-central-1.amazonaws.com"
    assert contract["predict_path"] == path
    assert contract["auth"] == "iam"
    assert contract["revision"] == configuration(which)["name"]
    assert contract["image_digest"] == IMAGE.rpartition("@")[2]
    assert contract["logs"] == "/aws/sagemaker/Endpoints/shop-dev-iris"
    assert isinstance(component.url, pulumi.Output)


def test_the_revision_of_copies_is_their_model() -> None:
    """The configuration of a pool of instances stays where the model changes."""
    recorder, _ = registered("components")
    (outputs,) = [value for urn, value in recorder.outputs.items() if urn.endswith("SageMakerEndpoint::iris")]
    assert outputs["contract"]["revision"] == one("components", "Model").inputs["name"]


# Models


def test_the_model_of_a_small_endpoint() -> None:
    inputs = one("minimal", "Model").inputs
    container = inputs["primaryContainer"]
    assert container["image"] == IMAGE
    (source,) = container["modelDataSource"]["s3DataSources"]
    assert source == {
        "s3Uri": "s3://models/iris/3.onnx",
        "s3DataType": "S3Object",
        "compressionType": "None",
    }
    assert container["environment"]["MODELBERTH_MODEL_PATH"] == "/opt/ml/model"
    assert container["environment"]["MODELBERTH_MODEL_SHA256"] == "a" * 64
    assert inputs["executionRoleArn"] == PLACE.arn("iam", "role/shop-dev-iris-endpoint-eu-central-1")


@pytest.mark.parametrize("which", MODES)
def test_containers_have_no_network(which: str) -> None:
    """A16: isolated, unless the server has to fetch the model, or the mode cannot."""
    opened = {"fetched by the server", "serverless", "serverless, warm"}
    models = registered(which)[0].of("Model")
    assert models
    assert {each.inputs["enableNetworkIsolation"] for each in models} == {which not in opened}
    for pool in registered(which)[0].of("EndpointConfig"):
        assert pool.inputs["enableNetworkIsolation"] is True


def test_a_vpc_is_the_targets() -> None:
    """A18: of the models; of inference components it is the configuration's."""
    network = {
        "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "securityGroupIds": ["sg-0123456789abcdef0"],
    }
    assert one("vpc", "Model").inputs["vpcConfig"] == network
    assert one("components, to zero", "EndpointConfig").inputs["vpcConfig"] == network
    assert "vpcConfig" not in one("minimal", "Model").inputs


@pytest.mark.parametrize("which", MODES)
def test_variables_hold_no_secret(which: str) -> None:
    """A13: every variable is one of the server's settings, and none of those that name a secret."""
    for each in registered(which)[0].of("Model"):
        variables = each.inputs["primaryContainer"]["environment"]
        assert len(variables) >= 8
        assert all(name.startswith("MODELBERTH_") for name in variables)
        assert not [name for name in variables if "KEY" in name or "TOKEN" in name or "PASSWORD" in name]


# What encrypts


@pytest.mark.parametrize("which", MODES)
def test_everything_is_encrypted_with_the_endpoints_key(which: str) -> None:
    """A17, A36, A38: volumes that take a key, logs and topics; and with `security.key` no other is made."""
    recorder, own = registered(which)[0], MODES[which].args.spec.security.key or KEY
    without_volume = {"gpu", "gpu, scaled by itself", "serverless", "serverless, warm"}
    keys = {each.inputs.get("kmsKeyArn") for each in recorder.of("EndpointConfiguration")}
    keys |= {each.inputs.get("kmsKeyId") for each in recorder.of("EndpointConfig")}
    assert keys == {None if which in without_volume else own}
    assert {each.inputs["kmsKeyId"] for each in recorder.of("LogGroup")} == {own}
    assert {each.inputs["kmsMasterKeyId"] for each in recorder.of("Topic")} <= {own}
    assert (len(recorder.of("Key")) == 0) == (MODES[which].args.spec.security.key is not None)


def test_the_log_group_is_there_before_sagemaker_makes_its_own() -> None:
    """A36: with a key and an end; the endpoint comes after it."""
    group = one("everything", "LogGroup")
    assert group.inputs["name"] == "/aws/sagemaker/Endpoints/shop-dev-iris"
    assert group.inputs["retentionInDays"] == 365
    (found,) = registered("everything")[0].of("Endpoint")
    assert group.name in {urn.rpartition("::")[2] for urn in found.dependencies}


def test_a_sample_is_encrypted_and_bounded() -> None:
    """A19: percent, key and prefix are the spec's; without the field nothing is captured."""
    wanted = configuration("captured")["dataCaptureConfig"]
    assert wanted["initialSamplingPercentage"] == 5
    assert wanted["kmsKeyId"] == KEY
    assert wanted["destinationS3Uri"] == "s3://samples/iris"
    assert [each["captureMode"] for each in wanted["captureOptions"]] == ["Input", "Output"]
    assert "dataCaptureConfig" not in configuration("minimal")


# Options


def test_an_image_that_is_still_being_built() -> None:
    args = mode(image="").args
    built = pulumi.Output.from_input(IMAGE).apply(str)
    recorder, _ = made(MODES["minimal"])
    given = SageMakerEndpointArgs(args.spec, args.target, image=built, repository=REPOSITORY)
    run(recorder, lambda: SageMakerEndpoint("built", given))
    assert recorder.named("built-model-model").inputs["primaryContainer"]["image"] == IMAGE
    document = json.loads(recorder.named("built-identity-rights").inputs["policy"])
    assert allows(document, "ecr:BatchGetImage", REPOSITORY)()

    def program() -> None:
        SageMakerEndpoint("nowhere", SageMakerEndpointArgs(args.spec, args.target, image=built))

    with pytest.raises(pulumi.RunError, match="repository: given nothing"):
        program()


def test_nothing_comes_before_what_it_needs() -> None:
    def after(which: str, name: str) -> set[str]:
        urns = registered(which)[0].named(name).dependencies
        return {urn.rpartition("::")[2] for urn in urns}

    assert {"iris-identity-rights", "iris-identity-keys"} <= after("minimal", "iris-model-model")
    assert "iris-model-model" in after("minimal", "iris-config")
    assert {"iris-config", "iris-logs-endpoint"} <= after("minimal", "iris-endpoint")
    assert {"iris-async-success-policy", "iris-async-error-policy"} <= after("async", "iris-config")
    assert "iris-endpoint" in after("components", "iris-component")
    (target,) = registered("autoscaled")[0].of("Target")
    assert "iris-endpoint" in after("autoscaled", target.name)


def test_protection_holds_up_what_lasts() -> None:
    recorder, _ = registered("everything")
    protected = {each.type.rpartition(":")[2] for each in recorder.resources if each.protect}
    assert {"Endpoint", "Key", "LogGroup"} <= protected
    assert protected & {"Model", "EndpointConfiguration"} == set(), "an update replaces these"
    assert not [each for each in registered("minimal")[0].resources if each.protect]


def test_a_refusal_ends_the_program_with_its_path() -> None:
    args = mode(scaling={"min": 0, "max": 2}).args
    wrong = SageMakerEndpointArgs(args.spec, args.target, "endpoints[0]")

    def program() -> None:
        SageMakerEndpoint("iris", wrong)

    with pytest.raises(pulumi.RunError, match=r"endpoints\[0\]\.scaling\.min: given 0"):
        program()


def test_no_update_leads_from_one_way_of_answering_to_another() -> None:
    """AWS refuses to make an endpoint serverless, to take away its queue, and the way back."""
    found = {}
    for which in ("minimal", "vpc", "serverless", "async"):
        resources = graph_of(f"sagemaker: {which}").resources
        (found[which],) = {one.trigger for one in resources if one.token == "aws-native:sagemaker:Endpoint"}
    assert found["minimal"] == found["vpc"]
    assert len(set(found.values())) == 3
