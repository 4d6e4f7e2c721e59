"""What a role may do: what its endpoint needs, and nothing beside it."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.aws.needs import Needs
from modelberth.aws.permissions import statements, trust
from support.aws_blocks import (
    ALL,
    CHINA,
    FUNCTION,
    GROUP,
    KEY,
    NEEDS,
    OTHER_KEY,
    PLACE,
    SAGEMAKER,
    rights,
    spec,
)
from support.iam import allows, document

STREAM = f"arn:aws:logs:eu-central-1:123456789012:log-group:{GROUP}:log-stream:2026"
MODEL = "arn:aws:s3:::models/iris/3.onnx"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:shop-dev-iris-dead"
VIA_S3 = {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
S3_CONTEXT = "kms:EncryptionContext:aws:s3:arn"
VERSION = "L4kqtJlcpXroDTDmpUMLUo"
PREVIOUS = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}


def served(model: dict[str, Any], **fields: Any) -> Needs:
    return replace(NEEDS, spec=spec(model=model, **fields))


def test_a_function_may_read_its_model_and_write_its_logs() -> None:
    found = rights()
    assert [one["Sid"] for one in found["Statement"]] == ["Logs", "Models", "Settings", "ModelKeys"]
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert allows(found, action, STREAM)()
        assert not allows(found, action, STREAM.replace("dev-iris", "dev-iris2"))()
    assert allows(found, "s3:GetObject", MODEL)()
    assert allows(found, "kms:Decrypt", KEY)({**VIA_S3, S3_CONTEXT: MODEL})
    assert allows(found, "kms:Decrypt", KEY)({**VIA_S3, S3_CONTEXT: "arn:aws:s3:::models"})
    assert allows(found, "kms:Decrypt", KEY)({"kms:EncryptionContext:aws:lambda:FunctionArn": FUNCTION})


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:GetObject", "arn:aws:s3:::models/iris/4.onnx", {}),
        ("s3:GetObject", f"{MODEL}.bak", {}),
        ("s3:GetObject", "arn:aws:s3:::others/iris/3.onnx", {}),
        ("s3:GetObjectVersion", MODEL, {"s3:VersionId": VERSION}),
        ("s3:ListBucket", "arn:aws:s3:::models", {"s3:prefix": "iris/"}),
        ("s3:PutObject", MODEL, {}),
        ("s3:DeleteObject", MODEL, {}),
        ("logs:CreateLogGroup", STREAM, {}),
        ("kms:Decrypt", KEY, {}),
        ("kms:Decrypt", OTHER_KEY, {**VIA_S3, S3_CONTEXT: MODEL}),
        ("kms:Decrypt", KEY, {**VIA_S3, S3_CONTEXT: "arn:aws:s3:::others"}),
        ("kms:Decrypt", KEY, {"kms:ViaService": "sqs.eu-central-1.amazonaws.com", S3_CONTEXT: MODEL}),
        ("kms:Decrypt", KEY, {"kms:EncryptionContext:aws:lambda:FunctionArn": f"{FUNCTION}2"}),
        ("kms:GenerateDataKey", KEY, {**VIA_S3, S3_CONTEXT: MODEL}),
        ("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}),
        ("ec2:CreateNetworkInterface", "arn:aws:ec2:eu-central-1:123456789012:subnet/subnet-1", {}),
        ("ec2:DescribeSubnets", "*", {}),
        ("xray:PutTraceSegments", "*", {}),
        ("sqs:SendMessage", QUEUE, {}),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/admin", {}),
        ("sts:AssumeRole", "arn:aws:iam::123456789012:role/admin", {}),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x", {}),
        ("lambda:InvokeFunction", FUNCTION, {}),
        ("ecr:GetAuthorizationToken", "*", {}),
    ],
)
def test_a_function_may_do_nothing_else(action: str, resource: str, context: dict[str, str]) -> None:
    assert not allows(rights(), action, resource)(context)


def test_a_pinned_model_is_read_in_that_version_only() -> None:
    found = rights(served({"uri": "s3://models/iris/3.onnx", "revision": VERSION}))
    assert allows(found, "s3:GetObjectVersion", MODEL)({"s3:VersionId": VERSION})
    assert not allows(found, "s3:GetObjectVersion", MODEL)({"s3:VersionId": "another"})
    assert not allows(found, "s3:GetObject", MODEL)()


def test_a_folder_is_read_below_itself() -> None:
    found = rights(served({"uri": "s3://models/iris/3/", "sha256": "a" * 64}))
    assert allows(found, "s3:GetObject", "arn:aws:s3:::models/iris/3/model.json")()
    assert not allows(found, "s3:GetObject", "arn:aws:s3:::models/iris/30/model.json")()
    assert not allows(found, "s3:GetObject", "arn:aws:s3:::models/iris/3")()


def test_what_iam_would_expand_in_a_key_is_taken_literally() -> None:
    found = rights(served({"uri": "s3://models/a%20*/%3F$.onnx", "sha256": "a" * 64}))
    assert allows(found, "s3:GetObject", "arn:aws:s3:::models/a */?$.onnx")()
    assert not allows(found, "s3:GetObject", "arn:aws:s3:::models/a b/c$.onnx")()


def test_every_model_of_a_rollout_and_of_variants_is_read() -> None:
    small = {"uri": "s3://small/iris.onnx", "sha256": "c" * 64}
    canary = replace(NEEDS, spec=spec(rollout={"strategy": "canary", "previous": PREVIOUS}))
    assert allows(rights(canary), "s3:GetObject", "arn:aws:s3:::models/iris/2.onnx")()
    both = replace(NEEDS, spec=spec(variants={"small": {"model": small, "weight": 10}}))
    found = rights(both)
    assert allows(found, "s3:GetObject", "arn:aws:s3:::small/iris.onnx")()
    assert allows(found, "s3:GetObject", MODEL)()
    assert allows(found, "kms:Decrypt", KEY)({**VIA_S3, S3_CONTEXT: "arn:aws:s3:::small"})
    assert not allows(rights(), "s3:GetObject", "arn:aws:s3:::small/iris.onnx")()


@pytest.mark.parametrize("uri", ["hf://org/iris", "https://example.com/iris.onnx", "file:iris.onnx"])
def test_a_model_elsewhere_needs_no_bucket(uri: str) -> None:
    found = rights(served({"uri": uri, "sha256": "a" * 64}))
    assert [one["Sid"] for one in found["Statement"]] == ["Logs", "Settings"]


def test_a_models_bucket_may_have_a_key_of_its_own_in_its_own_region() -> None:
    found = rights(NEEDS, OTHER_KEY)
    there = {"kms:ViaService": "s3.us-east-1.amazonaws.com", S3_CONTEXT: "arn:aws:s3:::models"}
    assert allows(found, "kms:Decrypt", OTHER_KEY)(there)
    assert not allows(found, "kms:Decrypt", OTHER_KEY)({**there, S3_CONTEXT: "arn:aws:s3:::others"})


def test_interfaces_are_lambdas_to_make_and_not_the_codes() -> None:
    found = rights(ALL)
    interface = "arn:aws:ec2:eu-central-1:123456789012:network-interface/*"
    for action in ("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"):
        assert allows(found, action, interface)()
        assert not allows(found, action, interface)({"lambda:SourceFunctionArn": FUNCTION})
        assert not allows(found, action, interface.replace("eu-central-1", "us-east-1"))()
    assert allows(found, "ec2:DescribeSubnets")()
    assert not allows(found, "ec2:DescribeSubnets")({"lambda:SourceFunctionArn": FUNCTION})
    assert not allows(rights(replace(ALL, vpc=False)), "ec2:DescribeSubnets")()


def test_traces_dead_letters_and_samples_are_written_where_they_are_asked_for() -> None:
    found = rights(ALL)
    assert allows(found, "xray:PutTraceSegments")()
    assert allows(found, "sqs:SendMessage", QUEUE)()
    assert not allows(found, "sqs:SendMessage", f"{QUEUE}2")()
    assert not allows(found, "sqs:ReceiveMessage", QUEUE)()
    queue = {"kms:ViaService": "sqs.eu-central-1.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn": QUEUE}
    assert allows(found, "kms:GenerateDataKey", KEY)(queue)
    assert allows(found, "s3:PutObject", "arn:aws:s3:::samples/iris/2026.parquet")()
    assert not allows(found, "s3:PutObject", "arn:aws:s3:::samples/iris2/2026.parquet")()
    assert not allows(found, "s3:GetObject", "arn:aws:s3:::samples/iris/2026.parquet")()
    assert allows(found, "kms:GenerateDataKey", KEY)({**VIA_S3, S3_CONTEXT: "arn:aws:s3:::samples"})


def test_a_bucket_may_be_for_samples_alone() -> None:
    found = rights(replace(NEEDS, capture="s3://samples/"))
    assert allows(found, "s3:PutObject", "arn:aws:s3:::samples/2026.parquet")()


def test_a5_sagemaker_pulls_and_does_not_push() -> None:
    """A5: the instances' role pulls from one repository."""
    found = rights(SAGEMAKER)
    repository = "arn:aws:ecr:eu-central-1:123456789012:repository/models/server"
    assert allows(found, "ecr:BatchGetImage", repository)()
    assert allows(found, "ecr:GetAuthorizationToken")()
    assert not allows(found, "ecr:BatchGetImage", f"{repository}2")()
    for action in ("ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:BatchDeleteImage"):
        assert not allows(found, action, repository)()


