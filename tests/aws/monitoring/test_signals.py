"""The table of metrics: whole, and of the endpoint alone."""

import tomllib
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from modelberth.aws.monitoring import signals
from modelberth.aws.monitoring.signals import TABLE, Role, kinds, signals_of
from support.aws_watched import KINDS, WHERE, watched

SAGEMAKER = ("sagemaker", "sagemaker-components", "sagemaker-async", "sagemaker-serverless")
VARIANT = {"EndpointName", "VariantName"}
DIMENSIONS = {
    "AWS/Lambda": {"FunctionName", "Resource", "ExecutedVersion"},
    "AWS/ApiGateway": {"ApiId", "Stage"},
    "AWS/SageMaker": {*VARIANT, "EndpointConfigName", "InferenceComponentName"},
    "/aws/sagemaker/Endpoints": VARIANT,
    "/aws/sagemaker/InferenceComponents": {"InferenceComponentName"},
}


def test_the_table_has_its_date_and_its_sources() -> None:
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert isinstance(data["captured"], date)
    assert len(data["sources"]) == 10
    assert all(url.startswith("https://docs.aws.amazon.com/") for url in data["sources"].values())


def test_each_kind_tells_what_every_alarm_needs() -> None:
    assert set(kinds()) == {*KINDS, *SAGEMAKER}
    for name, kind in kinds().items():
        assert {"requests", "failed", "latency"} <= kind.metrics.keys() <= set(get_args(Role))
        assert ("new_requests" in kind.metrics) == (name != "sagemaker-components")
        assert bool(kind.memory) == ("memory_use" not in kind.metrics) == (name in KINDS)
        for metric in kind.metrics.values():
            assert metric.dimensions.keys() <= DIMENSIONS[metric.namespace]
        assert kind.metrics["latency"].seconds == (0.001 if name in KINDS else 0.000_001)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_names_the_endpoint_and_its_alias(kind: str) -> None:
    signals = watched(kind, version=True).signals
    for role in signals.metrics:
        (query,) = signals.queries(role, 60)
        assert query["id"] == role
        assert "unit" not in query["metric"]
        values = set(query["metric"]["dimensions"].values())
        assert values <= {*WHERE.values(), "7"}
        assert values & {WHERE["function"], WHERE["api"]}


def test_several_parts_are_one_role() -> None:
    where = {"endpoint": "e", "variant": ("model", "previous")}
    signals = signals_of("sagemaker", where)
    *each, together = signals.queries("failed", 60)
    assert [query["id"] for query in each] == ["failed_0", "failed_1"]
    assert [query["metric"]["dimensions"] for query in each] == [
        {"EndpointName": "e", "VariantName": "model"},
        {"EndpointName": "e", "VariantName": "previous"},
    ]
    assert not any(query["return_data"] for query in (*each, together))
    assert (together["id"], together["expression"]) == (
        "failed",
        "SUM([FILL(failed_0, 0), FILL(failed_1, 0)])",
    )
    slow = signals.queries("latency", 60, returned=True)
    assert [query["return_data"] for query in slow] == [False, False, True]
    assert slow[-1]["expression"] == "MAX([FILL(latency_0, 0), FILL(latency_1, 0)])"
    (one,) = signals_of("sagemaker", {"endpoint": "e", "variant": ("model",)}).queries(
        "latency", 60, returned=True
    )
    assert (one["id"], one["return_data"]) == ("latency", True)


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
