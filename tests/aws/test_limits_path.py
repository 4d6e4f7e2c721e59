"""The whole way of a request: where the spec asks for more than fits through, the hop that binds is named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from modelberth.aws.lambda_.limits import limits as of_lambda
from modelberth.aws.sagemaker.limits import limits as of_sagemaker
from modelberth.capabilities import check
from modelberth.spec import EndpointDeployment, parse
from support import aws_plans, aws_sagemaker
from support.aws_plans import PUBLIC, TOKENS
from support.aws_sagemaker import ASYNC, SERVERLESS

AWS: Final = Path(__file__).parents[2] / "components" / "modelberth" / "aws"
URL: Final = {"security": PUBLIC}
API: Final = {"security": TOKENS}

# Each way, what binds its body and its time, and one more than fits.
WAYS: Final[Mapping[str, tuple[Any, Mapping[str, Any], str, str]]] = {
    "lambda by Lambda's API": (aws_plans.mode, {}, "", "AWS Lambda's synchronous invocation"),
    "lambda by its address": (aws_plans.mode, URL, "synchronous invocation", "the function URL"),
    "lambda by an HTTP API": (aws_plans.mode, API, "synchronous invocation", "API Gateway's HTTP API"),
}
MODES: Final[Mapping[str, Mapping[str, Any]]] = {"real_time": {}, "serverless": SERVERLESS, "async": ASYNC}


def problems(config: Mapping[str, Any]) -> Mapping[str, str]:
    read = parse(EndpointDeployment, config)
    return {one.path: str(one) for one in check(read.spec, read.target)}


def lambda_hops(which: str) -> tuple[int, int]:
    kind = {"lambda by Lambda's API": "invoke", "lambda by its address": "function_url"}.get(
        which, "http_api"
    )
    hops = of_lambda().hops(kind)  # type: ignore[arg-type]
    return min(hop.body_bytes for hop in hops), min(hop.timeout_seconds for hop in hops)


@pytest.mark.parametrize("which", WAYS)
def test_the_narrowest_hop_to_a_function_is_named(which: str) -> None:
    make, spec, by_body, by_time = WAYS[which]
    body, seconds = lambda_hops(which)
    startup = {"startup_timeout": "1s"}
    assert problems(make(**spec, limits={"max_body": f"{body // 1024}Ki"}).config) == {}
    over = problems(make(**spec, limits={"max_body": f"{body // 1024 + 1}Ki"}).config)
    assert list(over) == ["limits.max_body"]
    assert by_body in over["limits.max_body"]
    late = problems(make(**spec, limits={"timeout": f"{seconds + 1}s", **startup}).config)
    assert "limits.timeout" in late
    if seconds < 900:
        assert by_time in late["limits.timeout"]
        assert f"at most {seconds} s" in late["limits.timeout"]


@pytest.mark.parametrize("kind", MODES)
def test_the_hop_to_sagemaker_is_named_with_the_mode_that_takes_more(kind: str) -> None:
    mode, target = of_sagemaker().modes[kind], dict(MODES[kind])
    fits = {"max_body": f"{mode.body_bytes // 1024}Ki", "timeout": f"{mode.timeout_seconds}s"}
    make = aws_sagemaker.mode
    assert problems(make(target, limits=fits, **_alone(kind)).config) == {}
    over = {"max_body": f"{mode.body_bytes // 1024 + 1}Ki", "timeout": f"{mode.timeout_seconds + 1}s"}
    if kind == "async":
        del over["timeout"]  # it is the longest that any spec may ask for
    found = problems(make(target, limits=over, **_alone(kind)).config)
    assert found.keys() == {f"limits.{name}" for name in over}
    if kind != "async":
        for said in found.values():
            assert "The hop that binds is SageMaker's API" in said
            assert "async it can be had" in said


def test_every_limit_says_where_it_is_from_and_when_it_was_read() -> None:
    tables = sorted([*AWS.rglob("limits.toml"), *AWS.glob("*.toml"), *AWS.glob("*/instances.toml")])
    assert len(tables) >= 5
    for file in tables:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        text = file.read_text(encoding="utf-8")
        if file.name == "names.toml":
            continue
        assert isinstance(table.get("captured"), date), file
        assert "https://" in text, file


def _alone(kind: str) -> Mapping[str, Any]:
    return {"scaling": {"min": 0, "max": 2}} if kind == "serverless" else {}
