"""The function between the Runtime API and the application, both of them a test's own."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from modelberth_server.aws_lambda.call import IAM_CALLER, FunctionError
from modelberth_server.aws_lambda.gateway import PAYLOAD_LIMIT_BYTES
from modelberth_server.aws_lambda.runtime import Function, serve
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request, Response
from modelberth_server.settings import Settings
from modelberth_server.sources.stream import SourceError
from serving.lambda_events import http_api, s3_event

SETTINGS = Settings.from_environ(
    {
        "MODELBERTH_MODEL_NAME": "iris",
        "MODELBERTH_S3_OUTPUT_URI": "s3://out/p",
        "MODELBERTH_MAX_BODY_BYTES": "100",
    }
)
BUCKET = "s3://data"


class Folder:
    """Objects in memory; those named in `lost` cannot be read or written."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {f"{BUCKET}/{name.replace('_', '.')}": data for name, data in objects.items()}
        self.lost: set[str] = set()

    def get(self, uri: str, most: int) -> bytes:
        assert most == 100
        if uri in self.lost or uri not in self.objects:
            raise SourceError(f"{uri} does not exist")
        return self.objects[uri]

    def put(self, uri: str, data: bytes) -> None:
        if uri in self.lost:
            raise SourceError(f"{uri} may not be written")
        self.objects[uri] = data

    @property
    def written(self) -> dict[str, bytes]:
        return {uri: data for uri, data in self.objects.items() if uri.startswith("s3://out/")}


class Echo:
    """Answers after the call has returned: with the request's own body, or as `respond` says."""

    def __init__(self, respond: Callable[[Request], Response] | None = None) -> None:
        self.requests: list[Request] = []
        self.threads: set[int] = set()
        self._respond = respond or (lambda request: Response(200, request.body))

    def handle(self, request: Request) -> None:
        self.requests.append(request)
        self.threads.add(threading.get_ident())
        asyncio.get_running_loop().call_soon(lambda: request.sink.answer(request, self._respond(request)))


def invoke(app: Any, event: Any, store: Folder | None = None, settings: Settings = SETTINGS) -> Any:
    """Invoke the function once, as its own thread does."""

    async def main() -> bytes:
        function = Function(app.handle, settings, store, asyncio.get_running_loop())
        payload = json.dumps(event).encode()
        return await asyncio.to_thread(function.invoke, payload, "id-7", time.monotonic() + 9, b"Root=1-2")

    return json.loads(asyncio.run(main()))


def refused(app: Any, event: Any, store: Folder | None = None, **more: Any) -> FunctionError:
    with pytest.raises(FunctionError) as failure:
        invoke(app, event, store, **more)
    return failure.value


def test_a_request_is_handled_in_the_loops_thread_and_knows_its_invocation() -> None:
    app = Echo()
    assert invoke(app, {"input": [[1]]}) == {"input": [[1]]}
    (request,) = app.requests
    assert app.threads == {threading.get_ident()}
    assert (request.method, request.path, request.identifier) == ("POST", "/predict", "id-7")
    assert (request.caller, request.headers[b"x-amzn-trace-id"]) == (IAM_CALLER, b"Root=1-2")
    assert request.started < request.deadline <= request.started + 9


def test_a_caller_over_http_is_nobody_yet_and_keeps_its_own_trace() -> None:
    app = Echo()
    headers = {"x-amzn-trace-id": "mine"}
    assert invoke(app, http_api(headers=headers))["statusCode"] == 200
    (request,) = app.requests
    assert (request.caller, request.headers[b"x-amzn-trace-id"]) == ("", b"mine")
    assert (request.query, request.peer) == (b"a=1&a=2", "192.0.2.1")


def test_every_object_is_predicted_on_and_written_beside_its_key() -> None:
    app = Echo()
    store = Folder(a_json=b'{"input": [[1]]}', b_jsonl=b"[1]\n[2]", c_csv=b"1,2", d_npy=b"\x93NUMPY")
    answer = invoke(app, s3_event("a.json", "b.jsonl", "c.csv", "d.npy"), store)
    assert answer == {
        "written": [f"s3://out/p/{key}.json" for key in ("a.json", "b.jsonl", "c.csv", "d.npy")]
    }
    assert store.written == {
        "s3://out/p/a.json.json": b'{"input": [[1]]}',
        "s3://out/p/b.jsonl.json": b'{"instances":[[1],[2]]}',
        "s3://out/p/c.csv.json": b"1,2",
        "s3://out/p/d.npy.json": b"\x93NUMPY",
    }
    assert [request.path for request in app.requests] == [
        "/predict",
        "/predict",
        "/invocations",
        "/invocations",
    ]
    assert {request.caller for request in app.requests} == {IAM_CALLER}


def test_an_object_that_fails_fails_the_invocation_after_the_others_are_done() -> None:
    store = Folder(a_json=b"{", b_json=b'{"input": [[1]]}', d_json=b'{"input": [[2]]}')
    store.lost = {"s3://out/p/d.json.json"}
    event = s3_event("a.json", "b.json", "missing.json", "d.json")
    error = refused(Echo(), event, store)
    assert error.kind == "PredictionFailed"
    first, second, third = error.message.split("; ")
    assert first.startswith("s3://data/a.json: body: not JSON")
    assert second == "s3://data/missing.json: s3://data/missing.json does not exist"
    assert third == "s3://data/d.json: s3://out/p/d.json.json may not be written"
    assert set(store.written) == {"s3://out/p/b.json.json"}

    # Lambda's retry: what was done is done again into the same place.
    store.objects |= {"s3://data/a.json": b'{"input": [[3]]}', "s3://data/missing.json": b'{"input": [[4]]}'}
    store.lost.clear()
    assert len(invoke(Echo(), event, store)["written"]) == 4
    assert len(store.written) == 4


