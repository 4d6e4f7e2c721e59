"""The table of metrics: whole, and of the endpoint alone."""

import tomllib
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from modelberth.aws.monitoring import signals
from modelberth.aws.monitoring.signals import TABLE, Role, kinds, signals_of
from support.aws_watched import KINDS, WHERE, watched

DIMENSIONS = {
    "AWS/Lambda": {"FunctionName", "Resource", "ExecutedVersion"},
    "AWS/ApiGateway": {"ApiId", "Stage"},
}


def test_the_table_has_its_date_and_its_sources() -> None:
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert isinstance(data["captured"], date)
    assert len(data["sources"]) == 5
    assert all(url.startswith("https://docs.aws.amazon.com/") for url in data["sources"].values())


def test_each_kind_tells_what_every_alarm_needs() -> None:
    assert set(kinds()) == set(KINDS)
    for kind in kinds().values():
        assert {"requests", "failed", "latency", "new_requests"} <= kind.metrics.keys() <= set(get_args(Role))
        assert kind.memory
        for metric in kind.metrics.values():
            assert metric.dimensions.keys() <= DIMENSIONS[metric.namespace]
        assert kind.metrics["latency"].seconds == 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_names_the_endpoint_and_its_alias(kind: str) -> None:
    signals = watched(kind, version=True).signals
    for role in signals.metrics:
        query = signals.query(role, 60)
        assert query["id"] == role
        assert "unit" not in query["metric"]
        values = set(query["metric"]["dimensions"].values())
        assert values <= {*WHERE.values(), "7"}
        assert values & {WHERE["function"], WHERE["api"]}


def test_http_apis_count_samples_and_functions_sums() -> None:
    statistics = {kind: kinds()[kind].metrics["requests"].statistic for kind in KINDS}
    assert statistics == {"lambda": "Sum", "lambda-function-url": "Sum", "lambda-http-api": "SampleCount"}


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no signals are known of the kind 'batch', only of lambda"):
        signals_of("batch", WHERE)
    with pytest.raises(ValueError, match="the signals of lambda-http-api need to know: api, stage"):
        signals_of("lambda-http-api", {"function": "f", "alias": "f:live"})
    with pytest.raises(KeyError):
        _ = kinds()["lambda"].metrics["requests"].seconds


@pytest.mark.parametrize(
    ("find", "put", "message"),
    [
        ('failed = "errors"', 'failed = "invocations"', "metrics not listed, or not used: errors"),
        (
            'source = "concurrency"',
            'source = "rumour"',
            "sources not listed, or not used: concurrency, rumour",
        ),
        ('spilled = "provisioned', 'split = "provisioned', "kind lambda: no such role: split"),
    ],
)
def test_a_wrong_table_is_noticed(
    find: str, put: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:

    text = TABLE.read_text(encoding="utf-8")
    assert find in text
    changed = tmp_path / TABLE.name
    changed.write_text(text.replace(find, put), encoding="utf-8")
    monkeypatch.setattr(signals, "TABLE", changed)
    with pytest.raises(ValueError, match=message):
        signals.kinds.__wrapped__()
