"""What watches an endpoint in SageMaker, and the alarms by which an update is taken back."""

import json
import os
from pathlib import Path

import pytest

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.alarms import alarms
from modelberth.aws.monitoring.burn_alarms import burn_alarms
from modelberth.aws.monitoring.dashboard import dashboard
from modelberth.aws.monitoring.signals import Role
from support.cloudwatch import Metrics, state
from support.sagemaker_rooms import (
    CANARY,
    COMPONENTS,
    SCALED,
    aws,
)
from support.sagemaker_watched import CONFIG, MODES, PROMISED, watched

__all__ = ["aws"]

PANELS = [
    *("Traffic", "Errors", "Latency", "Saturation"),
    *("Queue and batch", "Replicas", "Model versions", "Memory"),
]
GOLDEN = Path(__file__).with_name("golden") / "watching.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/aws/sagemaker/test_watching.py"


class Load:
    """The same in each of the last 15 minutes."""

    def __init__(self, endpoint: Watched) -> None:
        self.endpoint = endpoint
        self.metrics = Metrics()

    def sends(self, role: Role, *samples: tuple[float, float], part: int = 0) -> "Load":
        """Let a metric of one part of the endpoint be sent these samples (value, how often) each minute."""
        queries = [query for query in self.endpoint.signals.queries(role, 60) if "metric" in query]
        for minute in range(1, 16):
            self.metrics.put(queries[part]["metric"], minute, *samples)
        return self

    def up(self) -> set[str]:
        found = {role: state(alarm, self.metrics, 16) for role, alarm in alarms(self.endpoint).items()}
        return {role for role, one in found.items() if one == "ALARM"}


@pytest.mark.parametrize(
    ("mode", "roles"),
    [
        ("real time", {"errors", "latency", "saturation", "update-errors"}),
        ("promised", {"latency", "saturation", "update-errors", "update-latency"}),
        # Two variants: SageMaker steers no such change, so it takes none back.
        ("canary", {"errors", "latency", "saturation", "guard-errors"}),
        ("components", {"errors", "latency", "saturation", "update-errors"}),
        ("async", {"errors", "latency", "waiting", "update-errors"}),
        ("serverless", {"errors", "latency", "saturation"}),
    ],
)
def test_the_alarms_of_each_mode(mode: str, roles: set[str]) -> None:
    found = alarms(MODES[mode])
    assert found.keys() == roles
    for alarm in found.values():
        ids = [query["id"] for query in alarm["metric_queries"]]
        assert len(ids) == len(set(ids))
        assert len([query for query in alarm["metric_queries"] if "metric" in query]) <= 10
        assert alarm["treat_missing_data"] == "notBreaching"


def test_a_promise_is_kept_by_all_variants_together() -> None:
    both = watched(rollout=CANARY, monitoring=PROMISED)
    windows = burn_alarms(both).windows
    assert len(windows) == 8
    (window, *_) = windows.values()
    names = {
        query["metric"]["dimensions"]["VariantName"]
        for query in window["metric_queries"]
        if "metric" in query
    }
    assert names == {"model", "previous"}


def test_failures_of_either_variant_count() -> None:
    for part in (0, 1):
        load = Load(MODES["canary"]).sends("requests", (1, 90)).sends("requests", (1, 10), part=1)
        assert load.up() == set()
        load.sends("failed", (1, 8), (0, 2), part=part)
        assert "errors" in load.up()


def test_a_variant_that_nobody_calls_hides_nothing() -> None:
    load = Load(MODES["canary"]).sends("requests", (1, 100)).sends("failed", (1, 50), (0, 50))
    assert load.up() == {"errors", "guard-errors"}


def test_the_guard_looks_at_the_new_variant_alone() -> None:
    load = Load(MODES["canary"]).sends("requests", (1, 100)).sends("failed", (1, 50), (0, 50), part=1)
    assert "guard-errors" not in load.up()
    metric = alarms(MODES["canary"])["guard-errors"]["metric_queries"][0]["metric"]
    assert metric["dimensions"] == {"EndpointName": "shop-dev-iris", "VariantName": "model"}


