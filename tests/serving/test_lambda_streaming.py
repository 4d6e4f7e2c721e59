"""Answers to a function URL that passes on streams: the real process, and the pieces that it posts."""

import base64
import json
from typing import Any

import orjson
import pytest

from modelberth_server.aws_lambda.gateway import PAYLOAD_LIMIT_BYTES
from modelberth_server.aws_lambda.response_stream import STREAM_LIMIT_BYTES, pieces
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Response
from serving.lambda_events import http_api, rest_api
from serving.lambda_platform import LambdaPlatform, Outcome, lambda_platform
from serving.models import ModelFile
from serving.processes import Launch, ServerProcess

ROW = [5.1, 3.5, 1.4, 0.2]
STREAMING = {"MODELBERTH_LAMBDA_RESPONSE_MODE": "streaming", "MODELBERTH_MODEL_NAME": "iris"}


def by_url(**more: Any) -> dict[str, Any]:
    """An event of a function URL: an HTTP API's but for the name that it came by."""
    event = http_api(**more)
    event["requestContext"]["domainName"] = "abc.lambda-url.us-east-1.on.aws"
    return event


def body(rows: int = 1) -> str:
    return json.dumps({"input": [ROW] * rows})


def streamed(outcome: Outcome) -> tuple[Any, bytes]:
    """Head and body of a streamed answer."""
    assert outcome.kind == "response"
    assert outcome.headers["Lambda-Runtime-Function-Response-Mode"] == "streaming"
    assert outcome.headers["Content-Type"] == "application/vnd.awslambda.http-integration-response"
    head, separator, answer = outcome.body.partition(b"\0" * 8)
    assert separator
    return json.loads(head), answer


@pytest.fixture
def platform() -> Any:
    with lambda_platform() as api:
        yield api


def start(launch: Launch, iris: ModelFile, platform: LambdaPlatform, **more: str) -> ServerProcess:
    return launch(iris.environ(**platform.environ, **STREAMING, **more))


def test_an_answer_to_a_function_url_is_streamed(
    iris: ModelFile, launch: Launch, platform: LambdaPlatform
) -> None:
    start(launch, iris, platform)
    head, answer = streamed(platform.invoke(by_url(body=body())))
    assert head["statusCode"] == 200
    assert head["headers"]["content-type"] == "application/json"
    assert json.loads(answer)["predictions"] == ["setosa"]
    head, answer = streamed(platform.invoke(by_url(body='{"input": [["x"]]}')))
    assert head["statusCode"] == 400
    assert "input[0]" in json.loads(answer)["error"]


def test_others_get_whole_answers_from_the_same_function(
    iris: ModelFile, launch: Launch, platform: LambdaPlatform
) -> None:
    start(launch, iris, platform)
    for event in (http_api(body=body()), rest_api(body=body())):
        outcome = platform.invoke(event)
        assert "Lambda-Runtime-Function-Response-Mode" not in outcome.headers
        assert json.loads(outcome.json["body"])["predictions"] == ["setosa"]
    assert platform.invoke({"input": [ROW]}).json["predictions"] == ["setosa"]


def test_an_answer_beyond_what_lambda_takes_whole_comes_through(
    iris: ModelFile, launch: Launch, platform: LambdaPlatform
) -> None:
    rows = 160_000
    start(launch, iris, platform, MODELBERTH_MAX_BODY_BYTES=str(1 << 23))
    tensor = {"name": "input", "shape": [rows, 4], "datatype": "FP32", "data": ROW * rows}
    event = by_url(rawPath="/v2/models/iris/infer", body=json.dumps({"inputs": [tensor]}))
    head, answer = streamed(platform.invoke(event))
    assert head["statusCode"] == 200, answer[:200]
    assert len(answer) > PAYLOAD_LIMIT_BYTES
    assert {output["shape"][0] for output in json.loads(answer)["outputs"]} == {rows}


def test_without_the_setting_a_function_url_gets_an_envelope(
    iris: ModelFile, launch: Launch, platform: LambdaPlatform
) -> None:
    launch(iris.environ(**platform.environ))
    outcome = platform.invoke(by_url(body=base64.b64encode(body().encode()).decode(), isBase64Encoded=True))
    assert outcome.json["statusCode"] == 200
    assert "Lambda-Runtime-Function-Response-Mode" not in outcome.headers


def test_a_caller_that_has_gone_ends_its_own_invocation_alone(
    iris: ModelFile, launch: Launch, platform: LambdaPlatform
) -> None:
    server = start(launch, iris, platform)
    platform.refusing = True
    identifier = platform.start(by_url(body=body()))
    server.wait_for_log(f"invocation {identifier}: the answer was not taken")
    platform.refusing = False
    assert streamed(platform.invoke(by_url(body=body())))[0]["statusCode"] == 200


def test_a_response_is_split_and_loses_nothing() -> None:
    data = bytes(range(256)) * 10_000
    head, *parts = pieces(Response(200, data, b"application/x-npy", ((b"x-request-id", b"7"),)))
    assert head.endswith(b"\0" * 8)
    assert orjson.loads(head.rstrip(b"\0")) == {
        "statusCode": 200,
        "headers": {"content-type": "application/x-npy", "x-request-id": "7"},
    }
    assert len(parts) == 3
    assert b"".join(parts) == data
    assert [*pieces(Response.error(RequestError(404, "nothing")))][1:] == [b'{"error":"nothing"}']


def test_an_answer_beyond_lambdas_limit_says_so() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return STREAM_LIMIT_BYTES + 1

    head, answer = pieces(Response(200, Huge()))
    assert orjson.loads(head.rstrip(b"\0"))["statusCode"] == 413
    assert f"AWS Lambda passes on at most {STREAM_LIMIT_BYTES}" in orjson.loads(answer)["error"]
