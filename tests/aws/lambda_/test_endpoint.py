"""Whole endpoints in AWS Lambda, as they are registered, and the controls that they meet."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pulumi
import pytest

from modelberth.aws.lambda_.checks import check
from modelberth.aws.lambda_.endpoint import LambdaEndpoint, LambdaEndpointArgs
from modelberth.contract import VERSION
from support.aws_blocks import KEY, PLACE
from support.aws_plans import IMAGE, MODES, made, mode, one, registered
from support.clouds.golden import same_as
from support.recording import run

# pulumi-aws 7.51.1 warns of one of its own classes whenever `lambda_` is imported.

GOLDEN = Path(__file__).parents[1] / "golden" / "lambda_inventory.json"


def inventory(which: str) -> dict[str, int]:
    kinds = Counter(resource.type for resource in registered(which)[0].resources)
    return dict(sorted((kind, number) for kind, number in kinds.items() if kind != "pulumi:pulumi:Stack"))


def test_the_inventory_of_every_mode() -> None:
    found = {which: inventory(which) for which in MODES}
    assert len(found) == 25
    same_as(GOLDEN, found, __file__)


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through_and_lies_in_its_region(which: str) -> None:
    args = MODES[which].args
    assert check(args.spec, args.target, has_image=args.image is not None) == ()
    recorder, _ = registered(which)
    aws = [each for each in recorder.resources if each.type.startswith("aws:")]
    assert len(aws) >= 10
    # IAM and the budgets are in no region.
    elsewhere = [each for each in aws if each.inputs.get("region") != PLACE.region]
    assert {each.type.partition("/")[0] for each in elsewhere} <= {"aws:iam", "aws:budgets"}


@pytest.mark.parametrize("which", MODES)
def test_everything_that_takes_tags_has_them(which: str) -> None:
    recorder, _ = registered(which)
    taking = ("Function", "LogGroup", "Queue", "Api", "Stage", "Key", "Role", "Topic", "DomainName")
    found = [each for each in recorder.resources if each.type.rpartition(":")[2] in taking]
    assert len(found) >= 3
    for each in found:
        assert each.inputs["tags"]["modelberth:endpoint"] == "iris", each.name


def test_outputs_are_registered_once_and_describe_the_endpoint() -> None:
    recorder, endpoint = registered("minimal")
    (outputs,) = [value for urn, value in recorder.outputs.items() if urn.endswith("LambdaEndpoint::iris")]
    contract = outputs["contract"]
    assert contract["contract_version"] == VERSION
    assert contract["url"] == "https://lambda.eu-central-1.amazonaws.com"
    assert contract["predict_path"] == "/2015-03-31/functions/shop-dev-iris:live/invocations"
    assert contract["auth"] == "iam"
    assert contract["revision"] == "8"
    assert contract["image_digest"] == IMAGE.rpartition("@")[2]
    assert contract["logs"] == "/aws/lambda/shop-dev-iris"
    assert isinstance(endpoint.url, pulumi.Output)


@pytest.mark.parametrize(
    ("which", "url", "auth"),
    [
        ("url", "https://abc.lambda-url.on.aws", "iam"),
        ("url, open", "https://abc.lambda-url.on.aws", "none"),
        ("api, tokens", "https://api.example.com", "jwt"),
        ("api, own name", "https://iris.example.com", "jwt"),
    ],
)
def test_the_address_of_each_front(which: str, url: str, auth: str) -> None:
    recorder, _ = registered(which)
    (outputs,) = [value for urn, value in recorder.outputs.items() if urn.endswith("LambdaEndpoint::iris")]
    assert outputs["contract"]["url"] == url
    assert outputs["contract"]["predict_path"] == "/predict"
    assert outputs["contract"]["auth"] == auth


# The function


def test_the_function_of_a_small_endpoint() -> None:
    inputs = one("minimal", "Function").inputs
    assert inputs["packageType"] == "Image"
    assert inputs["imageUri"] == IMAGE
    assert inputs["architectures"] == ["arm64"]
    assert inputs["memorySize"] == 1769
    assert inputs["timeout"] == 330
    assert inputs["ephemeralStorage"] == {"size": 512}
    assert inputs["publish"] is True
    assert inputs["role"] == "arn:aws:iam::123456789012:role/shop-dev-iris-function-eu-central-1"
    assert inputs["loggingConfig"] == {"logFormat": "JSON", "logGroup": "/aws/lambda/shop-dev-iris"}
    assert "imageConfig" not in inputs
    variables = inputs["environment"]["variables"]
    assert variables["MODELBERTH_MODEL_URI"] == "s3://models/iris/3.onnx"
    assert variables["MODELBERTH_MODEL_SHA256"] == "a" * 64
    assert variables["MODELBERTH_MAX_CONCURRENCY"] == "1"


def test_a_vpc_is_the_targets() -> None:
    """A8: two zones or none; without target.vpc the function has no way into a network at all."""
    inputs = one("vpc", "Function").inputs
    assert len(inputs["vpcConfig"]["subnetIds"]) == 2
    assert inputs["vpcConfig"]["securityGroupIds"] == ["sg-0123456789abcdef0"]
    assert "vpcConfig" not in one("minimal", "Function").inputs


@pytest.mark.parametrize("which", MODES)
def test_encryption_concurrency_and_dead_letters(which: str) -> None:
    """A9, A10, A11: the endpoint's key, a cap on invocations at once, and a queue for what failed."""
    recorder, _ = registered(which)
    own = MODES[which].args.spec.security.key or KEY
    inputs = one(which, "Function").inputs
    assert inputs["kmsKeyArn"] == own
    assert 1 <= inputs["reservedConcurrentExecutions"] == MODES[which].args.spec.scaling.max
    queue = one(which, "Queue").inputs
    assert queue["kmsMasterKeyId"] == own
    assert inputs["deadLetterConfig"] == {"targetArn": PLACE.arn("sqs", queue["name"])}
    assert recorder.document("iris-dead-letters-policy")["Statement"][0]["Effect"] == "Deny"
    assert {each.inputs["kmsKeyId"] for each in recorder.of("LogGroup")} == {own}
    assert (len(recorder.of("Key")) == 0) == (MODES[which].args.spec.security.key is not None)


