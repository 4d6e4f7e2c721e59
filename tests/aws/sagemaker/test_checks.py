"""What cannot be had in SageMaker: each refusal with its field, its value and the way out."""

import pkgutil
from importlib import import_module
from typing import Any

import pytest

import modelberth.aws.sagemaker as rooms
from modelberth.aws.sagemaker import checks
from modelberth.capabilities import check
from modelberth.errors import Problem, SpecError
from modelberth.spec import EndpointDeployment, parse
from modelberth.spec.sagemaker import SageMakerTarget
from support.aws_sagemaker import (
    ASYNC,
    CANARY,
    COMPONENTS,
    GPU,
    IMAGE,
    IN_IMAGE,
    OTHER_IMAGE,
    PREVIOUS,
    REMOTE,
    SERVERLESS,
    VPC,
    mode,
)

ELSEWHERE = IMAGE.replace("eu-central-1", "us-east-1")
CAPTURE = {"capture": {"percent": 5.0}}
SAMPLES = {"capture": "s3://samples/iris"}
SHADOW = {"strategy": "shadow", "previous": PREVIOUS}
OTHER = {"model": PREVIOUS, "weight": 10}
COPIED = {**OTHER, "shadow": True}
TWO = {"min": 2, "max": 10}
ROLLING = {"strategy": "rolling"}


def real_time(**fields: Any) -> dict[str, Any]:
    return {"mode": {"kind": "real_time", **fields}}


def found(target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Problem]:
    which = mode(target, **spec)
    deployment = parse(EndpointDeployment, which.config)
    problems = check(deployment.spec, deployment.target, has_image=which.image is not None)
    return {problem.path: problem for problem in problems}


