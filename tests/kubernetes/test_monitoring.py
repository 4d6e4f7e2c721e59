"""How an endpoint is found by Prometheus, whom its alerts reach, and what its pods are told of it."""

import re
from typing import Any

import pytest
import yaml

from modelberth.errors import Problem
from modelberth.kubernetes.monitoring import notify, watching
from modelberth.kubernetes.monitoring.alerts import groups
from modelberth.kubernetes.monitoring.dashboard import dashboard
from modelberth.kubernetes.monitoring.engine_metrics import Series, engine_metrics
from modelberth.kubernetes.monitoring.monitors import monitors
from modelberth.kubernetes.monitoring.monitors import problems as monitor_problems
from modelberth.kubernetes.monitoring.notify import notifications
from modelberth.spec.runtime import Engine
from support.endpoint_plans import REMOTE, canary, plan
from support.project import REPOSITORY
from support.watched_plans import GUARD, PLANS

OPERATOR = {"prometheus": {"operator": True, "labels": {"release": "monitoring"}}}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
CAPTURE = {"uri": "s3://samples/iris"}


def found(target: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    """Paths of the problems of all three rooms."""
    made = plan(target=target, **spec)
    problems: list[Problem] = []
    for of_a_room in (monitor_problems, notify.problems, watching.problems):
        problems += of_a_room(made.spec, made.target)
    assert all(problem.allowed for problem in problems)
    return [problem.path for problem in problems]


def test_the_operator_finds_every_pod_of_the_endpoint_by_one_monitor() -> None:
    made = plan(target=OPERATOR, rollout=canary())
    (monitor,) = monitors(made).values()
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["kind"] == "PodMonitor"
    assert monitor["metadata"]["labels"]["release"] == "monitoring"
    assert monitor["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/instance": made.name}}
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "path": "/metrics"}]
    assert {"app.kubernetes.io/instance", "modelberth/revision"} <= {*monitor["spec"]["podTargetLabels"]}


@pytest.mark.parametrize(
    ("engine", "port", "path"),
    [
        ("triton", "metrics", "/metrics"),
        ("vllm", "http", "/metrics"),
        ("tensorflow-serving", "http", "/monitoring/prometheus/metrics"),
    ],
)
def test_other_engines_are_scraped_where_they_serve_metrics(engine: str, port: str, path: str) -> None:
    made = PLANS[engine]
    with_operator = plan(
        target=OPERATOR,
        model=made.spec.model.model_dump(mode="json", exclude_none=True),
        runtime={"engine": engine, "image": made.spec.runtime.image},
    )
    (monitor,) = monitors(with_operator).values()
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": port, "path": path}]


@pytest.mark.parametrize(
    ("target", "metrics", "monitor", "annotated"),
    [(OPERATOR, True, 1, 0), (OPERATOR, False, 0, 0), ({}, True, 0, 3), ({}, False, 0, 0)],
)
def test_a_pod_is_found_in_one_way_or_not_at_all(
    target: dict[str, Any], metrics: bool, monitor: int, annotated: int
) -> None:
    made = plan(target=target, monitoring={"metrics": metrics})
    annotations = watching.watching(made, made.main).annotations
    assert (len(monitors(made)), len(annotations)) == (monitor, annotated)
    if annotated:
        assert annotations == {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9090",
            "prometheus.io/path": "/metrics",
        }


def test_of_ray_only_pods_and_gpus_are_watched() -> None:
    image = f"docker.io/rayproject/ray-llm:2.52.0-py311-cu128@sha256:{'3' * 64}"
    made = plan(
        target={**OPERATOR, "engine": "ray"},
        model={"uri": "s3://models/chat", "sha256": "a" * 64, "format": "safetensors"},
        runtime={"engine": "vllm", "image": image},
        resources={"gpu": {"kind": "l4"}},
    )
    (monitor,) = monitors(made).values()
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "path": "/metrics"}]
    assert [rule["alert"] for group in groups(made) for rule in group["rules"]] == [
        *("ModelberthCrashLooping", "ModelberthOutOfMemory", "ModelberthGpuFault"),
    ]
    assert dashboard(made) == {}


def test_gpus_of_amd_have_no_alerts_that_could_never_fire() -> None:
    for kind, expected in (("l4", 2), ("mi300x", 0)):
        made = plan(resources={"gpu": {"kind": kind}})
        names = [rule.get("alert", "") for group in groups(made) for rule in group["rules"]]
        assert sum("Gpu" in name for name in names) == expected


