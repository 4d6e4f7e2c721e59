"""What cannot be had in AWS Lambda: each refusal with its field, its value and the way out."""

import pkgutil
from importlib import import_module
from typing import Any

import pulumi
import pytest

import modelberth.aws.lambda_ as rooms
from modelberth.aws.lambda_ import checks
from modelberth.aws.lambda_.endpoint import LambdaEndpointArgs
from modelberth.capabilities import check
from modelberth.errors import Problem, SpecError
from modelberth.spec import parse
from modelberth.spec.aws import LambdaTarget
from support.aws_plans import CANARY, IMAGE, OPEN, PUBLIC, REMOTE, ROLE, TOKENS, mode

BATCHING = {"runtime": {"batching": {}}}
CROWD = [f"{ROLE}-{number}" for number in range(100)]
URL = {"front": {"kind": "function_url"}}
API = {"front": {"kind": "http_api"}}
BEIJING = {
    "region": "cn-north-1",
    "image": IMAGE.replace("eu-central-1.amazonaws.com", "cn-north-1.amazonaws.com.cn"),
}
ELSEWHERE = IMAGE.replace("eu-central-1", "us-east-1")


def found(target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Problem]:
    args = mode(target, **spec).args
    problems = check(args.spec, args.target, has_image=args.image is not None)
    return {problem.path: problem for problem in problems}


def test_every_room_with_rules_is_asked() -> None:
    within = f"{rooms.__name__}."
    names = {one.name for one in pkgutil.iter_modules(rooms.__path__, within)}
    modules = {name: import_module(name) for name in names}
    with_rules = {name for name, module in modules.items() if "problems" in getattr(module, "__all__", ())}
    asked = {module.__name__ for module in checks._ROOMS}
    assert with_rules == {name for name in asked if name.startswith(within)} | {f"{within}function"}
    assert len(with_rules) == 7


@pytest.mark.parametrize(
    ("target", "spec", "path", "words"),
    [
        # The image.
        ({"image": None}, {}, "target.image", "make image"),
        ({}, {"image": IMAGE, "runtime": {"image": IMAGE}}, "runtime.image", "the program itself"),
        ({}, {"runtime": {"image": ELSEWHERE}}, "runtime.image", "ECR of its own region"),
        (
            {},
            {"runtime": {"image": f"example.com/iris@sha256:{'1' * 64}"}},
            "runtime.image",
            "in ECR by digest",
        ),
        # Size and time.
        ({}, {"resources": {"cpu": "6"}}, "resources.cpu", "at most 5788m"),
        ({}, {"limits": {"timeout": "14m"}}, "limits.startup_timeout", "900 s together"),
        # The server.
        ({}, BATCHING, "runtime.batching", "one request at a time"),
        ({}, {"monitoring": {"capture": {}}}, "monitoring.capture", "between two requests"),
        ({}, {"model": {"uri": "oci://example.com/iris", "sha256": "a" * 64}}, "model.uri", "hf"),
        ({}, {"model": {**REMOTE, "format": "safetensors"}}, "model.format", "onnx, custom"),
        ({}, {"security": {"network": {"egress": []}}}, "security.network.egress", "target.vpc"),
        ({}, {"monitoring": {"tracing": {"percent": 50.0}}}, "monitoring.tracing.percent", "5 percent"),
        (BEIJING, {"monitoring": {"tracing": {}}}, "monitoring.tracing", "nothing in cn-north-1"),
        (BEIJING, {"security": PUBLIC}, "target.region", "the function URL"),
        # Who may call.
        (URL, {}, "target.front.kind", "an address on the internet"),
        (API, {}, "target.front.kind", "security.network.public true"),
        ({"front": {"kind": "invoke"}}, {"security": PUBLIC}, "security.network.public", "function_url"),
        ({}, {"security": {"auth": {"kind": "none"}}}, "security.auth.kind", "public true as well"),
        ({}, {"security": {"auth": {"kind": "api_key"}}}, "security.auth.kind", "platform, jwt, none"),
        (URL, {"security": TOKENS}, "security.auth.kind", "checks tokens before"),
        (API, {"security": {**PUBLIC, "invokers": [ROLE]}}, "security.invokers", "execute-api:Invoke"),
        ({}, {"security": {"invokers": ["s3.amazonaws.com"]}}, "security.invokers[0]", "an IAM role or user"),
        (
            {},
            {"security": {"invokers": [ROLE, "arn:aws-cn:iam::123456789012:role/shop"]}},
            "security.invokers[1]",
            "partition aws",
        ),
        # The ways' own limits, each with the hop that binds.
        (API, {"security": TOKENS, "limits": {"timeout": "31s"}}, "limits.timeout", "API Gateway's HTTP API"),
        (
            API,
            {"security": TOKENS, "limits": {"max_body": "5Mi"}},
            "limits.max_body",
            "synchronous invocation",
        ),
        (URL, {"security": PUBLIC, "limits": {"max_body": "5Mi"}}, "limits.max_body", "at most 4560Ki"),
        ({}, {"limits": {"max_body": "7Mi"}}, "limits.max_body", "at most 6Mi on target `lambda`"),
        (
            {"region": "eu-central-2", "image": IMAGE.replace("central-1", "central-2")},
            {"security": PUBLIC},
            "target.region",
            "another region with target.front function_url",
        ),
        ({}, {"limits": {"requests_per_second": 5}}, "limits.requests_per_second", "http_api"),
        # TLS.
        ({}, {"security": {"tls": {"min_version": "1.3"}}}, "security.tls.min_version", "1.2"),
        ({}, {"security": {"tls": {"domain": "iris.example.com"}}}, "security.tls.domain", "front invoke"),
        (
            API,
            {"security": {**TOKENS, "tls": {"domain": "iris.example.com"}}},
            "security.tls.certificate",
            "Certificate Manager",
        ),
        (
            API,
            {
                "security": {
                    **TOKENS,
                    "tls": {
                        "domain": "iris.example.com",
                        "certificate": "arn:aws:acm:us-east-1:123456789012:certificate/1",
                    },
                }
            },
            "security.tls.certificate",
            "same account and region",
        ),
        # Keys and roles of other places.
        (
            {},
            {
                "security": {
                    "key": "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
                }
            },
            "security.key",
            "in region eu-central-1",
        ),
        (
            {},
            {"security": {"identity": "arn:aws:iam::210987654321:role/iris"}},
            "security.identity",
            "of account 123456789012",
        ),
        # Rollouts and warm environments.
        ({}, {"rollout": CANARY, "scaling": {"min": 0}}, "target.previous_version", "`revision`"),
        ({}, {"previous_version": "7"}, "target.previous_version", "nothing without rollout.previous"),
        ({}, {"rollout": CANARY, "previous_version": "7"}, "scaling.min", "0 while two versions"),
        (
            {},
            {"rollout": {**CANARY, "previous": REMOTE}, "scaling": {"min": 0}, "previous_version": "7"},
            "rollout.previous",
            "another model",
        ),
        ({}, {"scaling": {"min": 1, "max": 5, "target": 64}}, "scaling.target", "6.4 to 57.6"),
        # A policy without room for them.
        ({}, {"security": {"invokers": CROWD}}, "security.invokers", "in 20480 bytes"),
        ({}, {"security": {**PUBLIC, "invokers": CROWD[:60]}}, "security.invokers", "Name the account"),
    ],
)
def test_refusals(target: dict[str, Any], spec: dict[str, Any], path: str, words: str) -> None:
    problems = found(target, **spec)
    assert list(problems) == [path]
    assert words in str(problems[path])