def test_an_update_is_watched_on_its_new_instances_alone() -> None:
    """By what AWS tells them apart, and fast: an update waits for it."""
    healthy = Load(MODES["real time"]).sends("updated_requests", (1, 10))
    assert healthy.up() == set()
    # What the old instances do is no reason to take an update back.
    old = Load(MODES["real time"]).sends("requests", (1, 100)).sends("failed", (1, 60), (0, 40))
    assert old.up() == {"errors"}
    bad = Load(MODES["real time"]).sends("updated_requests", (1, 10)).sends("updated_failed", (1, 2), (0, 8))
    assert bad.up() == {"update-errors"}
    alarm = alarms(MODES["real time"])["update-errors"]
    assert alarm["metric_queries"][0]["metric"]["dimensions"] == {
        "EndpointName": "shop-dev-iris",
        "VariantName": "model",
        "EndpointConfigName": CONFIG,
    }
    assert alarm["evaluation_periods"] * alarm["metric_queries"][0]["metric"]["period"] == 60


def test_the_guard_of_an_update_is_the_rollouts_or_what_is_promised() -> None:
    of_canary = {"strategy": "canary", "guard": {"max_error_percent": 3, "max_latency_p99": "1s"}}
    found = alarms(watched(rollout=of_canary))
    assert found["update-errors"]["threshold"] == 0.03
    assert found["update-latency"]["threshold"] == 1_000_000
    promised = alarms(MODES["promised"])
    assert promised["update-errors"]["threshold"] == 0.01
    # SageMaker's latencies are microseconds.
    assert promised["update-latency"]["threshold"] == 300_000


def test_a_busy_instance_is_measured_against_what_one_takes() -> None:
    busy = Load(MODES["real time"]).sends("in_progress", (60, 1))
    assert busy.up() == {"saturation"}
    assert Load(MODES["real time"]).sends("in_progress", (40, 1)).up() == set()
    assert "at a replica" in alarms(MODES["real time"])["saturation"]["alarm_description"]


def test_a_serverless_endpoint_tells_its_share_itself() -> None:
    assert Load(MODES["serverless"]).sends("used", (0.9, 1)).up() == {"saturation"}
    assert Load(MODES["serverless"]).sends("used", (0.7, 1)).up() == set()


def test_a_queue_that_nobody_works_on_is_told() -> None:
    # A start may take long, and so may a request: neither is news.
    spec = MODES["async"].plan.spec
    usual = 600 + spec.limits.startup_timeout.seconds + spec.limits.timeout.seconds
    assert Load(MODES["async"]).sends("oldest", (usual, 1)).up() == set()
    assert Load(MODES["async"]).sends("oldest", (usual + 60, 1)).up() == {"waiting"}


def test_an_asynchronous_endpoint_counts_answers() -> None:
    """It sends no Invocations; each answer is a 0 or a 1 of Invocation5XXErrors."""
    load = Load(MODES["async"]).sends("failed", (1, 10), (0, 90))
    assert load.up() == {"errors"}
    assert Load(MODES["async"]).sends("failed", (1, 2), (0, 98)).up() == set()


def test_waking_up_pages_nobody() -> None:
    """A request that finds no copy is refused, and that is the price of zero."""
    load = Load(MODES["components"]).sends("spilled", (1, 50))
    assert load.up() == set()
    awake = watched(COMPONENTS, scaling=SCALED)
    assert "cold-starts" in alarms(awake)


@pytest.mark.parametrize("mode", MODES)
def test_it_has_the_eight_panels_of_all_other_targets(mode: str) -> None:
    widgets = json.loads(dashboard(MODES[mode]))["widgets"]
    assert [one["properties"]["title"] for one in widgets] == PANELS
    for one in widgets:
        assert one["type"] == "metric"
        lines = one["properties"]["metrics"]
        assert any("visible" not in line[-1] for line in lines), one["properties"]["title"]
        ids = [line[-1]["id"] for line in lines]
        assert len(ids) == len(set(ids))
        assert CONFIG not in json.dumps(one)
    shows_gpus = "GPUUtilization" in json.dumps(widgets)
    assert shows_gpus == (mode == "gpus")


def test_most_replicas_are_instances_and_not_requests() -> None:
    (replicas,) = [
        one
        for one in json.loads(dashboard(MODES["promised"]))["widgets"]
        if one["properties"]["title"] == "Replicas"
    ]
    (mark,) = replicas["properties"]["annotations"]["horizontal"]
    assert mark == {"label": "most", "value": 4}


def test_alarms_and_dashboards_are_as_the_golden_file_says() -> None:
    text = (
        json.dumps(
            {
                mode: {"alarms": alarms(MODES[mode]), "dashboard": json.loads(dashboard(MODES[mode]))}
                for mode in ("canary", "async")
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN
