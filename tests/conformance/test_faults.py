"""Known-bad servers: each of them breaks exactly the checks that are about its fault."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conformance.faulty import Exchange, Fault, faulty, faulty_grpc
from modelberth.conformance import CONTRACTS, Finding, Report, Target, Verdict, examine
from modelberth.conformance.discovery import discover
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.web import Web


def broken(report: Report) -> set[str]:
    return {finding.check for finding in report.findings if finding.verdict is Verdict.BROKEN}


def changed(path: str, change: Callable[[Any], Any], status: int = 200) -> Fault:
    """A fault that changes the JSON of answers with a status on paths that match."""

    def fault(exchange: Exchange) -> None:
        if re.search(path, exchange.path) and exchange.status == status and exchange.body.startswith(b"{"):
            exchange.body = json.dumps(change(json.loads(exchange.body))).encode()

    return fault


def kinder(path: str) -> Fault:
    """A fault that answers 200 to what is refused on paths that match."""

    def fault(exchange: Exchange) -> None:
        if re.search(path, exchange.path) and exchange.status in (400, 415):
            exchange.status = 200

    return fault


def when(condition: Callable[[Exchange], bool], status: int, **headers: str) -> Fault:
    """A fault that gives some answers another status, and headers."""

    def fault(exchange: Exchange) -> None:
        if condition(exchange):
            exchange.status = status
            exchange.kept |= headers

    return fault


def dropping(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change that loses the last entry of a list."""
    return lambda body: {**body, name: body[name][:-1]} if isinstance(body.get(name), list) else body


def reshaped(body: dict[str, Any]) -> dict[str, Any]:
    for output in body.get("outputs", ()):
        output["shape"] = [size + 1 for size in output["shape"]]
    return body


def without_error(body: dict[str, Any]) -> dict[str, Any]:
    return {"message": body["error"]} if "error" in body else body


def swapped_bytes(exchange: Exchange) -> None:
    """Raw tensors in the other byte order."""
    size = exchange.kept.get("inference-header-content-length")
    if size:
        at = int(size)
        exchange.body = exchange.body[:at] + exchange.body[at:][::-1]


def no_header(exchange: Exchange) -> None:
    exchange.kept.pop("inference-header-content-length", None)


def no_identifier(exchange: Exchange) -> None:
    exchange.kept.pop("x-request-id", None)