@pytest.mark.parametrize("version", ["$LATEST", "0", "live"])
def test_a_version_is_told_by_its_number(version: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"target\.previous_version: .*a published version's number"):
        mode(previous_version=version).args  # noqa: B018 -- reading it is what is refused


def test_as_many_callers_as_a_policy_holds_are_let_in() -> None:
    assert found(security={"invokers": CROWD[:60]}) == {}
    assert found(security={**PUBLIC, "invokers": CROWD[:30]}) == {}


def test_variables_have_a_bound() -> None:
    uri = f"s3://models/{'é' * 1000}/{'x' * 1000}.onnx"
    problems = found(model={**REMOTE, "uri": uri})
    assert problems == {}
    most = found(model={**REMOTE, "uri": f"s3://models/{'é' * 1980}.onnx"})
    assert "4096 bytes" in str(most["model.uri"])


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ({"vpc": {"subnets": ["subnet-01234567"], "security_groups": ["sg-01234567"]}}, "target.vpc.subnets"),
        ({"image": ELSEWHERE}, "target.image"),
        ({"image": "iris:latest"}, "target.image"),
        ({"account": "12345"}, "target.account"),
    ],
)
def test_a_target_that_is_none(target: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError, match=path):
        parse(LambdaTarget, mode(target).config["target"], "target")


def test_all_problems_of_a_config_are_told_at_once() -> None:
    target = {"kind": "lambda", "region": "eu-central-1"}
    with pytest.raises(pulumi.RunError, match=r"(?s)2 problems.*name: .*target\."):
        LambdaEndpointArgs.parse({"name": "I", "model": REMOTE, "target": target})
    with pytest.raises(pulumi.RunError, match=r"target\.kind: given 'local', allowed: lambda"):
        LambdaEndpointArgs.parse({"name": "iris", "model": REMOTE, "target": {"kind": "local"}})


def test_what_is_open_is_said_in_two_fields() -> None:
    """A7: either field alone is refused; both together are taken."""
    assert found(URL, security=OPEN) == {}
    assert "security.auth.kind" in found(security={"auth": {"kind": "none"}})
    assert found(URL, security=PUBLIC) == {}
