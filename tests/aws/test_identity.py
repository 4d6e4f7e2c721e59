"""Roles of endpoints: made with their rights, or named by the spec, and refused where they are too wide."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs, EncryptionKey
from modelberth.aws.identity import AwsIdentityArgs, Identity, identity, problems
from modelberth.aws.needs import Needs
from modelberth.aws.permissions import trust
from modelberth.aws.policies import Statement
from modelberth.spec.aws import LambdaTarget
from support.aws_blocks import (
    EXISTING,
    NEEDS,
    OTHER_KEY,
    PLACE,
    AwsRecorder,
    aws,
    rights,
    spec,
)
from support.iam import allows, denies, document
from support.recording import run

__all__ = ["aws"]

MODEL = "arn:aws:s3:::models/iris/3.onnx"
TARGET = LambdaTarget(account=PLACE.account, region=PLACE.region)
ARGS = AwsIdentityArgs("shop-dev-iris-eu-central-1", NEEDS, EXISTING)


def both(aws: AwsRecorder) -> Any:
    """What the role may do by its two policies, in the order in which it is derived."""
    said = [one for name in ("iris-rights", "iris-keys") for one in aws.document(name)["Statement"]]
    order = [one["Sid"] for one in rights()["Statement"]]
    return {
        "Version": "2012-10-17",
        "Statement": sorted(said, key=lambda one: order.index(one["Sid"])),
    }


@pytest.mark.parametrize(
    ("more", "path"),
    [
        (Statement("All", ("*",), ("*",)), "needs.more[0].actions"),
        (Statement("All", ("*:*",), ("*",)), "needs.more[0].actions"),
        (Statement("Service", ("s3:*",), ("arn:aws:s3:::models",)), "needs.more[0].actions"),
        (Statement("Keys", ("kms:Decrypt",), ("*",)), "needs.more[0].resources"),
        (Statement("Keys", ("KMS:Decrypt",), ("*",)), "needs.more[0].resources"),
        (Statement("Keys", ("kms:Decrypt",), (f"{PLACE.arn('kms', 'key/*')}",)), "needs.more[0].resources"),
        (Statement("Logs", ("sns:Publish",), ("arn:aws:sns:eu-central-1:123456789012:t",)), "needs.more"),
        (
            Statement("Long", ("s3:PutObject",), tuple(f"arn:aws:s3:::b/{'k' * 900}{n}" for n in range(12))),
            "needs",
        ),
    ],
)
def test_a30_a35_a_right_too_wide_is_noticed(aws: AwsRecorder, more: Statement, path: str) -> None:
    """A30, A35, the opposite: every action, a service's every action, every key; a sid twice, too long."""
    args = replace(ARGS, needs=replace(NEEDS, more=(more,)))
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        run(aws, lambda: identity("iris", args))
    assert not aws.of("Role")


def test_what_else_an_endpoint_needs_is_allowed() -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:done"
    more = (
        Statement("Done", ("sns:Publish",), (topic,)),
        Statement("Never", ("s3:*",), ("*",), effect="Deny"),
    )
    needs = replace(NEEDS, more=more)
    assert not [*replace(ARGS, needs=needs).problems()]
    assert allows(rights(needs), "sns:Publish", topic)()
    assert denies(
        document(*(replace(one, principals={"AWS": ("*",)}) for one in more)), "s3:GetObject", MODEL, {}
    )


def test_a_role_is_made_with_its_rights(aws: AwsRecorder) -> None:
    args = replace(ARGS, permissions_boundary="arn:aws:iam::123456789012:policy/bound", tags={"team": "iris"})
    run(aws, lambda: identity("iris", args))
    assert aws.tree == [
        ("modelberth:index:AwsIdentity", "iris", "shop-dev"),
        ("aws:iam/role:Role", "iris-role", "iris"),
        ("aws:iam/rolePolicy:RolePolicy", "iris-rights", "iris"),
        ("aws:iam/rolePolicy:RolePolicy", "iris-keys", "iris"),
    ]
    role = aws.named("iris-role").inputs
    assert role["name"] == "shop-dev-iris-eu-central-1"
    assert role["permissionsBoundary"] == args.permissions_boundary
    assert role["tags"] == {"team": "iris"}
    assert "managedPolicyArns" not in role
    assert aws.document("iris-role", "assumeRolePolicy") == document(trust(NEEDS))
    assert both(aws) == rights()


