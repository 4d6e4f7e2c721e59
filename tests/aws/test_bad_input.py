"""What nobody should find out from AWS: refused before anything is made, with field, value and way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from support import aws_eks, aws_plans, aws_sagemaker
from support.aws_plans import OPEN, PUBLIC
from support.clouds.bad_input import Bad, refusals

DIGEST: Final = f"sha256:{'1' * 64}"
ELSEWHERE: Final = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/models/iris@{DIGEST}"
IN_CHINA: Final = f"123456789012.dkr.ecr.cn-north-1.amazonaws.com/models/iris@{DIGEST}"
ONE_ZONE: Final = {"vpc": {"subnets": ["subnet-01234567"], "security_groups": ["sg-01234567"]}}
TWICE: Final = {"vpc": {"subnets": ["subnet-01234567"] * 2, "security_groups": ["sg-01234567"]}}
KEY: Final = f"key/{'1' * 8}-1111-1111-1111-{'1' * 12}"
B200: Final = {**aws_eks.GPU, "resources": {"gpu": {"kind": "b200"}}}
NO_AUTH: Final = {"security": {"auth": {"kind": "none"}}}


def in_lambda(target: Mapping[str, Any] | None = None, **spec: Any) -> Mapping[str, Any]:
    return aws_plans.mode(target, **spec).config


def in_sagemaker(target: Mapping[str, Any] | None = None, **spec: Any) -> Mapping[str, Any]:
    return aws_sagemaker.mode(target, **spec).config


def in_eks(target: Mapping[str, Any] | None = None, **spec: Any) -> Mapping[str, Any]:
    config: Mapping[str, Any] = aws_eks.config(target=target, **spec)
    return config


def at_region(make: Callable[..., Mapping[str, Any]], region: str, **given: Any) -> Mapping[str, Any]:
    """The config with its region and its images in another."""
    config = make(given.pop("target", None), **given)
    image = aws_plans.IMAGE.replace("eu-central-1", region)
    return {**config, "target": {**config["target"], "region": region, "image": image}}


def real_time(instance: str) -> Mapping[str, Any]:
    return {"mode": {"kind": "real_time", "instance_type": instance}}


BAD: Final = (
    # A region without the feature, or without the GPU.
    Bad(
        "region",
        at_region(in_lambda, "eu-central-2", security=PUBLIC),
        "target.region",
        "eu-central-2",
        "URL",
    ),
    Bad(
        "region",
        at_region(in_sagemaker, "me-central-1"),
        "target.region",
        "me-central-1",
        "endpoints are not offered there",
    ),
    Bad(
        "region",
        at_region(in_sagemaker, "eu-west-3", target=aws_sagemaker.COMPONENTS),
        "target.region",
        "eu-west-3",
        "it is in eu-central-1",
    ),
    Bad(
        "region",
        in_sagemaker(real_time("ml.p5.48xlarge")),
        "target.mode.instance_type",
        "p5",
        "hosting has no p5",
    ),
    Bad(
        "region",
        in_eks({"gpu_pool": aws_eks.POOL}, **B200),
        "resources.gpu.kind",
        "b200",
        "EC2 has no p6-b200",
    ),
    Bad("region", at_region(in_lambda, "us-iso-east-1"), "target.region", "us-iso", "such as eu-central-1"),
    Bad("region", at_region(in_eks, "eusc-de-east-1"), "target.region", "eusc", "such as eu-central-1"),
    # An instance kind that a mode refuses, or that holds too little.
    Bad(
        "instance",
        in_sagemaker({"mode": {"kind": "serverless", "instance_type": "ml.m5.large"}}),
        "target.mode.instance_type",
        "an unknown key",
        "allowed: kind",
    ),
    Bad(
        "instance",
        in_sagemaker(real_time("ml.c5.large"), resources={"memory": "6Gi"}),
        "target.mode.instance_type",
        "ml.c5.large",
        "ml.m5.large is the cheapest",
    ),
    # An image that is not in ECR of the region.
    Bad("image", in_lambda({"image": ELSEWHERE}), "target.image", "us-east-1", "in ECR of eu-central-1"),
    Bad("image", in_lambda({"image": "docker.io/iris:3"}), "target.image", "docker.io", "in ECR by digest"),
    Bad("image", in_sagemaker({"image": ELSEWHERE}), "target.image", "us-east-1", "eu-central-1"),
    Bad("image", in_eks({"image": ELSEWHERE}), "target.image", "us-east-1", "in ECR of eu-central-1"),
    Bad(
        "image",
        in_lambda({"region": "cn-north-1", "image": IN_CHINA}),
        "target.image",
        "cn-north-1",
        "by digest",
    ),
    # Memory, time and size beyond a limit.
    Bad("limit", in_lambda(resources={"memory": "11Gi"}), "resources.memory", "11Gi", "at most 10240Mi"),
    Bad("limit", in_lambda(limits={"timeout": "20m"}), "limits.timeout", "20m", "at most 15m"),
    Bad("limit", in_lambda(limits={"max_body": "7Mi"}), "limits.max_body", "7Mi", "at most 6Mi"),
    Bad("limit", in_sagemaker(limits={"timeout": "90s"}), "limits.timeout", "1m30s", "target.mode async"),
    Bad("limit", in_sagemaker(limits={"max_body": "30Mi"}), "limits.max_body", "30Mi", "real-time"),
    # A VPC without subnets in two zones.
    Bad("network", in_lambda(ONE_ZONE), "target.vpc.subnets", "a list", "2 entries or more"),
    Bad("network", in_sagemaker(ONE_ZONE), "target.vpc.subnets", "a list", "2 entries or more"),
    Bad("network", in_lambda(TWICE), "target.vpc.subnets[1]", "subnet-01234567", "each one once"),
    Bad("network", in_sagemaker(TWICE), "target.vpc.subnets[1]", "subnet-01234567", "each one once"),
    # A key of another region or account.
    Bad(
        "key",
        in_lambda(security={"key": f"arn:aws:kms:us-east-1:123456789012:{KEY}"}),
        "security.key",
        "us-east-1",
        "in region eu-central-1",
    ),
    Bad(
        "key",
        in_sagemaker(security={"key": f"arn:aws:kms:eu-central-1:210987654321:{KEY}"}),
        "security.key",
        "210987654321",
        "account 123456789012",
    ),
    Bad(
        "key",
        in_eks(security={"key": f"arn:aws:kms:us-east-1:123456789012:{KEY}"}),
        "security.key",
        "us-east-1",
        "in region eu-central-1",
    ),
    # A name too long.
    Bad("name", {**in_lambda(), "name": "i" * 64}, "name", "iii", "3 to 32"),
    Bad("name", {**in_sagemaker(), "name": "i" * 64}, "name", "iii", "3 to 32"),
    Bad("name", {**in_eks(), "name": "i" * 64}, "name", "iii", "3 to 32"),
    # Public without authentication: one field alone.
    Bad("public", in_lambda(**NO_AUTH), "security.auth.kind", "none", "public true as well"),
    Bad("public", in_sagemaker(**NO_AUTH), "security.auth.kind", "none", "platform"),
    Bad("public", in_sagemaker(security=OPEN), "security.auth.kind", "none", "platform"),
    # A name of another partition.
    Bad(
        "partition",
        in_lambda(security={"invokers": ["arn:aws-cn:iam::123456789012:role/shop"]}),
        "security.invokers[0]",
        "arn:aws-cn",
        "partition aws",
    ),
    Bad(
        "partition",
        in_sagemaker(security={"identity": "arn:aws-cn:iam::123456789012:role/iris"}),
        "security.identity",
        "arn:aws-cn",
        "aws",
    ),
    Bad(
        "partition",
        in_eks(security={"identity": "arn:aws-us-gov:iam::123456789012:role/iris"}),
        "security.identity",
        "arn:aws-us-gov",
        "aws",
    ),
)
KINDS: Final = {
    "region", "instance", "image", "limit", "network", "key", "name", "public", "partition",
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_is_refused(bad: Bad) -> None:
    found = {problem.path: problem for problem in refusals(bad.config)}
    assert bad.path in found, [*map(str, found.values())]
    problem = found[bad.path]
    assert bad.given in problem.given
    assert bad.says in str(problem)
    assert problem.allowed


def test_every_kind_is_refused_by_two_targets_or_more() -> None:
    targets = {kind: {bad.config["target"]["kind"] for bad in BAD if bad.kind == kind} for kind in KINDS}
    assert {bad.kind for bad in BAD} == KINDS
    # Only one target has instances whose kind a mode refuses.
    assert {kind for kind, having in targets.items() if len(having) < 2} == {"instance"}


def test_the_same_without_the_fault_is_taken() -> None:
    for config in (in_lambda(), in_sagemaker(), in_eks(), in_lambda(security=OPEN)):
        assert refusals(config) == ()