def test_kserve_has_deployments_of_its_own_names() -> None:
    made = plan(target={"engine": "kserve"})
    rules = {rule.get("alert"): rule["expr"] for group in groups(made) for rule in group["rules"]}
    assert f'deployment=~"{made.name}-predictor"' in rules["ModelberthNoReplica"]


def test_the_guides_example_can_be_had() -> None:
    guide = (REPOSITORY / "docs" / "kubernetes-monitoring.md").read_text(encoding="utf-8")
    example, scraping = re.findall(r"(?ms)^```yaml\n(.*?)^```$", guide)
    written = yaml.safe_load(example)
    target = {key: value for key, value in written["target"].items() if key != "kind"}
    assert found(target, monitoring=written["monitoring"]) == []
    assert {*yaml.safe_load(scraping)} == {"rule_files", "scrape_configs"}


def test_the_guide_lists_every_alert() -> None:
    guide = (REPOSITORY / "docs" / "kubernetes-monitoring.md").read_text(encoding="utf-8")
    alerts = {
        rule["alert"]
        for made in PLANS.values()
        for group in groups(made)
        for rule in group["rules"]
        if "alert" in rule
    }
    listed = {re.sub(r"Burn(6h|1d|3d)$", "Burn1h", alert) for alert in alerts}
    assert {alert for alert in listed if f"`{alert}`" not in guide} == set()
    assert len(listed) == 19


def test_receivers_become_an_object_of_the_operator() -> None:
    receivers = ["mailto:team@example.com", "https://hooks.example.com/alerts", TOPIC]
    made = plan(target=OPERATOR, monitoring={"alerts": {"notify": receivers}})
    (config,) = notifications(made).values()
    assert config["apiVersion"] == "monitoring.coreos.com/v1alpha1"
    (receiver,) = config["spec"]["receivers"]
    assert receiver == {
        "name": config["spec"]["route"]["receiver"],
        "emailConfigs": [{"to": "team@example.com", "sendResolved": True}],
        "webhookConfigs": [{"url": "https://hooks.example.com/alerts", "sendResolved": True}],
        "snsConfigs": [{"topicARN": TOPIC, "sigv4": {"region": "eu-central-1"}, "sendResolved": True}],
    }
    (matcher,) = config["spec"]["route"]["matchers"]
    assert matcher == {"name": "app_kubernetes_io_instance", "value": made.name, "matchType": "="}
    assert notifications(plan(target=OPERATOR)) == {}


def test_our_server_is_told_where_traces_and_samples_go() -> None:
    made = plan(
        target={
            "otlp": "http://collector.monitoring:4318",
            "capture": {**CAPTURE, "hash_key": "iris-capture"},
        },
        monitoring={
            "tracing": {"percent": 2.5},
            "capture": {"percent": 0.5, "drop_fields": ["age"], "hash_fields": ["X[0]", "X[1]"]},
        },
        rollout=canary(),
    )
    part = watching.watching(made, made.main)
    assert part.env == {
        "MODELBERTH_LOG_FORMAT": "json",
        "MODELBERTH_REVISION": made.revision_name(made.main),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring:4318",
        "OTEL_SERVICE_NAME": "iris",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=modelberth,service.version=2,"
        f"k8s.namespace.name=modelberth,modelberth.endpoint={made.name},"
        f"modelberth.revision={made.main.key}",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.025",
        "MODELBERTH_CAPTURE_URI": "s3://samples/iris",
        "MODELBERTH_CAPTURE_PERCENT": "0.5",
        "MODELBERTH_CAPTURE_DROP_FIELDS": "age",
        "MODELBERTH_CAPTURE_HASH_FIELDS": "X[0],X[1]",
        "MODELBERTH_CAPTURE_HASH_KEY_FILE": "/var/run/modelberth/capture/key",
    }
    (volume,), (mount,) = part.volumes, part.mounts
    assert volume["secret"]["secretName"] == "iris-capture"
    assert mount == {"name": volume["name"], "mountPath": "/var/run/modelberth/capture", "readOnly": True}


@pytest.mark.parametrize("engine", ["vllm", "triton", "tensorflow-serving"])
def test_other_servers_are_told_nothing_that_they_do_not_read(engine: str) -> None:
    made = PLANS[engine]
    part = watching.watching(made, made.main)
    assert (part.env, part.volumes, part.mounts) == ({}, (), ())
    assert part.annotations["prometheus.io/scrape"] == "true"