def torn_metrics(exchange: Exchange) -> None:
    if exchange.path == "/metrics":
        exchange.body = exchange.body[: len(exchange.body) // 2] + b"\n}{ 1 x\n"


def renamed_metrics(exchange: Exchange) -> None:
    if exchange.path == "/metrics":
        exchange.replace(b"modelberth_queue_seconds", b"queue_seconds")


def not_ready_to_predict(exchange: Exchange) -> None:
    """Ready before the model is."""
    if exchange.method == "POST":
        exchange.status, exchange.body = 503, b'{"error": "loading"}'


def after_bad(status: int) -> Fault:
    """Unhealthy from the first malformed request on."""
    seen: list[str] = []

    def fault(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.status == 400:
            seen.append(exchange.path)
        if seen and exchange.path in ("/health/live", "/health/ready", "/ping"):
            exchange.status = status

    return fault


def ignored(member: str, path: str) -> Fault:
    """Every answer as though the request had no such member: it has all outputs."""

    def fault(exchange: Exchange) -> None:
        if exchange.path.endswith(path) and member.encode() in exchange.sent and exchange.status == 200:
            body = json.loads(exchange.body)
            body[member] = body[member] * 2
            exchange.body = json.dumps(body).encode()

    return fault


FAULTS: list[tuple[str, str, Fault, set[str]]] = [
    ("plain", "200 on malformed", kinder("^/predict$"), {"a malformed body is refused", "another media type is refused"}),
    ("plain", "a prediction too few", changed("^/predict$", dropping("predictions")), {"rows are answered with as many predictions"}),
    ("plain", "405 without Allow", lambda e: e.kept.pop("allow", None), {"another method is refused with 405 and Allow"}),
    ("plain", "500 on malformed", when(lambda e: e.status == 400, 500), {"a malformed body is refused"}),
    ("tensorflow", "a prediction too few", changed(":predict$", dropping("predictions")), {"the row form is answered by row", "rows may name their inputs", "both forms give the same predictions"}),
    ("tensorflow", "never available", changed("^/v1/models/iris$", lambda b: {"model_version_status": [{**b["model_version_status"][0], "state": "START"}]}), {"the status names a version that is AVAILABLE"}),
    ("tensorflow", "errors of another form", changed("^/v1", without_error, 400), {"a request without instances is refused with an error", "rows that the model does not take are refused", "a malformed body is refused with an error"}),
    ("open-inference", "another id", changed("/infer$", lambda b: {**b, "id": "41"}), {"the id comes back"}),
    ("open-inference", "another shape", changed("/infer$", reshaped), {"a prediction has all outputs, as described", "outputs can be chosen", "nested data is the same as flat data", "parameters of the caller's own are tolerated"}),
    ("open-inference", "200 on malformed", kinder("/infer$"), {"a wrong input name is refused", "a wrong datatype is refused", "a wrong shape is refused", "data of another size is refused", "a request without inputs is refused", "an unknown output is refused", "a malformed body is refused"}),
    ("open-inference", "not live", when(lambda e: e.path == "/v2/health/live", 500), {"live is answered with 200"}),
    ("open-inference", "choice of outputs ignored", ignored("outputs", "/infer"), {"outputs can be chosen", "parameters of the caller's own are tolerated"}),
    ("binary", "the other byte order", swapped_bytes, {"each output can be had as raw bytes", "all outputs can be had as raw bytes", "an output of its own setting overrides that of all"}),
    ("binary", "no length of the JSON", no_header, {"each output can be had as raw bytes", "all outputs can be had as raw bytes", "an output of its own setting overrides that of all"}),
    ("binary", "200 on malformed", kinder("/infer$"), {"a wrong binary_data_size is refused", "too few and too many bytes are refused", "a wrong length of the JSON is refused"}),
    ("sagemaker", "unhealthy", when(lambda e: e.path == "/ping", 500), {"/ping is answered with 200 within 2 s", "refusals do not make it unhealthy"}),
    ("sagemaker", "accept ignored", lambda e: e.kept.update({"content-type": "application/json"}), {"Accept: text/csv is honoured", "Accept: application/x-npy is honoured"}),
    ("sagemaker", "variants refused", when(lambda e: "x-amzn-sagemaker-target-variant" in e.headers, 400), {"headers of variants and attributes are tolerated"}),
    ("sagemaker", "unhealthy after a refusal", after_bad(503), {"refusals do not make it unhealthy"}),
    ("vertex", "a prediction too few", changed("^/vertex/predict$", dropping("predictions")), {"instances are answered with as many predictions", "empty parameters change nothing", "several instances are answered in one response"}),
    ("vertex", "parameters refused", when(lambda e: b"parameters" in e.sent, 400), {"empty parameters change nothing"}),
    ("vertex", "not healthy", when(lambda e: e.path == "/vertex/health", 503), {"the health route is answered with 200 within 10 s"}),
    ("azure-ml", "200 on malformed", kinder("^/score$"), {"malformed requests are refused"}),
    ("azure-ml", "another answer to tables", changed("^/score$", lambda b: {**b, "predictions": ["virginica"]}), set()),
    ("azure-ml", "not ready", when(lambda e: e.path.endswith("/ready"), 503), {"readiness is answered with 200 within 2 s"}),
    ("cloud-run", "a redirect to https", when(lambda e: e.headers.get("x-forwarded-proto") == "https", 301, location="https://iris"), {"forwarded headers are tolerated, without a redirect to https"}),
    ("cloud-run", "its own name only", when(lambda e: "run.app" in e.headers["host"], 400), {"the service's host name is accepted"}),
    ("cloud-run", "no chunks", when(lambda e: "transfer-encoding" in e.headers, 411), {"a body in chunks is accepted"}),
    ("kubernetes", "ready before the model", not_ready_to_predict, {"a server that is ready predicts", "malformed requests do not make it unhealthy"}),
    ("kubernetes", "dead after a malformed request", after_bad(500), {"malformed requests do not make it unhealthy", "a probe may close its connection after one request"}),
    ("kubernetes", "torn metrics", torn_metrics, {"the metrics can be parsed"}),
    ("modelberth", "no x-request-id", no_identifier, {"the caller's x-request-id comes back", "each answer has an x-request-id"}),
    ("modelberth", "large bodies taken", when(lambda e: e.status == 413, 200), {"a body that is too large is refused with 413 before it is sent"}),
    ("modelberth", "a metric renamed", renamed_metrics, {"the metrics have their names"}),
    ("modelberth", "200 on malformed", kinder(""), {"an error names the field at fault", "NaN, Infinity and 1e400 are refused with 400", "a compressed body is refused with 415", "the caller's x-request-id comes back"}),
]  # fmt: skip
# ruff: noqa: E501 (a table is read by its lines)


@pytest.mark.parametrize(
    ("contract", "fault", "expected"),
    [pytest.param(name, fault, checks, id=f"{name}: {what}") for name, what, fault, checks in FAULTS],
)
def test_a_fault_breaks_the_checks_that_are_about_it(
    target: Target, contract: str, fault: Fault, expected: set[str]
) -> None:
    with faulty(target.url, fault) as url:
        report = examine(replace(target, url=url), [contract])
    assert broken(report) == expected
    assert report.held is not bool(expected)


def test_each_contract_has_a_known_bad_server() -> None:
    names = {name for name, _, _, checks in FAULTS if checks} | {"grpc"}
    assert names == CONTRACTS.keys()


def test_passing_on_changes_nothing(target: Target) -> None:
    with faulty(target.url, lambda _: None) as url:
        report = examine(replace(target, url=url))
    assert broken(report) == set()
    assert report.count(Verdict.HELD) == 98


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(lambda _, data: data, set(), id="none"),
        pytest.param(
            lambda method, data: data.replace(b"\x02id", b"") if method == "ModelInfer" else data,
            set(),
            id="nothing to change",
        ),
        pytest.param(
            lambda method, data: b"" if method == "ServerReady" else data,
            {"server and model are live and ready"},
            id="not ready",
        ),
        pytest.param(
            lambda method, data: data.replace(b"42", b"41") if method == "ModelInfer" else data,
            {"the id comes back, and may be left out"},
            id="another id",
        ),
        pytest.param(
            lambda method, data: data.replace(b"setosa", b"SETOSA") if method == "ModelInfer" else data,
            {"typed contents give the answer of JSON", "raw contents give the answer of JSON"},
            id="another answer",
        ),
        pytest.param(
            lambda method, data: data.replace(b"FP32", b"FP64"),
            {
                "server and model are described as by REST",
                "typed contents give the answer of JSON",
                "raw contents give the answer of JSON",
                "outputs can be chosen",
                "each version that is named can be asked",
            },
            id="another datatype",
        ),
    ],
)
def test_grpc(target: Target, fault: Callable[[str, bytes], bytes], expected: set[str]) -> None:
    assert target.grpc is not None
    with faulty_grpc(target.grpc, fault) as address:
        report = examine(replace(target, grpc=address), ["grpc"])
    assert broken(report) == expected
    assert report.count(Verdict.HELD) == len(CONTRACTS["grpc"].checks) - len(expected)


