import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from modelberth_server.errors import SettingsError
from modelberth_server.http.message import Request, Response
from modelberth_server.telemetry.exporter import exporter
from modelberth_server.telemetry.telemetry import Telemetry
from serving.collector import Collector, attributes
from serving.watching import IRIS, iris_batch, request, settings

PARENT = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
NOT_SAMPLED = PARENT[:-1] + b"0"
TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Collector.listening() as one:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", one.url)
        yield one


def serve(*requests: Request, status: int = 200, **environ: str) -> None:
    """Begin, compute as one batch, answer and export."""

    async def run() -> None:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://set"} | environ
        telemetry = Telemetry.from_settings(settings(MODEL_NAME="iris"), variables)
        await telemetry.start()
        for one in requests:
            telemetry.started(one)
        inputs, outputs = iris_batch(len(requests))
        telemetry.batch(IRIS, requests, inputs, outputs, [0.25] * len(requests), 0.5)
        for one in requests:
            telemetry.answered(one, Response(status, b""))
        await telemetry.close()

    asyncio.run(run())


def earlier(one: Request, seconds: float) -> Request:
    one.started -= seconds
    return one


def test_a_request_is_a_span_with_a_queue_and_a_computation(collector: Collector) -> None:
    before = time.time_ns()
    one = earlier(request(headers={b"traceparent": PARENT, b"tracestate": b"shop=7"}), 1)
    serve(one)

    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {"POST /predict", "queue", "compute"}
    root = spans["POST /predict"]
    assert root.kind == Span.SPAN_KIND_SERVER
    assert root.trace_id.hex() == "ab" * 16 == one.identifier
    assert root.parent_span_id.hex() == "cd" * 8
    assert root.trace_state == "shop=7"
    assert attributes(root) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.path": "/predict",
        "url.scheme": "http",
        "modelberth.request.id": "ab" * 16,
    }
    for child in (spans["queue"], spans["compute"]):
        assert child.parent_span_id == root.span_id
        assert child.trace_id == root.trace_id
    assert attributes(spans["compute"]) == {
        "modelberth.model.name": "iris",
        "modelberth.model.version": "3",
        "modelberth.batch.requests": 1,
        "modelberth.batch.rows": 1,
    }
    queue, compute = spans["queue"], spans["compute"]
    near = pytest.approx
    assert queue.end_time_unix_nano - queue.start_time_unix_nano == near(0.25e9, abs=1e6)
    assert compute.end_time_unix_nano - compute.start_time_unix_nano == near(0.5e9, abs=1e6)
    assert queue.end_time_unix_nano == near(compute.start_time_unix_nano, abs=1e6)
    assert before - 2e9 < root.start_time_unix_nano < queue.start_time_unix_nano
    assert compute.end_time_unix_nano <= root.end_time_unix_nano <= time.time_ns()
    assert collector.resource["service.name"] == "iris"


def test_each_request_of_a_batch_has_its_own_spans(collector: Collector) -> None:
    serve(*[request() for _ in range(3)])
    assert sorted(span.name for span in collector.spans) == sorted(["POST /predict", "queue", "compute"] * 3)
    assert len({span.trace_id for span in collector.spans}) == 3


def test_a_failure_is_an_error(collector: Collector) -> None:
    serve(request(), status=503)
    root = next(span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER)
    assert root.status.code == Status.STATUS_CODE_ERROR
    assert attributes(root)["error.type"] == "503"


def test_probes_and_unsampled_requests_have_no_spans(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(request("/health/live", method="GET"), request(headers={b"traceparent": NOT_SAMPLED}))
    assert collector.spans == []
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    serve(request())
    assert collector.spans == []
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
    serve(request())
    assert len(collector.spans) == 3


def test_the_service_is_called_as_the_variables_say(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-iris")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
    serve(request(), OTEL_SERVICE_NAME="shop-iris")
    assert collector.resource["service.name"] == "shop-iris"
    assert collector.resource["deployment.environment.name"] == "prod"


def test_a_collector_that_is_away_costs_no_request(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("modelberth_server.telemetry.telemetry.CLOSE_SECONDS", 0.1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    serve(request())
    assert collector.spans == []
    assert "traces" in caplog.text


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "x"}, None),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, None),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_EXPORTER": "zipkin"}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, "otlp"),
        (
            {**TRACED, "OTEL_TRACES_SAMPLER": "ParentBased_TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG": "0"},
            "otlp",
        ),
    ],
)
def test_the_standard_variables_say_whether_to_trace(environ: dict[str, str], expected: str | None) -> None:
    assert exporter(environ) == expected


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "'zipkin', allowed are otlp, console and none"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "'grpc', allowed is http"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"},
            "^OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense', allowed is an",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "me:s3cret@c:4318"},
            "^OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318', allowed",
        ),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://"}, "^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://'"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:99999"}, "allowed is an http or https address"),
        ({**TRACED, "OTEL_TRACES_SAMPLER": "nope"}, "^OTEL_TRACES_SAMPLER: 'nope', allowed are always_on, "),
        ({**TRACED, "OTEL_TRACES_SAMPLER_ARG": "5%"}, "^OTEL_TRACES_SAMPLER_ARG: '5%', allowed is a number"),
        ({**TRACED, "OTEL_TRACES_SAMPLER_ARG": "1.5"}, "'1.5', allowed is a number from 0 to 1"),
        ({**TRACED, "OTEL_TRACES_SAMPLER_ARG": "nan"}, "'nan', allowed is a number from 0 to 1"),
    ],
)
def test_what_cannot_be_exported_is_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        exporter(environ)


def test_what_is_off_is_not_imported() -> None:
    program = """if True:
        import sys
        from modelberth_server.telemetry.telemetry import Telemetry
        from serving.watching import settings
        Telemetry.from_settings(settings(), {})
        heavy = {"opentelemetry", "arro3", "obstore", "requests"}
        print(len(sys.modules), sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
    """
    path = [entry for entry in sys.path if entry]
    code = f"import sys; sys.path[:0] = {path!r}\n{program}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    count, _, found = done.stdout.strip().partition(" ")
    assert int(count) > 100
    assert found == "[]"
