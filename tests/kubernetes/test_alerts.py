"""The rules as data; that each alert fires and stays silent is asked of Prometheus in tests/cluster."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelberth.burn_rate import BURN_RATES
from modelberth.kubernetes.monitoring.alerts import groups, rules
from modelberth.kubernetes.monitoring.queries import Queries
from modelberth.kubernetes.plan import Plan
from modelberth.spec import Duration
from support.endpoint_plans import canary, plan
from support.watched_plans import PLANS

GOLDEN = Path(__file__).with_name("golden") / "rules.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_alerts.py"
LE_OR_SHARE = r'le=~?"[^"]*"|\* 0\.[0-9]+'
COUNTS = {
    "all": 21,
    "defaults": 7,
    "lenient": 11,
    "one day": 10,
    "to zero": 7,
    "shadow": 11,
    "vllm": 17,
    "triton": 11,
    "tensorflow-serving": 13,
}


def rules_of(made: Plan) -> list[dict[str, Any]]:
    return [rule for group in groups(made) for rule in group["rules"]]


def alerts_of(made: Plan) -> dict[str, dict[str, Any]]:
    found = [rule for rule in rules_of(made) if "alert" in rule]
    by_name = {rule["alert"]: rule for rule in found}
    assert len(by_name) == len(found)
    return by_name


def test_the_rules_are_as_the_golden_file_says() -> None:
    text = json.dumps({"groups": groups(PLANS["all"])}, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", PLANS)
def test_every_alert_says_what_is_wrong_and_what_to_do(name: str) -> None:
    made = PLANS[name]
    alerts = alerts_of(made)
    assert len(alerts) == COUNTS[name]
    for rule in alerts.values():
        assert rule["labels"] == {
            "severity": rule["labels"]["severity"],
            "namespace": made.namespace,
            "app_kubernetes_io_instance": made.name,
        }
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {*rule["annotations"]} == {"summary", "description", "runbook"}
        assert all(rule["annotations"].values())
        assert rule["annotations"]["summary"].startswith("iris: ")


@pytest.mark.parametrize("name", PLANS)
def test_every_rule_is_of_this_endpoint_alone(name: str) -> None:
    """Other endpoints of the same Prometheus must not count: each selector names the endpoint or its pods."""
    made = PLANS[name]
    selectors = [one for rule in rules_of(made) for one in re.findall(r"\{([^}]*)\}", rule["expr"])]
    own = [one for one in selectors if f'namespace="{made.namespace}"' in one and made.name in one]
    assert own == selectors
    assert len(own) >= 15


@pytest.mark.parametrize("name", PLANS)
def test_what_an_alert_reads_is_recorded_before(name: str) -> None:
    recorded = {rule["record"] for rule in rules_of(PLANS[name]) if "record" in rule}
    read = {
        series
        for rule in rules_of(PLANS[name])
        for series in re.findall(r"modelberth:[a-z0-9_:]+", rule["expr"])
    }
    assert read <= recorded
    assert recorded


def test_thresholds_are_those_of_the_workbook() -> None:
    found = [(row.long, row.short, row.rate, row.severity) for row in BURN_RATES]
    assert found == [
        ("1h", "5m", 14.4, "critical"),
        ("6h", "30m", 6, "critical"),
        ("1d", "2h", 3, "warning"),
        ("3d", "6h", 1, "warning"),
    ]
    assert [row.threshold(0.001) for row in BURN_RATES] == pytest.approx([0.0144, 0.006, 0.003, 0.001])
    # 1 - 50 %: no share of failed requests is 7.2.
    assert [row.threshold(0.5) for row in BURN_RATES] == [0.75, 0.75, 0.75, 0.5]


def test_a_window_longer_than_the_promise_is_left_out() -> None:
    assert "ModelberthErrorBudgetBurn1d" in alerts_of(PLANS["one day"])
    assert "ModelberthErrorBudgetBurn3d" not in alerts_of(PLANS["one day"])


@pytest.mark.parametrize(
    ("threshold", "parts"),
    [
        ("100ms", ['le="0.1"']),
        ("80ms", ['le="0.1"', 'le="0.05"', "* 0.6", "* 0.4"]),
        ("1s", ['le=~"1(\\\\.0)?"']),
        ("30s", ['le=~"30(\\\\.0)?"']),
    ],
)
def test_a_latency_between_two_bounds_is_interpolated(threshold: str, parts: list[str]) -> None:
    expression = Queries(plan()).slow_ratio(Duration.parse(threshold), "5m")
    assert expression is not None
    assert sorted(re.findall(LE_OR_SHARE, expression)) == sorted(parts)

    assert Queries(plan()).slow_ratio(Duration.parse("31s"), "5m") is None


def test_without_metrics_only_the_replicas_are_watched() -> None:
    found = groups(plan(monitoring={"metrics": False}))
    assert [group["name"].rpartition("/")[2] for group in found] == ["replicas"]


def test_a_guard_watches_only_while_there_is_something_to_go_back_to() -> None:
    assert "ModelberthGuardErrors" in alerts_of(plan(rollout=canary(1)))
    assert "ModelberthGuardLatency" not in alerts_of(plan(rollout=canary(1)))
    assert "ModelberthGuardErrors" not in alerts_of(plan(rollout={"strategy": "canary"}))
    assert "ModelberthGuardErrors" not in alerts_of(
        plan(rollout=canary(1, guard={"max_error_percent": None, "max_latency_p99": "1s"}))
    )


def test_rules_are_the_operators_object_or_a_file_for_prometheus() -> None:
    labels = {"release": "monitoring"}
    with_operator = plan(target={"prometheus": {"operator": True, "labels": labels}})
    (rule,) = rules(with_operator).values()
    assert (rule["apiVersion"], rule["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "monitoring"
    assert rule["spec"]["groups"] == groups(with_operator)
    (config,) = rules(plan()).values()
    assert config["kind"] == "ConfigMap"
    ((file, text),) = config["data"].items()
    assert file == "modelberth-shop-onprem-iris.yaml"
    assert yaml.safe_load(text) == {"groups": groups(plan())}


def test_two_endpoints_of_one_prometheus_have_groups_of_their_own() -> None:
    names = [
        group["name"]
        for made in (plan(), plan(name="rose"), plan(target={"namespace": "other"}))
        for group in groups(made)
    ]
    assert len(names) == len(set(names)) == 6
