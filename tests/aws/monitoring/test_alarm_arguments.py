"""The alarms as CloudWatch would take them: its limits, its classes, whom they tell."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pulumi_aws.cloudwatch import CompositeAlarmArgs, MetricAlarmArgs, MetricAlarmMetricQueryArgs
from pulumi_aws.cloudwatch import MetricAlarmMetricQueryMetricArgs as MetricArgs

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.alarms import alarms
from modelberth.aws.monitoring.burn_alarms import burn_alarms
from modelberth.burn_rate import BURN_RATES
from support.aws_watched import KINDS, PROMISED, TOPIC, watched

GOLDEN = Path(__file__).with_name("golden") / "alarms.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/aws/monitoring/test_alarm_arguments.py"
ENDPOINTS = {
    **{f"{kind}, promised": watched(kind, version=True, **PROMISED) for kind in KINDS},
    **{kind: watched(kind) for kind in KINDS},
}
COUNTS = {"promised": (14, 4), "plain": (4, 0)}


def both(endpoint: Watched, *actions: str) -> tuple[dict[str, Any], dict[str, Any]]:
    burning = burn_alarms(endpoint, actions)
    return {**alarms(endpoint, actions), **burning.windows}, burning.both


def test_the_alarms_are_as_the_golden_file_says() -> None:
    single, composite = both(ENDPOINTS["lambda-http-api, promised"], TOPIC)
    text = json.dumps({"single": single, "composite": composite}, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_keeps_to_the_limits_of_cloudwatch(name: str) -> None:
    single, composite = both(ENDPOINTS[name])
    assert (len(single), len(composite)) == COUNTS["promised" if "promised" in name else "plain"]
    for role, alarm in single.items():
        MetricAlarmArgs(**alarm)
        returned = [query for query in alarm["metric_queries"] if query["return_data"]]
        assert len(returned) == 1, role
        identities = [query["id"] for query in alarm["metric_queries"]]
        assert len(set(identities)) == len(identities)
        for query in alarm["metric_queries"]:
            MetricAlarmMetricQueryArgs(**query)
            assert re.fullmatch(r"[a-z][a-zA-Z0-9_]*", query["id"])
            if "metric" in query:
                MetricArgs(**query["metric"])
                period = query["metric"]["period"]
                whole = period * alarm["evaluation_periods"]
                assert period % 60 == 0
                assert whole <= (604_800 if period >= 3600 else 86_400), role
        assert 1 <= alarm["datapoints_to_alarm"] <= alarm["evaluation_periods"]
    for alarm in composite.values():
        CompositeAlarmArgs(**alarm)
        named = set(re.findall(r'ALARM\("([^"]+)"\)', alarm["alarm_rule"]))
        assert named < {one["name"] for one in single.values()}
        assert len(named) == 2
    names = [*(one["name"] for one in single.values()), *(one["alarm_name"] for one in composite.values())]
    assert len(set(names)) == len(names)
    assert all(one.startswith("shop-prod-iris-") and len(one) <= 255 for one in names)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_says_what_is_wrong_and_what_to_do(name: str) -> None:
    single, composite = both(ENDPOINTS[name])
    for alarm in (*single.values(), *composite.values()):
        assert re.fullmatch(r"iris: .{20,}\. What to do: .{10,}\.", alarm["alarm_description"])
        assert len(alarm["alarm_description"]) <= 1024
        assert alarm["tags"]["modelberth:severity"] in {"critical", "warning"}
        assert alarm["tags"]["modelberth:endpoint"] == "iris"
        assert alarm["region"] == "eu-central-1"


def test_a_window_alone_tells_nobody_and_all_others_tell_both_ways() -> None:
    endpoint = ENDPOINTS["lambda, promised"]
    single, composite = both(endpoint, TOPIC)
    windows = burn_alarms(endpoint, [TOPIC]).windows
    assert len(windows) == 2 * len(BURN_RATES)
    for role, alarm in {**single, **composite}.items():
        told = [] if role in windows else [TOPIC]
        assert (alarm["alarm_actions"], alarm["ok_actions"]) == (told, told), role


def test_a_window_is_one_period_of_its_length() -> None:
    windows = burn_alarms(ENDPOINTS["lambda, promised"]).windows
    assert {role: one["metric_queries"][0]["metric"]["period"] for role, one in windows.items()} == {
        "burn-1h-long": 3600,
        "burn-1h-short": 300,
        "burn-6h-long": 21_600,
        "burn-6h-short": 1800,
        "burn-1d-long": 86_400,
        "burn-1d-short": 7200,
        "burn-3d-long": 259_200,
        "burn-3d-short": 21_600,
    }
    assert {one["evaluation_periods"] for one in windows.values()} == {1}


def test_windows_longer_than_the_promise_are_left_out() -> None:
    short = watched(monitoring={"slo": {"window_days": 1}})
    assert burn_alarms(short).both.keys() == {"burn-1h", "burn-6h", "burn-1d"}


def test_a_single_place_has_no_saturation_and_nothing_kept_ready_no_cold_starts() -> None:
    assert alarms(watched(scaling={"min": 0, "max": 1})).keys() == {"errors", "refusals", "latency"}
    assert alarms(watched(scaling={"min": 0, "max": 2})).keys() == {
        *("errors", "refusals", "latency", "saturation"),
    }


def test_the_guard_needs_two_versions_that_serve() -> None:
    canary = {"rollout": PROMISED["rollout"]}
    assert {"guard-errors", "guard-latency"} <= alarms(watched(version=True, **canary)).keys()
    assert not {"guard-errors", "guard-latency"} & alarms(watched(version=False, **canary)).keys()
    assert not {"guard-errors", "guard-latency"} & alarms(watched(version=True)).keys()