def test_sagemaker_copies_the_model_and_writes_its_metrics() -> None:
    pinned = spec(model={"uri": "s3://models/iris/3/", "revision": VERSION})
    found = rights(replace(SAGEMAKER, spec=pinned))
    assert allows(found, "s3:GetObject", "arn:aws:s3:::models/iris/3/model.json")()
    assert allows(found, "s3:ListBucket", "arn:aws:s3:::models")({"s3:prefix": "iris/3/"})
    assert not allows(found, "s3:ListBucket", "arn:aws:s3:::models")({"s3:prefix": "iris/"})
    assert not allows(found, "s3:ListBucket", "arn:aws:s3:::models")()
    assert allows(found, "cloudwatch:PutMetricData")({"cloudwatch:namespace": "/aws/sagemaker/Endpoints"})
    assert not allows(found, "cloudwatch:PutMetricData")({"cloudwatch:namespace": "AWS/Billing"})
    assert allows(
        found, "ec2:CreateNetworkInterfacePermission", "arn:aws:ec2:eu-central-1:123456789012:x/y"
    )()
    assert not allows(found, "xray:PutTraceSegments")()


def test_only_the_function_takes_on_its_role() -> None:
    made = document(trust(NEEDS))
    assume = allows(made, "sts:AssumeRole", principal=("Service", "lambda.amazonaws.com"))
    mine = {"aws:SourceAccount": PLACE.account, "aws:SourceArn": FUNCTION}
    assert assume(mine)
    assert assume({**mine, "aws:SourceArn": f"{FUNCTION}:7"})
    assert not assume({**mine, "aws:SourceArn": f"{FUNCTION}2"})
    assert not assume({**mine, "aws:SourceAccount": "210987654321"})
    assert not assume()
    assert not allows(made, "sts:AssumeRole", principal=("Service", "ec2.amazonaws.com"))(mine)


