"""Servers that have only one of the protocols, as KServe, Triton and TensorFlow Serving do."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.faulty import Exchange, Fault, faulty
from modelberth.conformance import Target, Verdict, examine

ROWS = [[5.1, 3.5, 1.4, 0.2]]
BARE = {"grpc": None, "predict_route": None, "health_route": None}


def only(*prefixes: str, extra: Callable[[Exchange], None] = lambda _: None) -> Fault:
    """A server with nothing but some paths."""

    def fault(exchange: Exchange) -> None:
        if not exchange.path.startswith(prefixes):
            exchange.status, exchange.body = 404, b'{"error": "Malformed request"}'
        exchange.kept.pop("x-request-id", None)
        extra(exchange)

    return fault


def bare_metadata(exchange: Exchange) -> None:
    """As Triton describes a model: without an example."""
    if exchange.path == "/v2/models/iris":
        body = json.loads(exchange.body)
        del body["parameters"]
        exchange.body = json.dumps(body).encode()


def repository_index(exchange: Exchange) -> None:
    bare_metadata(exchange)
    if exchange.path == "/v2/repository/index":
        exchange.status, exchange.body = 200, b'[{"name": "iris", "version": "3", "state": "READY"}]'


def list_of_models(exchange: Exchange) -> None:
    if exchange.path == "/v2/models":
        exchange.status, exchange.body = 200, b'{"models": ["iris"]}'


@pytest.mark.parametrize(
    "extra", [pytest.param(repository_index, id="Triton"), pytest.param(list_of_models, id="KServe")]
)
def test_a_server_of_the_open_inference_protocol(target: Target, extra: Callable[[Exchange], None]) -> None:
    with faulty(target.url, only("/v2", extra=extra)) as url:
        report = examine(replace(target, url=url, **BARE))
    assert report.model == "iris"
    assert report.held, report.findings
    kept = {name for name, verdict in report.contracts.items() if verdict is Verdict.HELD}
    assert kept == {"open-inference", "binary", "cloud-run", "kubernetes"}
    assert set(report.contracts.values()) == {Verdict.HELD, Verdict.NOT_OFFERED}


def test_tensorflow_serving_tells_no_names(target: Target) -> None:
    with faulty(target.url, only("/v1")) as url:
        nameless = examine(replace(target, url=url, **BARE))
        assert not nameless.held
        assert nameless.count(Verdict.HELD) == nameless.count(Verdict.BROKEN) == 0
        report = examine(replace(target, url=url, model="iris", rows=ROWS, **BARE))
    assert report.held, report.findings
    assert report.contracts["tensorflow"] is Verdict.HELD
    unknown = {one.check for one in report.findings if one.verdict is Verdict.NOT_CHECKED}
    assert unknown >= {"the column form is answered by column", "both forms give the same predictions"}
    assert report.contracts["plain"] is report.contracts["open-inference"] is Verdict.NOT_OFFERED


def test_a_web_site_keeps_no_contract(target: Target) -> None:
    def site(exchange: Exchange) -> None:
        exchange.status, exchange.body, exchange.kept = 200, b"<html></html>", {"content-type": "text/html"}

    with faulty(target.url, site) as url:
        report = examine(replace(target, url=url, rows=ROWS, **BARE))
    assert not report.held
    assert report.contracts["open-inference"] is Verdict.NOT_OFFERED
