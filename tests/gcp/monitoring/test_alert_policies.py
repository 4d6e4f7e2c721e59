"""The alerts as Cloud Monitoring takes them; whether each fires is asked of Prometheus in tests/cluster."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pulumi_gcp import monitoring

from modelberth.burn_rate import BURN_RATES
from modelberth.gcp.monitoring.alert import Watched, conditions, documentation, policy
from modelberth.gcp.monitoring.alerts import alerts
from support.gcp_watched import ENDPOINTS, GPU, KINDS, PROMISED, WHERE, watched

GOLDEN = Path(__file__).with_name("golden") / "alerts.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/gcp/monitoring/test_alert_policies.py"
BURNS = {f"burn-{row.long}" for row in BURN_RATES}
GUARDS = {"guard-errors", "guard-latency"}
ROLES = {
    "run, promised": {
        *(*BURNS, *GUARDS, "refusals", "latency", "unavailable", "at-max", "saturation", "waiting"),
    },
    "run, warm": {"errors", "refusals", "latency", "unavailable", "at-max", "saturation", "waiting"},
    "run, to zero": {"errors", "refusals", "latency", "saturation", "waiting"},
    "vertex, promised": {
        *(*BURNS, *GUARDS, "latency", "unavailable", "replicas-missing", "at-max", "saturation"),
    },
    "vertex, warm": {"errors", "latency", "unavailable", "replicas-missing", "at-max", "saturation"},
    "vertex, gpu": {"errors", "latency", "unavailable", "replicas-missing", "saturation"},
    "run, one each": {"errors", "refusals", "latency", "unavailable", "at-max", "saturation", "waiting"},
}


def policies(endpoint: Watched) -> dict[str, dict[str, Any]]:
    """The policies as they are registered, without whom they tell."""
    return {
        role: {
            **policy(endpoint.plan, alert),
            "conditions": conditions(alert),
            "documentation": documentation(endpoint, alert),
        }
        for role, alert in alerts(endpoint).items()
    }


def test_the_alerts_are_as_the_golden_file_says() -> None:
    made = {name: policies(ENDPOINTS[name]) for name in ("run, promised", "vertex, promised")}
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_has_the_alerts_that_it_can_have(name: str) -> None:
    assert alerts(ENDPOINTS[name]).keys() == ROLES[name]


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_keeps_to_the_limits_of_cloud_monitoring(name: str) -> None:
    made = policies(ENDPOINTS[name])
    for role, one in made.items():
        monitoring.AlertPolicyArgs(**one)
        monitoring.AlertPolicyAlertStrategyArgs(**one["alert_strategy"])
        monitoring.AlertPolicyDocumentationArgs(**one["documentation"])
        (condition,) = one["conditions"]
        monitoring.AlertPolicyConditionArgs(**condition)
        asked = condition["condition_prometheus_query_language"]
        monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs(**asked)
        every, lasting = (int(asked[key].removesuffix("s")) for key in ("evaluation_interval", "duration"))
        assert every % 30 == 0
        assert lasting % every == 0, role
        assert asked["disable_metric_validation"] is True
        assert len(one["documentation"]["content"].encode()) <= 8192
        assert one["severity"] in {"CRITICAL", "WARNING"}
        assert one["alert_strategy"]["auto_close"] == "1800s"
        assert one["project"] == "shop-prod"
        for key, value in one["user_labels"].items():
            assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
            assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)
    names = [one["display_name"] for one in made.values()]
    assert len(set(names)) == len(names) >= 5
    assert all(one.startswith("shop-prod-iris-") and len(one) <= 512 for one in names)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_selector_is_of_this_endpoint_alone(name: str) -> None:
    """Other endpoints of the project must not count."""
    endpoint = ENDPOINTS[name]
    own = [f'="{value}"' for value in WHERE["cloud_run" if name.startswith("run") else "vertex"].values()]
    selectors = [
        one for alert in alerts(endpoint).values() for one in re.findall(r"\{.*?\}", alert.expression)
    ]
    assert len(selectors) >= 8
    for one in selectors:
        assert all(value in one for value in own)
        assert f'monitored_resource="{endpoint.signals.resource}"' in one


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_says_what_is_wrong_and_what_to_do_next(name: str) -> None:
    for role, one in policies(ENDPOINTS[name]).items():
        told = one["documentation"]
        assert told["subject"] == f"iris: {role}"
        found = re.fullmatch(
            r"\*\*iris\*\* in stack prod: (.{20,}\.)\n\nWhat to do: (.{10,}\.)\n\n```\n(.*)\n```\n",
            told["content"],
        )
        assert found is not None
        kind = "cloud-run" if name.startswith("run") else "vertex"
        assert found[3].endswith(
            f" --project=shop-prod --bucket=shop-prod-iris-{kind}-logs --location=europe-west4 "
            "--view=_AllLogs --freshness=1h --limit=50"
        )
        assert f"'{ENDPOINTS[name].signals.log_filter}'" in found[3]
        assert one["user_labels"]["modelberth-severity"] == one["severity"].lower()
        assert one["user_labels"]["modelberth-endpoint"] == "iris"


def test_a_promise_says_how_long_the_budget_lasts() -> None:
    assert alerts(ENDPOINTS["run, promised"])["burn-1h"].summary == (
        "99.5 percent of the requests are promised to succeed over 30 days. In the last 1h and 5m that "
        "budget was spent at 14.4 times the rate at which it would last, or faster: it is gone after 50 "
        "hours at most."
    )


def test_windows_longer_than_the_promise_are_left_out() -> None:
    short = alerts(watched(monitoring={"slo": {"window_days": 1}}))
    assert BURNS & short.keys() == {"burn-1h", "burn-6h", "burn-1d"}
    assert [short[f"burn-{window}"].every for window in ("1h", "6h", "1d")] == [60, 60, 300]


def test_a_loose_promise_can_still_be_broken() -> None:
    """Of 50 percent, 14.4 times what may fail would be more than all."""
    expression = alerts(watched(monitoring={"slo": {"availability": 50}}))["burn-1h"].expression
    assert "> 0.75 and" in expression


@pytest.mark.parametrize("kind", KINDS)
def test_the_guard_needs_two_versions_that_serve(kind: str) -> None:
    canary = {"rollout": PROMISED["rollout"]}
    assert alerts(watched(kind, version=True, **canary)).keys() >= GUARDS
    assert not GUARDS & alerts(watched(kind, version=False, **canary)).keys()
    assert not GUARDS & alerts(watched(kind, version=True)).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_guard_without_a_bound_watches_the_other(kind: str) -> None:
    previous = PROMISED["rollout"]["previous"]
    guard = {"max_error_percent": None, "max_latency_p99": "1s"}
    rollout = {"strategy": "canary", "previous": previous, "guard": guard}
    assert GUARDS & alerts(watched(kind, version=True, rollout=rollout)).keys() == {"guard-latency"}


def test_a_fixed_number_of_replicas_is_never_at_its_most() -> None:
    for kind in KINDS:
        assert "at-max" not in alerts(watched(kind, scaling={"min": 3, "max": 3}))
        assert "at-max" in alerts(watched(kind, scaling={"min": 1, "max": 3}))
    assert "at-max" not in alerts(watched(scaling={"min": 0, "max": 1}))


def test_a_single_place_is_saturated_by_its_processor_or_its_gpu() -> None:
    for fields, told in (
        ({}, "container_cpu_utilizations"),
        ({"resources": GPU}, "container_gpu_utilizations"),
    ):
        endpoint = replace(watched(**fields), capacity=1)
        assert told in alerts(endpoint)["saturation"].expression
    unknown = replace(watched("vertex"), processors=None)
    assert "saturation" not in alerts(unknown)
    assert "saturation" in alerts(replace(watched("vertex", resources=GPU), processors=None))
