"""The registry: what stays in it, who may pull, and that nobody else may."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs
from modelberth.aws.registry import AwsRegistry, AwsRegistryArgs
from modelberth.aws.registry_policy import keeping, pulling
from support.aws_blocks import EXISTING, KEY, PLACE, AwsRecorder, aws, outputs_of, regional
from support.iam import allows, document
from support.recording import run

__all__ = ["aws"]

FUNCTIONS = "arn:aws:lambda:eu-central-1:123456789012:function:shop-*"
NODE = "arn:aws:iam::123456789012:role/nodes"
ARGS = AwsRegistryArgs(PLACE, "models/server", EXISTING, functions=(FUNCTIONS,), pullers=(NODE,))


def registered(aws: AwsRecorder, args: AwsRegistryArgs = ARGS) -> Any:
    run(aws, lambda: AwsRegistry("models", args))
    return aws.named("models-repository")


def expired(images: Sequence[tuple[tuple[str, ...], int]], **arguments: Any) -> set[int]:
    """Indices of the images (tags, age in days; the newest first) that ECR would expire by our policy."""
    rules = json.loads(keeping(**{"kept_tags": ("live*",), "tagged": 2, "untagged_days": 14, **arguments}))[
        "rules"
    ]
    assert [rule["rulePriority"] for rule in rules] == [*range(1, len(rules) + 1)]
    gone: set[int] = set()
    claimed: set[int] = set()
    for rule in rules:
        assert rule["action"] == {"type": "expire"}
        selection = rule["selection"]
        matching = [index for index, (tags, _) in enumerate(images) if _selected(selection, tags)]
        if selection["countType"] == "imageCountMoreThan":
            found = matching[selection["countNumber"] :]
        else:
            assert selection["countUnit"] == "days"
            found = [index for index in matching if images[index][1] > selection["countNumber"]]
        gone |= {index for index in found if index not in claimed}
        claimed |= {*matching}
    return gone


def _selected(selection: Any, tags: tuple[str, ...]) -> bool:
    if selection["tagStatus"] == "untagged":
        assert "tagPatternList" not in selection
        return not tags
    return bool(tags) and all(
        any(tag.startswith(pattern.rstrip("*")) for tag in tags) for pattern in selection["tagPatternList"]
    )


def test_the_registry_has_a_policy_for_each_question(aws: AwsRecorder) -> None:
    made = registered(aws)
    assert aws.tree == [
        ("modelberth:index:AwsRegistry", "models", "shop-dev"),
        ("aws:ecr/repository:Repository", "models-repository", "models"),
        ("aws:ecr/lifecyclePolicy:LifecyclePolicy", "models-lifecycle", "models"),
        ("aws:ecr/repositoryPolicy:RepositoryPolicy", "models-pulling", "models"),
    ]
    assert made.inputs["name"] == "models/server"
    assert len(regional(aws)) == 3
    assert outputs_of(aws)["url"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/server"


def test_a1_images_are_scanned_when_they_come(aws: AwsRecorder) -> None:
    """A1."""
    assert registered(aws).inputs["imageScanningConfiguration"] == {"scanOnPush": True}


def test_a2_a_tag_stays_what_it_is(aws: AwsRecorder) -> None:
    """A2."""
    assert registered(aws).inputs["imageTagMutability"] == "IMMUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in registered_inputs(aws)


def test_a3_old_images_go(aws: AwsRecorder) -> None:
    """A3: the policy is there, and is the one that the rules below are tested with."""
    registered(aws)
    assert aws.document("models-lifecycle") == json.loads(keeping(("live*",), 100, 14))


def test_a4_images_are_encrypted_by_the_key(aws: AwsRecorder) -> None:
    """A4."""
    (encryption,) = registered(aws).inputs["encryptionConfigurations"]
    assert encryption == {"encryptionType": "KMS", "kmsKey": KEY}


def test_images_are_never_deleted_with_the_repository(aws: AwsRecorder) -> None:
    made = registered(aws, replace(ARGS, protect=True, tags={"team": "iris"}))
    assert made.inputs["forceDelete"] is False
    assert made.protect is True
    assert made.inputs["tags"] == {"team": "iris"}


def test_the_key_may_be_made_beside(aws: AwsRecorder) -> None:
    def program() -> AwsRegistry:
        own = AwsEncryptionKey("key", AwsEncryptionKeyArgs(PLACE, "models"))
        return AwsRegistry("models", replace(ARGS, key=own.key))

    run(aws, program)
    assert aws.named("models-repository").inputs["encryptionConfigurations"][0]["kmsKey"] == KEY


def test_what_is_deployed_outlives_every_newer_image() -> None:
    images = [(("1.9",), 1), (("1.8",), 2), (("1.7",), 3), (("1.0", "live-abc"), 900), ((), 13), ((), 15)]
    assert expired(images) == {2, 5}
    assert expired(images, kept_tags=()) == {2, 3, 5}
    assert expired(images, kept_tags=("prod*", "live*"), tagged=3) == {5}


def test_each_kept_tag_counts_by_itself() -> None:
    images = [(("2",), 1), (("live-a",), 9), (("prod-b",), 9)]
    assert expired(images, kept_tags=("live*", "prod*"), tagged=1) == set()
    assert expired(images, kept_tags=("live*",), tagged=1) == {2}


def test_a5_named_functions_and_roles_pull_and_nobody_pushes(aws: AwsRecorder) -> None:
    """A5: pull-only, for the functions of one account and for those who are named."""
    registered(aws)
    made = aws.document("models-pulling")
    pull = allows(made, "ecr:BatchGetImage", principal=("Service", "lambda.amazonaws.com"))
    assert pull({"aws:SourceArn": FUNCTIONS.replace("*", "iris")})
    assert not pull({"aws:SourceArn": FUNCTIONS.replace("shop-*", "other")})
    assert not pull({"aws:SourceArn": FUNCTIONS.replace("123456789012", "210987654321")})
    assert not pull()
    assert allows(made, "ecr:BatchGetImage", principal=("AWS", NODE))()
    assert not allows(made, "ecr:BatchGetImage", principal=("AWS", NODE.replace("nodes", "others")))()
    who = [("AWS", NODE), ("AWS", "anybody"), ("Service", "lambda.amazonaws.com")]
    for action in (
        "ecr:PutImage",
        "ecr:InitiateLayerUpload",
        "ecr:BatchDeleteImage",
        "ecr:SetRepositoryPolicy",
    ):
        assert not [one for one in who if allows(made, action, principal=one)({"aws:SourceArn": FUNCTIONS})]


def test_without_pullers_the_accounts_iam_alone_decides(aws: AwsRecorder) -> None:
    registered(aws, replace(ARGS, functions=(), pullers=()))
    assert not aws.of("RepositoryPolicy")
    assert pulling((), ()) == ()


def test_lambda_finds_the_statement_that_it_would_add() -> None:
    (one,) = document(*pulling((FUNCTIONS,), ()))["Statement"]
    assert one["Sid"] == "LambdaECRImageRetrievalPolicy"
    assert "Resource" not in one


def test_a_puller_may_be_made_beside(aws: AwsRecorder) -> None:
    def program() -> AwsRegistry:
        return AwsRegistry("models", replace(ARGS, functions=(), pullers=(pulumi.Output.from_input(NODE),)))

    run(aws, program)
    assert allows(aws.document("models-pulling"), "ecr:BatchGetImage", principal=("AWS", NODE))()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"pullers": ("*",)}, "pullers[0]"),
        ({"pullers": (NODE, "arn:aws:iam::*:root")}, "pullers[1]"),
        ({"pullers": ("arn:aws:iam::123456789012:role/*",)}, "pullers[0]"),
        ({"functions": ("*",)}, "functions[0]"),
        ({"functions": (FUNCTIONS.replace("123456789012", "*"),)}, "functions[0]"),
        ({"functions": (FUNCTIONS.replace("eu-central-1", "us-east-1"),)}, "functions[0]"),
        ({"functions": (FUNCTIONS.replace("arn:aws:", "arn:aws-cn:"),)}, "functions[0]"),
        ({"repository": "Models"}, "repository"),
        ({"repository": "m"}, "repository"),
        ({"repository": "models//server"}, "repository"),
        ({"repository": "m" * 257}, "repository"),
        ({"tagged_kept": 0}, "tagged_kept"),
        ({"untagged_days": 0}, "untagged_days"),
        ({"kept_tags": ("t",) * 49}, "kept_tags"),
    ],
)
def test_a5_who_is_nobody_and_what_ecr_would_refuse_is_noticed(
    aws: AwsRecorder, change: dict[str, Any], path: str
) -> None:
    """A5, the opposite: everybody as a puller; and names and numbers that ECR does not take."""
    args = replace(ARGS, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        registered(aws, args)
    assert not aws.of("Repository")


def test_another_account_may_pull_where_it_is_named() -> None:
    elsewhere = "arn:aws:iam::210987654321:root"
    functions = (FUNCTIONS.replace("123456789012", "210987654321"),)
    assert not [*replace(ARGS, functions=functions, pullers=(elsewhere,)).problems()]


def registered_inputs(aws: AwsRecorder) -> Any:
    return aws.named("models-repository").inputs