def test_what_can_be_read_is_known_before_the_key_is_made(aws: AwsRecorder) -> None:
    run(aws, lambda: identity("iris", ARGS))
    said = {name: aws.document(name)["Statement"] for name in ("iris-rights", "iris-keys")}
    assert [one["Sid"] for one in said["iris-keys"]] == ["Settings", "ModelKeys"]
    assert MODEL in [resource for one in said["iris-rights"] for resource in one["Resource"]]
    assert not [one for one in said["iris-rights"] if any(a.startswith("kms:") for a in one["Action"])]


def test_a_role_that_uses_no_key_has_no_policy_for_keys(aws: AwsRecorder) -> None:
    image = spec(model={"uri": "models/iris.onnx", "sha256": "a" * 64})
    needs = Needs(image, PLACE, "sagemaker", "/aws/sagemaker/Endpoints/iris")
    run(aws, lambda: identity("iris", replace(ARGS, needs=needs)))
    assert [one.name for one in aws.of("RolePolicy")] == ["iris-rights"]


def test_what_takes_the_role_comes_after_its_rights(aws: AwsRecorder) -> None:
    class Taker(pulumi.CustomResource):
        def __init__(self, role: pulumi.Input[str]) -> None:
            super().__init__("test:index:Taker", "taker", {"role": role})

    run(aws, lambda: Taker(identity("iris", ARGS).arn))
    taker = aws.named("taker")
    assert taker.inputs["role"] == "arn:aws:iam::123456789012:role/shop-dev-iris-eu-central-1"
    assert {one.rpartition("::")[2] for one in taker.dependencies} == {
        "iris-role",
        "iris-rights",
        "iris-keys",
    }


def test_the_rights_name_the_keys_that_are_made_beside(aws: AwsRecorder) -> None:
    def program() -> Identity:
        own = AwsEncryptionKey("key", AwsEncryptionKeyArgs(PLACE, "iris"))
        return identity("iris", replace(ARGS, key=own.key, model_keys=(EncryptionKey(OTHER_KEY),)))

    run(aws, program)
    assert both(aws) == rights(NEEDS, OTHER_KEY)


def test_nothing_is_made_where_the_spec_names_a_role(aws: AwsRecorder) -> None:
    role = "arn:aws:iam::123456789012:role/serving/iris"
    named = replace(ARGS, needs=replace(NEEDS, spec=spec(security={"identity": role})))
    assert run(aws, lambda: identity("iris", named)) == Identity(role)
    assert not aws.tree
    assert not [*problems(named.needs.spec, TARGET)]


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("arn:aws:iam::210987654321:role/iris", "an IAM role of account 123456789012"),
        ("arn:aws-cn:iam::123456789012:role/iris", "an IAM role in partition aws"),
        ("arn:aws:iam::123456789012:user/iris", "the ARN of an IAM role"),
        ("iris", "the ARN of an IAM role"),
    ],
)
def test_a_role_that_cannot_be_passed_is_refused(arn: str, words: str) -> None:
    (found,) = problems(spec(security={"identity": arn}), TARGET)
    assert found.path == "security.identity"
    assert words in found.allowed


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"role": "r" * 65}, "role"),
        ({"role": "iris role"}, "role"),
        ({"permissions_boundary": "arn:aws:iam::210987654321:policy/bound"}, "permissions_boundary"),
        ({"permissions_boundary": "arn:aws-cn:iam::aws:policy/bound"}, "permissions_boundary"),
        ({"permissions_boundary": "bound"}, "permissions_boundary"),
    ],
)
def test_what_iam_would_refuse_is_refused_before(change: dict[str, Any], path: str) -> None:
    (found,) = replace(ARGS, **change).problems()
    assert found.path == path


def test_bounds_of_iam_are_allowed() -> None:
    managed = "arn:aws:iam::aws:policy/PowerUserAccess"
    assert not [*replace(ARGS, role="r" * 64, permissions_boundary=managed).problems()]
