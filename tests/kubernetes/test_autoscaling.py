"""What changes the number of replicas, and by what it knows that it should."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.autoscaling.autoscalers import autoscalers, owned
from modelberth.kubernetes.autoscaling.metrics import in_use, offered, query, series, target_value, unmeasured
from modelberth.kubernetes.autoscaling.rules import problems
from modelberth.kubernetes.monitoring.engine_metrics import engine_metrics
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.workload import deployments
from modelberth.spec.kubernetes import Keda
from modelberth.spec.runtime import Engine
from modelberth.spec.scaling import ScaleMetric
from support.endpoint_plans import PREVIOUS, REMOTE, canary, plan
from support.gpu_plans import KEDA, all_scaled, scaled

GOLDEN = Path(__file__).with_name("golden") / "autoscalers.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_autoscaling.py"
TO_ZERO = {"min": 0, "max": 4}
WAITING = 'sum(rate(refused_total{host="iris"}[1m]))'


def woken(waking: str | None = WAITING, **spec: Any) -> Plan:
    """A plan that scales to zero, with what wakes it."""
    made = scaled(scaler="keda", scaling={**TO_ZERO, **spec.pop("scaling", {})}, **spec)
    scaler = Keda.model_validate({**KEDA, "waking": waking})
    return Plan(made.spec, made.target.model_copy(update={"scaler": scaler}), made.name, made.revisions)


def found(made: Plan) -> list[str]:
    return [problem.path for problem in problems(made.spec, made.target)]


def only(made: Plan) -> Any:
    (manifest,) = autoscalers(made).values()
    return manifest["spec"]


def triggers(made: Plan) -> dict[str, Any]:
    return {one["name"]: one for one in only(made)["triggers"]}


MODES = {
    "hpa cpu": scaled("cpu"),
    "hpa concurrency": scaled(),
    "keda cpu": scaled("cpu", "keda"),
    "keda concurrency": scaled(scaler="keda"),
    "keda gpu": scaled("gpu", "keda", engine="triton"),
    "keda queue of vLLM": scaled("queue_depth", "keda", engine="vllm"),
    "keda to zero": woken(),
}


def test_the_manifests_are_as_the_golden_file_says() -> None:
    text = json.dumps({mode: autoscalers(made) for mode, made in MODES.items()}, indent=1) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN
    assert [found(made) for made in MODES.values()] == [[]] * len(MODES)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [({}, 0), ({"min": 3, "max": 3}, 0), ({"min": 1, "max": 3}, 1), ({"min": 2, "max": 3}, 1)],
)
def test_whoever_has_an_autoscaler_leaves_it_the_replicas(scaling: dict[str, int], expected: int) -> None:
    made = plan(scaling=scaling)
    assert len(autoscalers(made)) == expected
    assert owned(made) == ("spec.replicas",) * expected


@pytest.mark.parametrize("engine", ["kserve", "ray"])
def test_of_what_an_operator_makes_nothing_is_ignored(engine: str) -> None:
    assert owned(plan({"engine": engine}, scaling={"min": 1, "max": 3})) == ()


def test_one_autoscaler_may_follow_the_other_in_one_update() -> None:
    """KEDA names its own `keda-hpa-NAME`, and its webhook passes over an HPA that says this."""
    (hpa,), (keda,) = (autoscalers(scaled(scaler=one)).values() for one in ("hpa", "keda"))
    assert hpa["metadata"]["annotations"] == {"validations.keda.sh/hpa-ownership": "false"}
    assert "name" not in keda["spec"]["advanced"]["horizontalPodAutoscalerConfig"]
    assert not hpa["metadata"]["name"].startswith("keda-hpa-")


@pytest.mark.parametrize("scaler", ["hpa", "keda"])
def test_each_revision_follows_its_own_load(scaler: str) -> None:
    made = scaled(scaler=scaler, rollout=canary())
    found = autoscalers(made)
    names = {manifest["spec"]["scaleTargetRef"]["name"] for manifest in found.values()}
    there = deployments(made, dict.fromkeys(made.revisions, ()))
    assert names == {one["metadata"]["name"] for one in there.values()}
    assert len(names) == len(found) == 2
    if scaler == "keda":
        queries = {one["spec"]["triggers"][0]["metadata"]["query"] for one in found.values()}
        assert len(queries) == 2


def test_a_revision_keeps_its_autoscaler_when_it_is_alone_again() -> None:
    beside = autoscalers(plan(scaling={"max": 3}, rollout=canary()))
    alone = autoscalers(plan(scaling={"max": 3}, model=REMOTE, rollout={"strategy": "canary"}))
    older = autoscalers(plan(scaling={"max": 3}, model=PREVIOUS, rollout={"strategy": "canary"}))
    assert alone.keys() | older.keys() == beside.keys()
    assert len(beside) == 2


def test_kserves_own_deployment_is_scaled() -> None:
    manifest = only(scaled("cpu", target={"engine": "kserve"}))
    assert manifest["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "shop-onprem-iris-predictor",
    }
    (metric,) = manifest["metrics"]
    assert metric["containerResource"]["container"] == "kserve-container"


def test_ray_is_not_scaled_from_here() -> None:
    made = scaled(target={"engine": "ray"})
    assert autoscalers(made) == {}
    assert found(made) == []


@pytest.mark.parametrize(
    ("metric", "more", "expected"),
    [
        ("concurrency", {}, 0.7 * 64),
        ("concurrency", {"limits": {"concurrency": 10}}, 7),
        ("concurrency", {"scaling": {"target": 3}}, 3),
        ("cpu", {}, 70),
        ("cpu", {"scaling": {"target": 50}}, 50),
        ("gpu", {}, 70),
        ("requests_per_second", {}, 12.5),
    ],
)
def test_the_target_is_the_specs_or_its_default(
    metric: ScaleMetric, more: dict[str, Any], expected: float
) -> None:
    assert target_value(scaled(metric, "keda", **more).spec) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("concurrency", "written"), [(10, "7"), (64, "44800m"), (1, "700m"), (3, "2100m"), (2000, "1400")]
)
def test_a_quantity_is_written_as_the_api_server_does(concurrency: int, written: str) -> None:
    """Else a second deployment would find a difference."""
    (metric,) = only(scaled(limits={"concurrency": concurrency}))["metrics"]
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": written}


def test_processor_time_is_that_of_the_server_alone() -> None:
    (metric,) = only(scaled("cpu", scaling={"target": 55}))["metrics"]
    assert metric == {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "server",
            "target": {"type": "Utilization", "averageUtilization": 55},
        },
    }
    trigger = triggers(scaled("cpu", "keda", scaling={"target": 55}))["load"]
    assert trigger["metadata"] == {"value": "55", "containerName": "server"}
    assert "fallback" not in only(scaled("cpu", "keda")), "KEDA refuses one for processor time"


@pytest.mark.parametrize(("metric", "scaler", "engine"), [*all_scaled()])
def test_a_metric_is_asked_for_or_refused(metric: ScaleMetric, scaler: str, engine: Engine) -> None:
    made = scaled(metric, scaler, engine)
    refused = unmeasured(made.spec, made.target, metric) != ""
    assert found(made) == (["scaling.metric"] if refused else [])
    if refused:
        (problem,) = problems(made.spec, made.target)
        others = problem.allowed.partition(" with engine ")[0].split(" or ")
        assert "cpu" in others
        assert metric not in others
        return
    text = json.dumps(only(made))
    if metric != "cpu" and scaler == "hpa":
        assert offered()[engine][metric] in text
    for one in series(engine, metric) if scaler == "keda" else ():
        assert one.name in text or one.matchers.replace('"', '\\"') in text


def test_how_many_metrics_are_known() -> None:
    """So that the test above is known to refuse few and to ask for many."""
    known = [
        (scaler, engine, metric)
        for metric, scaler, engine in all_scaled()
        if not unmeasured((made := scaled(metric, scaler, engine)).spec, made.target, metric)
    ]
    assert sum(scaler == "hpa" for scaler, _, _ in known) == 12
    assert sum(scaler == "keda" for scaler, _, _ in known) >= 19
    assert {engine for _, engine, _ in known} == {*engine_metrics()}


def test_a_query_is_about_one_revision_of_one_endpoint() -> None:
    made = scaled(scaler="keda", rollout=canary())
    for revision in made.revisions:
        for text in (query(made, revision), in_use(made, revision)):
            assert f'namespace="{made.namespace}"' in text
            assert f'app_kubernetes_io_instance="{made.name}"' in text
            assert f'modelberth_revision="{revision.key}"' in text


def test_a_lost_prometheus_does_not_remove_replicas() -> None:
    made = scaled(scaler="keda", scaling={"min": 2, "max": 9})
    assert triggers(made)["load"]["metadata"]["ignoreNullValues"] == "false"
    assert only(made)["fallback"] == {
        "failureThreshold": 4,
        "replicas": 2,
        "behavior": "currentReplicasIfHigher",
    }


def test_prometheus_is_asked_as_the_target_says() -> None:
    made = scaled(scaler="keda", target={"scaler": {**KEDA, "authentication": "prometheus"}})
    (trigger,) = only(made)["triggers"]
    assert trigger["metadata"]["serverAddress"] == KEDA["prometheus"]
    assert trigger["authenticationRef"] == {"name": "prometheus"}
    assert "authenticationRef" not in triggers(scaled(scaler="keda"))["load"]


@pytest.mark.parametrize("scaler", ["hpa", "keda"])
def test_replicas_go_only_after_the_cooldown(scaler: str) -> None:
    made = only(scaled(scaler=scaler, scaling={"cooldown": "90s"}))
    behavior = made.get("behavior") or made["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 90
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0


def test_an_endpoint_that_stops_is_told_in_use_by_its_requests() -> None:
    """Requests in progress would not do: most scrapes see none where an answer takes milliseconds."""
    made = woken(scaling={"idle_to_zero_after": "10m"})
    assert found(made) == []
    assert (only(made)["minReplicaCount"], only(made)["maxReplicaCount"]) == (0, 4)
    assert (only(made)["cooldownPeriod"], only(made)["initialCooldownPeriod"]) == (600, 600)
    assert only(made)["fallback"]["replicas"] == 1
    asked = triggers(made)
    assert list(asked) == ["load", "in-use", "waking"]
    assert asked["in-use"]["metadata"]["query"] == in_use(made, made.main)
    assert asked["in-use"]["metadata"]["threshold"] == asked["waking"]["metadata"]["threshold"] == "1"
    assert asked["waking"]["metadata"]["query"] == f"clamp_max({WAITING}, 1)"
    # With no replica there is no series, which is no error then.
    assert {one["metadata"]["ignoreNullValues"] for one in asked.values()} == {"true"}
    assert only(woken())["cooldownPeriod"] == 300
    assert "cooldownPeriod" not in only(scaled(scaler="keda"))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (scaled(scaling=TO_ZERO), ["scaling.min"]),
        (woken(None), ["target.scaler.waking"]),
        (woken(), []),
        (woken(monitoring={"metrics": False}), ["monitoring.metrics", "scaling.metric"]),
        (scaled(monitoring={"metrics": False}), ["scaling.metric"]),
        (scaled("cpu", monitoring={"metrics": False}), []),
        (plan(target={"scaler": KEDA}), ["target.scaler.kind"]),
        (scaled("cpu", scaling={"target": 62.5}), ["scaling.target"]),
        (scaled("cpu", scaling={"target": 62}), []),
        (scaled(scaling={"target": 0.0001}), ["scaling.target"]),
        (scaled(scaling={"target": 0.001}), []),
        (scaled("gpu"), ["scaling.metric"]),
        (scaled("gpu", "keda"), []),
        (scaled("gpu", "keda", resources={}), ["scaling.metric"]),
        (scaled("gpu", "keda", resources={"gpu": {"kind": "mi300x"}}), ["scaling.metric"]),
        (scaled("gpu", "keda", target={"scaler": KEDA, "gpu": {"kind": "time_sliced"}}), ["scaling.metric"]),
        (
            scaled("gpu", "keda", target={"scaler": KEDA, "gpu": {"kind": "mig", "profile": "1g.10gb"}}),
            ["scaling.metric"],
        ),
    ],
)
def test_what_an_autoscaler_cannot_do_is_refused(made: Plan, expected: list[str]) -> None:
    assert found(made) == expected


def test_why_is_said() -> None:
    def reason(made: Plan) -> str:
        (problem,) = problems(made.spec, made.target)
        return problem.hint

    assert "KEDA can scale to zero" in reason(scaled(scaling=TO_ZERO))
    assert "With no replica the endpoint tells nothing" in reason(woken(None))
    assert "Engine tensorflow-serving does not tell concurrency" in reason(
        scaled("concurrency", "keda", "tensorflow-serving")
    )
    assert "KEDA asks Prometheus itself" in reason(scaled("concurrency", "hpa", "vllm"))