@pytest.mark.parametrize(
    ("key", "size", "message"),
    [
        ("a.txt", 1, "its suffix is none of"),
        ("a.json", 101, "101 bytes, 100 are allowed"),
    ],
)
def test_an_object_that_cannot_be_served_is_refused_by_name(key: str, size: int, message: str) -> None:
    event = s3_event(key)
    event["Records"][0]["s3"]["object"]["size"] = size
    app, store = Echo(), Folder(a_txt=b"1", a_json=b"1")
    error = refused(app, event, store)
    assert error.message.startswith(f"s3://data/{key}: {message}")
    assert not app.requests
    assert not store.written


def test_an_object_in_the_output_itself_is_refused() -> None:
    event = s3_event("p/a.json.json")
    event["Records"][0]["s3"]["bucket"]["name"] = "out"
    app = Echo()
    assert "would be predicted on forever" in refused(app, event, Folder()).message
    assert not app.requests


def test_a_refused_prediction_on_an_object_is_not_written() -> None:
    busy = Echo(lambda _: Response.error(RequestError(429, "busy")))
    store = Folder(a_json=b'{"input": [[1]]}')
    assert refused(busy, s3_event("a.json"), store).message == "s3://data/a.json: busy"
    assert not store.written


@pytest.mark.parametrize(("status", "kind"), [(400, "BadRequest"), (429, "TooManyRequests")])
def test_a_direct_invocation_fails_where_the_response_is_an_error(status: int, kind: str) -> None:
    error = refused(Echo(lambda _: Response.error(RequestError(status, "why"))), {"input": [[1]]})
    assert (error.kind, error.message) == (kind, "why")


def test_a_direct_response_beyond_the_limit_fails() -> None:
    fits = Echo(lambda _: Response(200, b" " * (PAYLOAD_LIMIT_BYTES - 1) + b"1"))
    assert invoke(fits, {"input": [[1]]}) == 1
    large = Echo(lambda _: Response(200, b"1" * (PAYLOAD_LIMIT_BYTES + 1)))
    error = refused(large, {"input": [[1]]})
    assert error.kind == "ContentTooLarge"
    assert "AWS Lambda passes on at most 6291456: ask for fewer rows" in error.message


def test_a_body_over_the_limit_never_reaches_the_application() -> None:
    app = Echo()
    assert refused(app, {"input": [[1] * 100]}).kind == "ContentTooLarge"
    assert invoke(app, http_api(body="x" * 101))["statusCode"] == 413
    assert not app.requests


class Api:
    """The client library: gives out invocations, and then is broken."""

    def __init__(self, *payloads: bytes) -> None:
        self._payloads = list(payloads)
        self.posted: list[tuple[str, str, Any]] = []

    def wait_next_invocation(self) -> Any:
        if not self._payloads:
            raise ConnectionError("the Runtime API is gone")
        return SimpleNamespace(
            invoke_id=f"id-{len(self._payloads)}",
            event_body=self._payloads.pop(0),
            deadline_time_in_ms=str(int((time.time() + 5) * 1000)),
            x_amzn_trace_id=None,
        )

    def post_invocation_result(self, invoke_id: str, result_data: bytes, content_type: str) -> None:
        assert content_type == "application/json"
        self.posted.append((invoke_id, "response", json.loads(result_data)))

    def post_invocation_error(self, invoke_id: str, error_response_data: str, xray_fault: str) -> None:
        self.posted.append((invoke_id, "error", json.loads(error_response_data)))

    def post_init_error(self, error_response_data: dict[str, Any]) -> None:
        pytest.fail("the function had started")


class Failing(Echo):
    def handle(self, request: Request) -> None:
        if b"boom" in request.body:
            raise ZeroDivisionError("of a secret")
        super().handle(request)


def test_a_fault_of_ours_fails_one_invocation_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    api = Api(b'{"input": ["boom"]}', b'{"input": [[1]]}', b"7")

    async def main() -> None:
        await serve(Failing().handle, SETTINGS, api, None)

    with caplog.at_level(logging.WARNING), pytest.raises(ConnectionError, match="the Runtime API is gone"):
        asyncio.run(main())
    assert api.posted[0] == (
        "id-3",
        "error",
        {"errorMessage": "internal error", "errorType": "InternalServerError"},
    )
    assert api.posted[1] == ("id-2", "response", {"input": [[1]]})
    assert api.posted[2][1:] == (
        "error",
        {"errorMessage": "event: 7, expected an object", "errorType": "BadRequest"},
    )
    assert "invocation id-3: unexpected error" in caplog.text
    assert "invocation id-1 failed: BadRequest" in caplog.text
    assert len(api.posted) == 3


def test_more_concurrency_than_there_is_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_MAX_CONCURRENCY", "8")

    async def main() -> None:
        await serve(Echo().handle, SETTINGS, Api(), None)

    with caplog.at_level(logging.WARNING), pytest.raises(ConnectionError):
        asyncio.run(main())
    assert "AWS_LAMBDA_MAX_CONCURRENCY: invocations are answered one at a time" in caplog.text
