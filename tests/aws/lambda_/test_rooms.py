"""The rooms of a function as pure functions: sizes, shares, callers and documents."""

import json
from typing import Any

import pytest

from modelberth.aws.lambda_ import (
    alias,
    dead_letters,
    front,
    function,
    http_api,
    limits,
    names,
    scaling,
    server,
)
from modelberth.aws.lambda_.contract import contract
from modelberth.aws.lambda_.reach import invocation_path
from modelberth.aws.place import Place
from modelberth.spec.aws import FunctionUrl, HttpApi, InvokeApi
from support.aws_plans import CANARY, OPEN, PREVIOUS, PUBLIC, REMOTE, ROLE, TOKENS, one, plan


@pytest.mark.parametrize(
    ("resources", "mib"),
    [
        ({}, 1769),
        ({"cpu": "100m", "memory": "128Mi"}, 177),
        ({"cpu": "100m", "memory": "512Mi"}, 512),
        ({"cpu": "500m", "memory": "1Gi"}, 1024),
        ({"cpu": "2", "memory": "1Gi"}, 3538),
        ({"cpu": "5788m"}, 10239),
        ({"memory": "10Gi"}, 10240),
        # Half a MiB is one.
        ({"cpu": "100m", "memory": 512 * 2**20 + 1}, 513),
    ],
)
def test_memory_brings_the_processor_time_that_is_asked_for(resources: dict[str, Any], mib: int) -> None:
    given = plan(resources=resources).spec.resources
    found = function.memory_mib(given)
    assert found == mib
    assert found * 1000 / limits.limits().mib_of_one_cpu >= given.cpu.millicores
    assert found * 2**20 >= given.memory


def test_a_request_may_wait_for_a_start() -> None:
    assert function.timeout_seconds(plan().spec) == 330
    short = {"timeout": "1500ms", "startup_timeout": "20s"}
    assert function.timeout_seconds(plan(limits=short).spec) == 22


def test_the_server_is_told_of_its_model() -> None:
    versioned = {"uri": "s3://models/iris/3.onnx", "revision": "v 1".replace(" ", "/"), "sha256": "a" * 64}
    made = plan(model=versioned)
    found = server.server(made.spec, made.target).environment
    assert found["MODELBERTH_MODEL_URI"] == "s3://models/iris/3.onnx@v%2F1"
    assert found["MODELBERTH_TIMEOUT_SECONDS"] == "30"
    made = plan(model={"uri": "models/iris.onnx", "sha256": "a" * 64})
    inside = server.server(made.spec, made.target).environment
    assert "MODELBERTH_MODEL_URI" not in inside
    assert inside["MODELBERTH_MODEL_SHA256"] == "a" * 64


def test_one_request_at_a_time_whatever_the_spec_allows() -> None:
    made = plan(limits={"concurrency": 200}, scaling={"min": 1, "max": 40})
    assert server.server(made.spec, made.target).environment["MODELBERTH_MAX_CONCURRENCY"] == "1"
    assert scaling.reserved(made.spec) == 40


def test_our_server_alone_is_told_to_stream() -> None:
    mode, url = "MODELBERTH_LAMBDA_RESPONSE_MODE", {"kind": "function_url", "streaming": True}
    made = plan({"front": url}, security=PUBLIC)
    assert server.server(made.spec, made.target).environment[mode] == "streaming"
    assert not [*front.problems(made.spec, made.target)]
    whole = plan({"front": {**url, "streaming": False}}, security=PUBLIC)
    assert mode not in server.server(whole.spec, whole.target).environment
    own = one("url, streaming by an engine of one's own", "Function").inputs["environment"]["variables"]
    assert mode not in own


@pytest.mark.parametrize(
    ("given", "share"), [({}, 0.7), ({"target": 32}, 0.5), ({"target": 6.4}, 0.1), ({"target": 57.6}, 0.9)]
)
def test_the_target_is_a_share_of_the_concurrency(given: dict[str, Any], share: float) -> None:
    made = plan(scaling={"min": 1, "max": 5, **given}).spec
    kept = scaling.warm(made)
    assert kept is not None
    assert kept.utilization == pytest.approx(share)
    assert kept.is_scaled
    assert [*scaling.problems(made, plan().target)] == []


def test_a_fixed_number_is_not_scaled_and_none_is_none() -> None:
    fixed = scaling.warm(plan(scaling={"min": 3, "max": 3}).spec)
    assert fixed is not None
    assert not fixed.is_scaled
    assert scaling.warm(plan(scaling={"min": 0, "max": 3}).spec) is None


SEVEN = {"previous_version": "7"}


def shares(target: dict[str, Any] | None = None, **spec: Any) -> alias.Traffic:
    made = plan(target, **spec)
    return alias.traffic(made.spec, made.target)


@pytest.mark.parametrize(
    ("step", "percent", "weights"),
    [(0, 0, {}), (1, 10, {"7": 0.9}), (2, 50, {"7": 0.5}), (3, 100, {})],
)
def test_shares_of_a_canary(step: int, percent: int, weights: dict[str, float]) -> None:
    found = shares(SEVEN, rollout={**CANARY, "step": step})
    assert (found.percent, found.weights) == (percent, weights)
    assert found.version("8") == ("7" if step == 0 else "8")
    assert found.is_split == bool(weights)