def test_tracing_follows_the_spec() -> None:
    """A12: active where the spec asks for traces; else the caller's own decision is passed on."""
    assert one("everything", "Function").inputs["tracingConfig"] == {"mode": "Active"}
    assert one("minimal", "Function").inputs["tracingConfig"] == {"mode": "PassThrough"}


@pytest.mark.parametrize("which", MODES)
def test_variables_hold_no_secret(which: str) -> None:
    """A13: every variable is one of the server's settings, and none of those that name a secret."""
    variables = one(which, "Function").inputs["environment"]["variables"]
    assert len(variables) >= 8
    assert all(name.startswith("MODELBERTH_") for name in variables)
    assert not [name for name in variables if "KEY" in name or "TOKEN" in name or "PASSWORD" in name]


@pytest.mark.parametrize("which", MODES)
def test_code_is_an_image_by_digest(which: str) -> None:
    """A14: AWS signs no images of functions; what runs is named by its digest, and by nothing that moves."""
    inputs = one(which, "Function").inputs
    assert "codeSigningConfigArn" not in inputs
    assert inputs["imageUri"].partition("@")[2].startswith("sha256:")


# Versions


@pytest.mark.parametrize(
    ("which", "version", "weights"),
    [
        ("minimal", "8", None),
        ("canary, back", "7", None),
        ("canary", "8", {"7": 0.9}),
        ("canary, further", "8", {"7": 0.5}),
        ("canary, whole", "8", None),
        ("blue-green", "8", None),
        ("blue-green, back", "7", None),
    ],
)
def test_the_alias_of_each_step(which: str, version: str, weights: dict[str, float] | None) -> None:
    (alias,) = [each for each in registered(which)[0].of("Alias") if each.type.startswith("aws:lambda")]
    assert alias.inputs["name"] == "live"
    assert alias.inputs["functionVersion"] == version
    routing = alias.inputs.get("routingConfig")
    assert routing == (None if weights is None else {"additionalVersionWeights": weights})