def test_every_room_with_rules_is_asked() -> None:
    within = f"{rooms.__name__}."
    names = {one.name for one in pkgutil.iter_modules(rooms.__path__, within)}
    modules = {name: import_module(name) for name in names}
    with_rules = {name for name, module in modules.items() if "problems" in getattr(module, "__all__", ())}
    # That one answers for scaling, which asks it.
    with_rules -= {f"{within}measures"}
    asked = {module.__name__ for module in checks._ROOMS}
    assert with_rules == {name for name in asked if name.startswith(within)} | {f"{within}images"}
    assert len(with_rules) == 14


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    # The image.
    ({"image": None}, {}, "target.image", "make image"),
    ({}, {"image": IMAGE, "runtime": {"image": IMAGE}}, "runtime.image", "the program itself"),
    ({}, {"runtime": {"image": ELSEWHERE}}, "runtime.image", "ECR of its own region"),
    ({}, {"runtime": {"image": f"example.com/iris@sha256:{'1' * 64}"}}, "runtime.image", "in ECR by digest"),
    ({"previous_image": OTHER_IMAGE}, {}, "target.previous_image", "nothing without rollout.previous"),
    (
        {},
        {"model": IN_IMAGE, "rollout": {**CANARY, "previous": {"uri": "models/b.onnx", "sha256": "b" * 64}}},
        "target.previous_image",
        "An image holds one model",
    ),
    (
        {},
        {"variants": {"cheap": {"model": {"uri": "models/b.onnx", "sha256": "b" * 64}, "weight": 10}}},
        "variants.cheap.model.uri",
        "into a bucket",
    ),
    # The model and its server.
    ({}, {"model": {**REMOTE, "revision": "abc"}}, "model.revision", "by its sha256"),
    ({}, {"model": {**REMOTE, "uri": "s3://models/iris.tar.gz"}}, "model.uri", "another digest"),
    (
        {},
        {"model": {**REMOTE, "uri": f"https://example.com/{'a' * 1100}.onnx"}},
        "model.uri",
        "at most 1024 bytes",
    ),
    ({}, {"runtime": {"engine": "vllm", "image": IMAGE}}, "runtime.engine", "`serve`"),
    (
        {},
        {"runtime": {"engine": "custom", "image": IMAGE, "args": ["--fast"]}},
        "runtime.args",
        "`serve` and no other",
    ),
    ({}, {"resources": {"gpu": {"kind": "l4"}}}, "resources.gpu", "on the CPU alone"),
    # Instances.
    (
        real_time(instance_type="ml.c5.large"),
        {"resources": {"memory": "6Gi"}},
        "target.mode.instance_type",
        "ml.m5.large is the cheapest",
    ),
    (
        real_time(instance_type="ml.g4dn.xlarge"),
        GPU,
        "target.mode.instance_type",
        "ml.g5.xlarge is the cheapest",
    ),
    ({}, {"resources": {"memory": "3Ti"}}, "resources", "target.mode.instance_type"),
    (
        {},
        {**GPU, "resources": {"gpu": {"kind": "a10g", "memory_min": "40Gi"}}},
        "resources",
        "what one known instance type of eu-central-1 has",
    ),
    # Modes: serverless.
    (SERVERLESS, {"resources": {"memory": "1500Mi"}}, "resources.memory", "1024Mi, 2048Mi"),
    (SERVERLESS, {"resources": {"memory": "7Gi"}}, "resources.memory", "6144Mi"),
    (SERVERLESS, {"resources": {"cpu": "4"}}, "resources.cpu", "by its memory"),
    (SERVERLESS, {**GPU, "resources": {"gpu": {"kind": "l4"}}}, "resources.gpu", "no GPUs"),
    (SERVERLESS, {"scaling": {"min": 0, "max": 201}}, "scaling.max", "at most 200"),
    ({**SERVERLESS, "vpc": VPC}, {}, "target.vpc", "the service's own network"),
    (
        {**SERVERLESS, "capture": "s3://samples/iris"},
        {"monitoring": CAPTURE},
        "monitoring.capture",
        "serverless",
    ),
    (SERVERLESS, {"rollout": CANARY}, "rollout.previous", "one variant"),
    (SERVERLESS, {"variants": {"cheap": OTHER}}, "variants", "one variant"),
    (SERVERLESS, {"limits": {"startup_timeout": "4m"}}, "limits.startup_timeout", "at most 180 s"),
    (SERVERLESS, {"security": {"network": {"egress": []}}}, "security.network.egress", "no setting"),
    ({}, {"security": {"network": {"public": True}}}, "security.network.public", "no address of its own"),
    # Sizes and times along the way.
    ({}, {"limits": {"max_body": "26M"}}, "limits.max_body", "async it can be had"),
    ({}, {"limits": {"timeout": "61s"}}, "limits.timeout", "at most 60 s with target.mode real_time"),
    (SERVERLESS, {"limits": {"max_body": "5M"}}, "limits.max_body", "real_time or async it can be had"),
    (SERVERLESS, {"limits": {"timeout": "61s"}}, "limits.timeout", "target.mode serverless"),
    (ASYNC, {"limits": {"max_body": "1Gi"}}, "limits.max_body", "1G"),
    (ASYNC, {"limits": {"concurrency": 1001}}, "limits.concurrency", "at most 1000"),
    ({}, {"limits": {"startup_timeout": "30s"}}, "limits.startup_timeout", "at least 60 s"),
    ({}, {"limits": {"requests_per_second": 5}}, "limits.requests_per_second", "no limit of its own"),
    # Modes: async.
    (ASYNC, {"rollout": SHADOW}, "rollout.previous", "no shadow"),
    (
        {"mode": {**ASYNC["mode"], "output": "s3://shop-requests/iris/answers"}},
        {},
        "target.mode.output",
        "not below the input",
    ),
    (
        {"mode": {**ASYNC["mode"], "error_topic": "arn:aws:sns:us-east-1:123456789012:failed"}},
        {},
        "target.mode.error_topic",
        "a topic in region eu-central-1",
    ),
    # Modes: inference components.
    ({}, {"scaling": {"min": 0, "max": 2}}, "scaling.min", "target.mode.inference_components"),
    (COMPONENTS, {"rollout": CANARY}, "rollout.previous", "one variant"),
    (COMPONENTS, {"variants": {"cheap": OTHER}}, "variants", "one variant"),
    # Variants.
    ({}, {"variants": {"model": OTHER}}, "variants.model", "another name"),
    ({}, {"variants": {"previous": OTHER}}, "variants.previous", "another name"),
    ({}, {"variants": {"a-cheap": OTHER, "next": COPIED}}, "variants", "one shadow and nothing else"),
    (
        {},
        {"variants": {"cheap": OTHER}, "rollout": {"strategy": "blue_green", "previous": PREVIOUS}},
        "rollout.previous",
        "nothing while there are variants",
    ),
    ({}, {"rollout": {**CANARY, "previous": REMOTE}}, "rollout.previous", "another model"),
    # Updates.
    ({}, {"rollout": {"strategy": "blue_green", "bake": "2h"}}, "rollout.bake", "at most 3600 s"),
    (
        {},
        {"rollout": {"strategy": "canary", "steps": [{"percent": 10}, {"percent": 60}]}},
        "rollout.steps",
        "one step, or equal ones",
    ),
    (
        {},
        {"rollout": {"strategy": "canary", "steps": [{"percent": 10, "bake": "2h"}]}},
        "rollout.steps[0].bake",
        "rollout.previous",
    ),
    (
        {},
        {"rollout": {**ROLLING, "max_surge": "60%"}, "scaling": TWO},
        "rollout.max_surge",
        "5 to 50 percent",
    ),
    (
        {},
        {"rollout": {**ROLLING, "max_surge": 2}, "scaling": TWO},
        "rollout.max_surge",
        "100% of scaling.min = 2",
    ),
    (
        {},
        {"rollout": {**ROLLING, "max_unavailable": 1}},
        "rollout.max_unavailable",
        "before it stops the old",
    ),
    ({}, {"rollout": {"strategy": "recreate"}}, "rollout.strategy", "before it stops the old"),
    # Samples.
    ({}, {"monitoring": CAPTURE}, "target.capture", "s3://BUCKET/PREFIX"),
    (SAMPLES, {}, "target.capture", "nothing without monitoring.capture"),
    (
        SAMPLES,
        {"monitoring": {"capture": {"percent": 0.5}}},
        "monitoring.capture.percent",
        "a whole number",
    ),
    (
        SAMPLES,
        {"monitoring": {"capture": {"drop_fields": ["name"]}}},
        "monitoring.capture.drop_fields",
        "as they came",
    ),
    # Networks and callers.
    ({}, {"security": {"network": {"egress": ["10.0.0.0/8"]}}}, "security.network.egress", "has no network"),
    (
        {},
        {
            "model": {**REMOTE, "uri": "https://example.com/iris.onnx"},
            "security": {"network": {"egress": []}},
        },
        "security.network.egress",
        "copied by SageMaker",
    ),
    ({}, {"security": {"auth": {"kind": "none"}}}, "security.auth.kind", "AWS signatures only"),
    (
        {},
        {"security": {"auth": {"kind": "none"}, "network": {"public": True}}},
        "security.auth.kind",
        "AWS signatures only",
    ),
    (
        {},
        {"security": {"invokers": ["arn:aws:iam::210987654321:role/shop"]}},
        "security.invokers[0]",
        "no policy of its own",
    ),
    ({}, {"security": {"invokers": ["123456789012"]}}, "security.invokers[0]", "no policy of its own"),
    (
        {},
        {
            "security": {
                "invokers": [
                    "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x_1"
                ]
            }
        },
        "security.invokers[0]",
        "permission set",
    ),
    (
        {},
        {"security": {"key": "arn:aws:kms:us-east-1:123456789012:key/mrk-" + "1" * 32}},
        "security.key",
        "in region eu-central-1",
    ),
    (
        {},
        {"security": {"identity": "arn:aws-cn:iam::123456789012:role/iris"}},
        "security.identity",
        "partition aws",
    ),
    ({}, {"security": {"tls": {"min_version": "1.3"}}}, "security.tls.min_version", "1.3 alone"),
]