def test_a_function_in_a_vpc_is_told_by_its_account() -> None:
    assume = allows(document(trust(ALL)), "sts:AssumeRole", principal=("Service", "lambda.amazonaws.com"))
    assert assume({"aws:SourceAccount": PLACE.account})
    assert not assume({"aws:SourceAccount": "210987654321"})


def test_sagemaker_takes_on_its_role_for_the_account_and_the_region() -> None:
    assume = allows(
        document(trust(SAGEMAKER)), "sts:AssumeRole", principal=("Service", "sagemaker.amazonaws.com")
    )
    source = "arn:aws:sagemaker:eu-central-1:123456789012:*"
    assert assume({"aws:SourceAccount": PLACE.account, "aws:SourceArn": source})
    assert not assume(
        {"aws:SourceAccount": PLACE.account, "aws:SourceArn": source.replace("eu-central", "eu-west")}
    )


@pytest.mark.parametrize("needs", [NEEDS, ALL, SAGEMAKER])
def test_a30_a35_no_right_is_wider_than_its_need(needs: Needs) -> None:
    """A30, A35: actions by name, keys by their ARNs, `*` only for actions that know no resource."""
    no_resource = {
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    allowed = [one for one in statements(needs, KEY) if one.effect == "Allow"]
    assert len(allowed) >= 4
    for one in allowed:
        assert not [action for action in one.actions if "*" in action]
        if "*" in one.resources:
            assert all(action in no_resource or ":Describe" in action for action in one.actions)
        if any(action.startswith("kms:") for action in one.actions):
            assert one.resources == (KEY,)
            assert one.conditions


def test_another_partition_has_its_own_names() -> None:
    found = rights(replace(ALL, place=CHINA))
    assert allows(found, "s3:GetObject", MODEL.replace("arn:aws:", "arn:aws-cn:"))()
    assert "arn:aws:" not in str(found).replace(KEY, "")
