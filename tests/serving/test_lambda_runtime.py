"""The server as an AWS Lambda function: the real process, driven as the platform does it."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.lambda_events import balancer, http_api, rest_api, s3_event
from serving.lambda_platform import LambdaPlatform, Outcome, lambda_platform
from serving.models import ModelFile
from serving.processes import Launch, ServerProcess, launcher, wait_until

ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture(scope="module")
def platform() -> Iterator[LambdaPlatform]:
    with lambda_platform() as api:
        yield api


@pytest.fixture(scope="module")
def function(
    iris: ModelFile, platform: LambdaPlatform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """One process for all tests that only invoke it."""
    with launcher(tmp_path_factory.mktemp("lambda")) as start:
        yield start(iris.environ(**platform.environ, MODELBERTH_MODEL_NAME="iris"))


def http(outcome: Outcome) -> tuple[int, Any]:
    assert outcome.kind == "response", outcome.body
    answer = outcome.json
    return answer["statusCode"], json.loads(answer["body"])


def body_of(rows: Any = (ROW,)) -> str:
    return json.dumps({"input": list(rows)})


@pytest.mark.parametrize("make", [http_api, rest_api, balancer])
def test_http_in_an_event(platform: LambdaPlatform, function: ServerProcess, make: Any) -> None:
    status, answer = http(platform.invoke(make(body=body_of([ROW, ROW]))))
    assert status == 200
    assert answer["predictions"] == ["setosa", "setosa"]
    status, answer = http(platform.invoke(make(body='{"input": [["x"]]}')))
    assert status == 400
    assert "input[0]" in answer["error"]


def test_health_and_metadata_are_there(platform: LambdaPlatform, function: ServerProcess) -> None:
    for path in ("/health/ready", "/health/live", "/v2/models/iris"):
        assert http(platform.invoke(rest_api(httpMethod="GET", path=path, body=None)))[0] == 200
    assert http(platform.invoke(rest_api(httpMethod="GET", path="/nowhere", body=None)))[0] == 404
    assert http(platform.invoke(rest_api(httpMethod="GET")))[0] == 405


def test_a_direct_invocation_gets_the_bare_answer(platform: LambdaPlatform, function: ServerProcess) -> None:
    for key in ("input", "instances"):
        outcome = platform.invoke({key: [ROW]})
        assert (outcome.kind, outcome.json["predictions"]) == ("response", ["setosa"])
    tensor = {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": ROW}
    answer = platform.invoke({"id": "7", "inputs": [tensor]}).json
    assert (answer["model_name"], answer["id"]) == ("iris", "7")


def test_an_invocation_fails_with_type_and_message(platform: LambdaPlatform, function: ServerProcess) -> None:
    for event, message in (
        ({"rows": [ROW]}, "its keys are 'rows'"),
        ({"input": [[1, "two", 3, 4]]}, "input[0][1]: 'two', expected a number"),
        (b"{", "event: not JSON"),
    ):
        outcome = platform.invoke(event)
        assert (outcome.kind, outcome.json["errorType"]) == ("error", "BadRequest")
        assert message in outcome.json["errorMessage"]


def test_a_body_over_the_limit_is_refused(platform: LambdaPlatform, function: ServerProcess) -> None:
    large = base64.b64encode(b" " * (1 << 20) + body_of().encode()).decode()
    status, answer = http(platform.invoke(http_api(body=large, isBase64Encoded=True)))
    assert status == 413
    assert "1048576 are allowed" in answer["error"]


def test_an_s3_event_without_a_place_for_the_result_is_refused(
    platform: LambdaPlatform, function: ServerProcess
) -> None:
    outcome = platform.invoke(s3_event("in/a.json"))
    assert outcome.kind == "error"
    assert outcome.json["errorMessage"] == (
        "s3://data/in/a.json: MODELBERTH_S3_OUTPUT_URI: not set, it says where the prediction goes"
    )
    test = platform.invoke({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "data"})
    assert (test.kind, test.json) == ("response", {"written": []})
    function.wait_for_log("s3:TestEvent: ignored")


def test_what_has_no_effect_is_named(
    iris: ModelFile, launch: Launch, platform_of_its_own: LambdaPlatform
) -> None:
    given = {"MODELBERTH_ADMIN_PORT": "9090", "MODELBERTH_GRPC_PORT": "9091", "MODELBERTH_WORKERS": "2"}
    server = launch(iris.environ(**platform_of_its_own.environ, **given, MODELBERTH_THREADS="2"))
    server.wait_for_log("without effect on AWS Lambda: ")
    named = server.log.partition("without effect on AWS Lambda: ")[2].splitlines()[0]
    assert sorted(named.split(", ")) == sorted(given)
    assert platform_of_its_own.invoke({"input": [ROW]}).kind == "response"


def test_the_deadline_of_an_invocation_is_kept(
    slow: ModelFile, launch: Launch, platform_of_its_own: LambdaPlatform
) -> None:
    launch(slow.environ(**platform_of_its_own.environ))
    assert platform_of_its_own.invoke({"input": [10]}).kind == "response"
    started = time.monotonic()
    outcome = platform_of_its_own.invoke({"input": [10**9]}, seconds=1.5)
    assert time.monotonic() - started < 1.5
    assert (outcome.kind, outcome.json["errorType"]) == ("error", "GatewayTimeout")
    assert platform_of_its_own.invoke({"input": [10]}).kind == "response"


@pytest.fixture
def platform_of_its_own() -> Iterator[LambdaPlatform]:
    with lambda_platform() as api:
        yield api


@pytest.mark.parametrize(
    ("variables", "kind", "status", "message"),
    [
        ({"MODELBERTH_MODEL_SHA256": "0" * 64}, "Runtime.ModelError", 3, "sha256"),
        ({"MODELBERTH_MODEL_PATH": "/missing.onnx"}, "Runtime.ModelError", 3, "/missing.onnx"),
    ],
)
def test_a_model_that_is_refused_is_an_init_error(
    iris: ModelFile,
    launch: Launch,
    platform_of_its_own: LambdaPlatform,
    variables: dict[str, str],
    kind: str,
    status: int,
    message: str,
) -> None:
    server = launch({**iris.environ(**platform_of_its_own.environ), **variables})
    outcome = platform_of_its_own.outcome()
    assert (outcome.kind, outcome.json["errorType"]) == ("init/error", kind)
    assert outcome.headers["Lambda-Runtime-Function-Error-Type"] == kind
    assert message in outcome.json["errorMessage"]
    assert server.exit_status() == status
    assert not platform_of_its_own.polled.is_set()


def test_a_signal_ends_a_function_that_waits(
    iris: ModelFile, launch: Launch, platform_of_its_own: LambdaPlatform
) -> None:
    server = launch(iris.environ(**platform_of_its_own.environ))
    assert platform_of_its_own.polled.wait(30)
    server.terminate()
    server.exit_status()


def test_the_end_of_the_runtime_api_ends_the_process(iris: ModelFile, launch: Launch) -> None:
    with lambda_platform() as api:
        server = launch(iris.environ(**api.environ))
        assert api.invoke({"input": [ROW]}).kind == "response"
    wait_until(lambda: server.process.poll() is not None, lambda: server.log)
    assert server.process.returncode != 0


def test_a_key_is_asked_of_callers_over_http_and_iam_vouches_for_the_others(
    iris: ModelFile, launch: Launch, platform_of_its_own: LambdaPlatform, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"team {hashlib.sha256(b'a-key-of-the-team').hexdigest()}\n")
    launch(iris.environ(**platform_of_its_own.environ, MODELBERTH_API_KEYS_FILE=str(keys)))
    assert http(platform_of_its_own.invoke(http_api(body=body_of())))[0] == 401
    known = http_api(body=body_of(), headers={"x-api-key": "a-key-of-the-team"})
    assert http(platform_of_its_own.invoke(known))[0] == 200
    assert platform_of_its_own.invoke({"input": [ROW]}).kind == "response"


def test_with_the_web_adapter_it_serves_http(
    iris: ModelFile, launch: Launch, platform_of_its_own: LambdaPlatform
) -> None:
    server = launch(iris.environ(**platform_of_its_own.environ, AWS_LWA_PORT="8080"))
    server.wait_until_ready()
    assert httpx.get(f"{server.url}/health/ready", trust_env=False).status_code == 200
    assert not platform_of_its_own.polled.is_set()