@pytest.mark.parametrize(("target", "spec", "path", "words"), REFUSED)
def test_a_refusal_names_the_field_and_the_way_out(
    target: dict[str, Any], spec: dict[str, Any], path: str, words: str
) -> None:
    problems = found(target, **spec)
    assert path in problems, problems
    assert words in str(problems[path])


@pytest.mark.parametrize(
    ("target", "spec"),
    [
        ({}, {"limits": {"max_body": "25M", "timeout": "60s"}}),
        (SERVERLESS, {"limits": {"max_body": "4M", "timeout": "60s"}, "resources": {"memory": "6Gi"}}),
        (ASYNC, {"limits": {"max_body": "1000M", "timeout": "1h", "concurrency": 1000}}),
        (SERVERLESS, {"scaling": {"min": 0, "max": 200}}),
        ({}, {"rollout": {**ROLLING, "max_surge": "50%"}, "scaling": TWO}),
        ({}, {"rollout": {"strategy": "blue_green", "bake": "1h"}}),
        ({}, {"security": {"network": {"egress": []}}}),
        (real_time(instance_type="ml.trn2.48xlarge"), {"resources": {"memory": "1Ti"}}),
        ({}, {"scaling": {"min": 50, "max": 50}}),
    ],
)
def test_what_is_just_within_is_let_through(target: dict[str, Any], spec: dict[str, Any]) -> None:
    assert found(target, **spec) == {}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"image": ELSEWHERE}, "image"),
        ({"image": IMAGE.partition("@")[0]}, "image"),
        ({"previous_image": ELSEWHERE}, "previous_image"),
        ({"region": "europe"}, "region"),
        ({"account": "1234"}, "account"),
        ({"vpc": {**VPC, "subnets": VPC["subnets"][:1]}}, "vpc.subnets"),
        ({"capture": "s3://samples/*"}, "capture"),
        ({"capture": "https://samples/iris"}, "capture"),
        ({"mode": {"kind": "batch"}}, "mode.kind"),
        ({"mode": {"kind": "real_time", "instance_type": "m7i.large"}}, "mode.instance_type"),
        ({"mode": {"kind": "serverless", "instance_type": "ml.m7i.large"}}, "mode.instance_type"),
        ({"mode": {"kind": "async", "output": "s3://answers/iris"}}, "mode.input"),
        (
            {"mode": {**ASYNC["mode"], "success_topic": "arn:aws:sqs:eu-central-1:123456789012:q"}},
            "mode.success_topic",
        ),
    ],
)
def test_a_target_that_cannot_be_written(fields: dict[str, Any], path: str) -> None:
    target = {"account": "123456789012", "region": "eu-central-1", **fields}
    with pytest.raises(SpecError) as refused:
        parse(SageMakerTarget, target)
    assert path in {problem.path for problem in refused.value.problems}
