"""Keys: that they rotate, stay and can be found, and that none is opened to everybody."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs, EncryptionKey, problems
from modelberth.aws.key_policy import (
    for_functions,
    for_logs,
    key_policy,
)
from modelberth.aws.place import Place
from modelberth.aws.policies import Statement
from modelberth.errors import SpecError
from modelberth.spec.aws import LambdaTarget
from support.aws_blocks import (
    CHINA,
    EXISTING,
    GROUP,
    KEY,
    KEY_ID,
    OTHER_KEY,
    PLACE,
    AwsRecorder,
    aws,
    outputs_of,
    regional,
    spec,
)
from support.recording import run

__all__ = ["aws"]

ARGS = AwsEncryptionKeyArgs(PLACE, "shop-dev-iris", uses=(for_logs(PLACE, GROUP),))


def registered(aws: AwsRecorder, args: AwsEncryptionKeyArgs = ARGS) -> Any:
    run(aws, lambda: AwsEncryptionKey("iris", args))
    return aws.named("iris-key")


def test_the_key_has_a_policy_an_alias_and_one_parent(aws: AwsRecorder) -> None:
    made = registered(aws)
    assert aws.tree == [
        ("modelberth:index:AwsEncryptionKey", "iris", "shop-dev"),
        ("aws:kms/key:Key", "iris-key", "iris"),
        ("aws:kms/alias:Alias", "iris-alias", "iris"),
    ]
    alias = aws.named("iris-alias").inputs
    assert (alias["name"], alias["targetKeyId"]) == ("alias/shop-dev-iris", KEY_ID)
    assert made.inputs["policy"] == key_policy(PLACE, ARGS.uses)
    assert len(regional(aws)) == 2
    assert outputs_of(aws) == {"arn": KEY}


def test_a28_the_key_rotates(aws: AwsRecorder) -> None:
    """A28: rotation is on, and no argument turns it off."""
    made = registered(aws, replace(ARGS, rotation_days=90))
    assert made.inputs["enableKeyRotation"] is True
    assert made.inputs["rotationPeriodInDays"] == 90


def test_a31_a_deletion_can_be_taken_back_for_thirty_days(aws: AwsRecorder) -> None:
    """A31: 30 days, and protected where it is asked for."""
    made = registered(aws, replace(ARGS, protect=True))
    assert made.inputs["deletionWindowInDays"] == 30
    assert made.protect is True


def test_the_key_is_not_protected_unless_it_is_asked_for(aws: AwsRecorder) -> None:
    assert registered(aws).protect is False


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"rotation_days": 89}, "rotation_days"),
        ({"rotation_days": 2561}, "rotation_days"),
        ({"deletion_window_days": 6}, "deletion_window_days"),
        ({"deletion_window_days": 31}, "deletion_window_days"),
        ({"alias": "aws/iris"}, "alias"),
        ({"alias": "alias/iris"}, "alias"),
        ({"alias": "i" * 251}, "alias"),
        ({"alias": "iris models"}, "alias"),
    ],
)
def test_what_kms_would_refuse_is_refused_before(change: dict[str, Any], path: str) -> None:
    (found,) = replace(ARGS, **change).problems()
    assert found.path == path


def test_bounds_of_kms_are_allowed() -> None:
    assert not [*replace(ARGS, rotation_days=2560, deletion_window_days=7, alias="i" * 250).problems()]


def test_a_refusal_ends_the_program_in_one_sentence(aws: AwsRecorder) -> None:
    with pytest.raises(pulumi.RunError, match="rotation_days: given 1, allowed: 90 to 2560 days"):
        registered(aws, replace(ARGS, rotation_days=1))


@pytest.mark.parametrize(
    ("use", "path"),
    [
        (Statement("Open", ("kms:Decrypt",), ("*",), {"AWS": ("*",)}), "uses[1].principals"),
        (Statement("Nobody", ("kms:Decrypt",), ("*",)), "uses[1].principals"),
        (
            Statement("Deputy", ("kms:Decrypt",), ("*",), {"Service": ("sns.amazonaws.com",)}),
            "uses[1].conditions",
        ),
        (for_logs(PLACE, "/other"), "uses"),
        (for_functions(PLACE, *["f" * 64] * 300), "uses"),
    ],
)
def test_a29_an_open_key_is_noticed(aws: AwsRecorder, use: Statement, path: str) -> None:
    """A29, the opposite: everybody, nobody, a deputy without a condition, a sid twice, a policy too long."""
    args = replace(ARGS, uses=(*ARGS.uses, use))
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        registered(aws, args)
    assert not aws.of("Key")


def test_an_existing_key_is_taken_as_it_is() -> None:
    assert EncryptionKey.from_existing(KEY, PLACE) == EXISTING
    multi_region = f"arn:aws:kms:eu-central-1:123456789012:key/mrk-{'0' * 32}"
    assert EncryptionKey.from_existing(multi_region, PLACE).arn == multi_region


@pytest.mark.parametrize(
    ("arn", "place", "words"),
    [
        (OTHER_KEY, PLACE, "in region eu-central-1"),
        (KEY.replace("123456789012", "210987654321"), PLACE, "of account 123456789012"),
        (KEY, CHINA, "in partition aws-cn"),
        ("arn:aws:kms:eu-central-1:123456789012:alias/iris", PLACE, "the ARN of a KMS key"),
        ("arn:aws:s3:::iris", PLACE, "the ARN of a KMS key"),
        (KEY_ID, PLACE, "the ARN of a KMS key"),
    ],
)
def test_a_key_that_cannot_encrypt_here_is_refused(arn: str, place: Place, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        EncryptionKey.from_existing(arn, place)
    target = LambdaTarget(account=place.account, region=place.region)
    (found,) = problems(spec(security={"key": arn}), target)
    assert found.path == "security.key"
    assert words in found.allowed


def test_a_spec_may_name_a_key_or_none() -> None:
    target = LambdaTarget(account=PLACE.account, region=PLACE.region)
    assert not [*problems(spec(security={"key": KEY}), target)]
    assert not [*problems(spec(), target)]


def test_the_component_gives_the_key_that_others_take(aws: AwsRecorder) -> None:
    made = run(aws, lambda: AwsEncryptionKey("iris", ARGS))
    assert made.key == EncryptionKey(made.arn)