def test_without_an_older_version_all_is_new() -> None:
    for rollout in ({"strategy": "rolling"}, {"strategy": "canary"}, {"strategy": "blue_green"}):
        found = shares(rollout=rollout)
        assert (found.percent, found.version("8"), found.weights) == (100, "8", {})
    back = {"strategy": "blue_green", "previous": PREVIOUS, "active": "previous"}
    assert shares(SEVEN, rollout=back).version("8") == "7"


@pytest.mark.parametrize(
    ("security", "kind"),
    [({}, InvokeApi), (PUBLIC, FunctionUrl), (OPEN, FunctionUrl), (TOKENS, HttpApi)],
)
def test_the_way_where_none_is_named(security: dict[str, Any], kind: type) -> None:
    made = plan(security=security)
    assert isinstance(front.front(made.spec, made.target), kind)


def test_nothing_is_open_by_one_field() -> None:
    """A7: NONE needs both fields; either alone leaves a signature, or is refused."""
    assert front.url_authorization(plan(security=OPEN).spec) == "NONE"
    assert front.url_authorization(plan(security=PUBLIC).spec) == "AWS_IAM"
    assert front.url_authorization(plan(security={"auth": {"kind": "none"}}).spec) == "AWS_IAM"
    assert http_api.authorization(plan(security={"auth": {"kind": "none"}}).spec) == "AWS_IAM"
    assert http_api.authorization(plan(security=OPEN).spec) == "NONE"


def test_grants_have_ids_of_their_own() -> None:
    made = plan(security={**PUBLIC, "invokers": [ROLE, "210987654321"]})
    granted = front.grants(made.spec, made.target)
    assert len({grant.role for grant in granted}) == len(granted) == 4
    direct = plan(security={"invokers": [ROLE, "210987654321"]})
    assert [grant.principal for grant in front.grants(direct.spec, direct.target)] == [ROLE, "210987654321"]


def test_routes_are_the_servers_and_no_more() -> None:
    routes = front.routes(plan().spec)
    assert len(set(routes)) == len(routes) == 10
    assert "POST /v2/models/iris/infer" in routes
    assert all(route.partition(" ")[0] in {"GET", "POST"} for route in routes)
    assert not [route for route in routes if set(route) & set("{}*+$")]


def test_throttles_are_never_zero() -> None:
    """A37: one of both alone would set the other to 0."""
    assert http_api.throttles(plan().spec, HttpApi(kind="http_api")) == (100, 100.0)
    made = plan(limits={"requests_per_second": 0.5}).spec
    assert http_api.throttles(made, HttpApi(kind="http_api", burst=7)) == (7, 0.5)


def test_a_route_as_a_source() -> None:
    source = http_api.source_arn(Place("123456789012", "cn-north-1"), "a1", "GET /v2")
    assert source == "arn:aws-cn:execute-api:cn-north-1:123456789012:a1/$default/GET/v2"


def test_the_access_log_has_neither_headers_nor_bodies() -> None:
    fields = json.loads(http_api.access_log_format())
    assert len(fields) == 11
    assert all(value.startswith("$context.") for value in fields.values())


def test_the_queue_is_not_asked_without_tls() -> None:
    (statement,) = json.loads(dead_letters.queue_policy(plan()))["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["arn:aws:sqs:eu-central-1:123456789012:shop-dev-iris-dead-letters"]


def test_names_stay_within_their_bounds() -> None:
    long = plan(name="i" + "r" * 30 + "s")
    assert len(names.function_name(long)) <= 64
    assert len(names.queue_name(long)) <= 63
    assert names.log_group(long) == f"/aws/lambda/{names.function_name(long)}"
    assert invocation_path("iris", names.LIVE) == "/2015-03-31/functions/iris:live/invocations"


def test_each_front_has_its_hops() -> None:
    table = limits.limits()
    ways: tuple[limits.Front, ...] = ("invoke", "function_url", "http_api")
    bodies = {way: min(hop.body_bytes for hop in table.hops(way)) for way in ways}
    assert bodies == {"invoke": 6 * 2**20, "function_url": 4560 * 1024, "http_api": 4560 * 1024}
    times = {way: min(hop.timeout_seconds for hop in table.hops(way)) for way in ways}
    assert times == {"invoke": 900, "function_url": 900, "http_api": 30}
    # Base64 of the largest body, and an envelope, are what an invocation takes.
    assert bodies["http_api"] // 3 * 4 + 64 * 1024 == 6 * 2**20


def test_the_contract_of_tokens() -> None:
    made = plan(security=TOKENS, model={**REMOTE, "version": "4"})
    found = contract(made, url="https://api.example.com", version="8", image="x@sha256:1")
    assert (found.auth, found.health_path, found.model_version) == ("jwt", "/health/ready", "4")
    assert (found.max_body_bytes, found.timeout_seconds) == (2**20, 30.0)