TRACED = {"tracing": {}}
SAMPLED = {"capture": {"hash_fields": ["X"]}}
DRIFT = {"capture": {}, "drift": {"reference": REMOTE["uri"]}}
BAD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("target.otlp", {}, {"monitoring": TRACED}),
    ("target.otlp", {"otlp": "http://collector:4318"}, {}),
    ("target.capture", {}, {"monitoring": {"capture": {}}}),
    ("target.capture", {"capture": CAPTURE}, {}),
    ("target.capture.hash_key", {"capture": CAPTURE}, {"monitoring": SAMPLED}),
    ("target.capture.hash_key", {"capture": {**CAPTURE, "hash_key": "k"}}, {"monitoring": {"capture": {}}}),
    (
        "monitoring.capture.drop_fields[1]",
        {"capture": CAPTURE},
        {"monitoring": {"capture": {"drop_fields": ["age", "a,b"]}}},
    ),
    ("monitoring.metrics", {}, {"monitoring": {"metrics": False, "slo": {}}}),
    ("monitoring.metrics", {}, {"monitoring": {"metrics": False}, "rollout": canary()}),
    ("monitoring.metrics", {"capture": CAPTURE}, {"monitoring": {**DRIFT, "metrics": False}}),
    ("monitoring.slo.latency_p99", {}, {"monitoring": {"slo": {"latency_p99": "31s"}}}),
    ("rollout.guard.max_latency_p99", {}, {"rollout": canary(1, guard={"max_latency_p99": "1m"})}),
    (
        "monitoring.drift.reference",
        {"capture": CAPTURE},
        {"monitoring": {"capture": {}, "drift": {"reference": "s3://other/train.parquet"}}},
    ),
    ("monitoring.alerts.notify", {}, {"monitoring": {"alerts": {"notify": ["mailto:team@example.com"]}}}),
    (
        "monitoring.alerts.notify[1]",
        OPERATOR,
        {"monitoring": {"alerts": {"notify": [TOPIC, "arn:aws:sqs:eu-central-1:123456789012:queue"]}}},
    ),
    (
        "monitoring.alerts.notify[0]",
        OPERATOR,
        {"monitoring": {"alerts": {"notify": ["projects/shop/notificationChannels/42"]}}},
    ),
]


@pytest.mark.parametrize(("path", "target", "spec"), BAD)
def test_what_would_be_ignored_is_refused(path: str, target: dict[str, Any], spec: dict[str, Any]) -> None:
    assert found(target, **spec) == [path]


def test_a_percentile_is_not_promised_of_a_server_that_tells_only_the_mean() -> None:
    triton = PLANS["triton"].spec
    slo = {"slo": {"latency_p99": "1s"}}
    spec = triton.model_copy(update={"monitoring": type(triton.monitoring).model_validate(slo)})
    (problem,) = monitor_problems(spec, PLANS["triton"].target)
    assert problem.path == "monitoring.slo.latency_p99"
    assert "mean" in problem.hint


GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"otlp": "http://collector:4318"}, {"monitoring": TRACED}),
    ({"capture": {**CAPTURE, "hash_key": "k"}}, {"monitoring": SAMPLED}),
    ({"capture": CAPTURE}, {"monitoring": DRIFT, "rollout": canary(1, guard=GUARD)}),
    (OPERATOR, {"monitoring": {"alerts": {"notify": [TOPIC]}, "slo": {"latency_p99": "30s"}}}),
    ({}, {"monitoring": {"metrics": False}}),
]


@pytest.mark.parametrize(("target", "spec"), GOOD)
def test_what_can_be_done_is_not_refused(target: dict[str, Any], spec: dict[str, Any]) -> None:
    assert found(target, **spec) == []


def test_every_engine_has_its_series_with_a_source() -> None:
    engines = engine_metrics()
    assert {*engines} == {*Engine.__args__}
    for metrics in engines.values():
        assert metrics.sources
        assert list(metrics.buckets) == sorted(set(metrics.buckets))
        assert (metrics.latency is None) == (not metrics.buckets)
        assert (metrics.latency is None) != (metrics.mean is None)


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("a", 'a{x="y"}'),
        ('a{b="c"}', 'a{x="y",b="c"}'),
        ('{__name__=~"a|b"}', '{x="y",__name__=~"a|b"}'),
    ],
)
def test_a_series_takes_further_matchers(text: str, selector: str) -> None:
    assert Series.parse(text).where('x="y"') == selector