LIARS: dict[str, Fault] = {
    "200 and an empty object": lambda exchange: vars(exchange).update(status=200, body=b"{}", kept={"content-type": "application/json"}),
    "200 and a list": lambda exchange: vars(exchange).update(status=200, body=b"[]", kept={"content-type": "text/plain"}),
    "200 and a page": lambda exchange: vars(exchange).update(status=200, body=b"<html>", kept={"content-type": "text/html"}),
    "500": lambda exchange: vars(exchange).update(status=500, body=b"{}", kept={}),
    "404": lambda exchange: vars(exchange).update(status=404, body=b"{}", kept={}),
    "ready before the model": not_ready_to_predict,
}  # fmt: skip


def test_each_check_can_fail(target: Target) -> None:
    """Against servers that answer everything alike each check is broken by one, and none ends in a traceback."""
    with Web(target) as web:
        model = discover(web, target)
    fallible: set[tuple[str, str]] = set()
    for liar in LIARS.values():
        with (
            faulty(target.url, liar) as url,
            faulty_grpc(target.grpc or "", lambda *_: b"", kind=True) as address,
        ):
            lied_to = replace(target, url=url, grpc=address)
            with Web(lied_to) as web:
                for contract in CONTRACTS.values():
                    for check in contract.checks:
                        try:
                            check.run(Subject(lied_to, web, model))
                        except DidNotHold:
                            fallible.add((contract.name, check.name))
                        except (NotOffered, NotChecked):
                            pass
    every = {(contract.name, check.name) for contract in CONTRACTS.values() for check in contract.checks}
    assert len(every) == 98
    assert every - fallible == {("sagemaker", "connections are accepted within 250 ms")}


def strange(value: Any) -> list[Any]:
    """Values of JSON with one member each of another type."""
    odd = [None, 7, "x", [], {}, [None], [[]], {"x": 1}, -1, True]
    if isinstance(value, dict):
        found = [{**value, name: other} for name in value for other in odd]
        return found + [{**value, name: inner} for name in value for inner in strange(value[name])]
    if isinstance(value, list) and value:
        return [[inner, *value[1:]] for inner in strange(value[0])] + [[other] for other in odd]
    return odd


@pytest.mark.parametrize("path", ["/v2", "/v2/models/iris", "/v2/models/iris/infer", "/v1/models/iris"])
def test_a_strange_answer_is_a_finding_and_no_traceback(target: Target, path: str) -> None:
    seen: list[Finding] = []
    turn = itertools.count()

    def fault(exchange: Exchange) -> None:
        if (
            exchange.path == path
            and exchange.status == 200
            and exchange.body.startswith(b"{")
            and b"\0" not in exchange.body
        ):
            values = strange(json.loads(exchange.body))
            exchange.body = json.dumps(values[next(turn) * 7 % len(values)]).encode()

    with faulty(target.url, fault) as url:
        for _ in range(5):
            contracts = ["open-inference", "binary", "tensorflow"]
            seen += examine(replace(target, url=url, model="iris"), contracts).findings
    assert len(seen) >= 15
    assert any(finding.verdict is Verdict.BROKEN for finding in seen)