def test_a_step_changes_the_alias_alone() -> None:
    def others(which: str) -> dict[str, Any]:
        kept = [
            each for each in registered(which)[0].resources if each.type.startswith("aws:lambda/function")
        ]
        return {each.name: each.inputs for each in kept}

    assert others("canary") == others("canary, further")
    assert len(others("canary")) == 2


def test_the_watching_of_a_canary_knows_the_new_version() -> None:
    def dimensions(which: str) -> str:
        return json.dumps([each.inputs for each in registered(which)[0].of("MetricAlarm")])

    assert '"ExecutedVersion": "8"' in dimensions("canary")
    assert "ExecutedVersion" not in dimensions("canary, whole")


# Warm environments


def test_warm_environments_and_their_scaling() -> None:
    fixed = one("minimal", "ProvisionedConcurrencyConfig")
    assert fixed.inputs["provisionedConcurrentExecutions"] == 1
    assert fixed.inputs["qualifier"] == "live"
    assert fixed.ignored == ()
    scaled = one("autoscaled", "ProvisionedConcurrencyConfig")
    assert scaled.ignored == ("provisionedConcurrentExecutions",)
    target = one("autoscaled", "Target").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (2, 20)
    assert target["resourceId"] == "function:shop-dev-iris:live"
    tracking = one("autoscaled", "Policy").inputs["targetTrackingScalingPolicyConfiguration"]
    assert tracking["targetValue"] == 0.5
    assert tracking["scaleInCooldown"] == 300
    for kind in ("ProvisionedConcurrencyConfig", "Target"):
        assert registered("idle costs nothing")[0].of(kind) == []


# Options


def test_an_image_that_is_still_being_built() -> None:
    recorder, _ = made(MODES["minimal"])
    args = mode(image="").args
    built = pulumi.Output.from_input(IMAGE).apply(str)
    run(recorder, lambda: LambdaEndpoint("built", LambdaEndpointArgs(args.spec, args.target, image=built)))
    assert recorder.named("built-function").inputs["imageUri"] == IMAGE


def test_nothing_comes_before_what_it_needs() -> None:
    def after(which: str, name: str) -> set[str]:
        urns = registered(which)[0].named(name).dependencies
        return {urn.rpartition("::")[2] for urn in urns}

    assert {"iris-dead-letters-policy", "iris-identity-rights", "iris-logs-function"} <= after(
        "minimal", "iris-function"
    )
    assert after("minimal", "iris-alias") == {"iris-function"}
    assert after("minimal", "iris-warm") == {"iris-alias"}
    assert "iris-warm" in after("autoscaled", "iris-scaling-target")
    assert "iris-scaling-target" in after("autoscaled", "iris-scaling-busy")
    assert len([name for name in after("url", "iris-url") if "url-" in name]) == 2
    routes = registered("api, tokens")[0].of("Route")
    assert len(routes) == 10
    for each in routes:
        assert f"{each.name}-permission" in after("api, tokens", each.name)


def test_protection_holds_up_what_lasts() -> None:
    recorder, _ = registered("everything")
    protected = {each.type.rpartition(":")[2] for each in recorder.resources if each.protect}
    assert {"Function", "Alias", "Key", "Queue", "LogGroup"} <= protected
    assert "Permission" not in protected
    assert not [each for each in registered("minimal")[0].resources if each.protect]


def test_a_refusal_ends_the_program_with_its_path() -> None:
    args = mode(security={"auth": {"kind": "none"}}).args
    wrong = LambdaEndpointArgs(args.spec, args.target, "endpoints[0]")

    def program() -> None:
        LambdaEndpoint("iris", wrong)

    with pytest.raises(pulumi.RunError, match=r"endpoints\[0\]\.security\.auth\.kind: given none"):
        program()
