"""What KServe is given, and what it cannot do."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.plan import Manifest, Plan
from modelberth.kubernetes.pods.kserve import deployment_name, inference_services, problems, server_name
from modelberth.kubernetes.pods.workload import deployments
from support.endpoint_plans import canary, plan
from support.engine_modes import kserve, kserve_modes, parts
from support.workload_modes import GPU

GOLDEN = Path(__file__).with_name("golden")
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_kserve.py"
MODES = list(kserve_modes())
LLM_MODES = [mode for mode in MODES if mode.startswith("vllm")]
PREDICTOR_MODES = [mode for mode in MODES if mode not in LLM_MODES]


def of(made: Plan) -> dict[str, Manifest]:
    return inference_services(made, parts(made))


def only(made: Plan) -> Manifest:
    (manifest,) = of(made).values()
    return manifest


def pod_of(manifest: Manifest) -> Mapping[str, Any]:
    spec = manifest["spec"]
    return spec["predictor"] if manifest["kind"] == "InferenceService" else spec["template"]  # type: ignore[no-any-return]


def test_there_are_modes_of_both_kinds() -> None:
    assert (len(PREDICTOR_MODES), len(LLM_MODES)) == (10, 3)


@pytest.mark.parametrize("mode", ["onnxruntime", "vllm"])
def test_the_manifests_are_as_the_golden_files_say(mode: str) -> None:
    text = json.dumps(of(kserve_modes()[mode]), indent=2) + "\n"
    path = GOLDEN / f"kserve-{mode}.json"
    if os.environ.get("REGENERATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("mode", MODES)
def test_there_is_one_for_each_revision_and_nothing_stands_in_its_way(mode: str) -> None:
    made = kserve_modes()[mode]
    found = of(made)
    assert len(found) == len(made.revisions)
    assert list(problems(made.spec, made.target)) == []
    kind = "LLMInferenceService" if mode in LLM_MODES else "InferenceService"
    for manifest in found.values():
        assert manifest["kind"] == kind
        assert manifest["apiVersion"] == api_version(kind)
        assert manifest["metadata"]["namespace"] == made.namespace
    names = [manifest["metadata"]["name"] for manifest in found.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("mode", MODES)
def test_the_pods_are_those_of_our_deployments(mode: str) -> None:
    """All but the name of the container, which KServe looks for, and what the next tests name."""
    made = kserve_modes()[mode]
    ours = deployments(made, parts(made))
    compared = 0
    for revision, manifest in zip(made.revisions, of(made).values(), strict=True):
        template = ours[f"deployment-{revision.key}" if revision.key != "main" else "deployment"]["spec"][
            "template"
        ]
        pod = pod_of(manifest)
        for key, value in template["spec"].items():
            if key != "containers":
                assert pod[key] == value
        (before,), (after,) = template["spec"]["containers"], pod["containers"]
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert changed == {"name", "lifecycle" if mode in LLM_MODES else "resources"}
        assert (
            after["name"] == server_name(made.spec) == ("main" if mode in LLM_MODES else "kserve-container")
        )
        compared += len(template["spec"])
    assert compared >= 8


@pytest.mark.parametrize("mode", MODES)
def test_the_pods_have_the_labels_that_everything_around_selects(mode: str) -> None:
    made = kserve_modes()[mode]
    for revision, manifest in zip(made.revisions, of(made).values(), strict=True):
        labels = (manifest["spec"] if mode in LLM_MODES else manifest["spec"]["predictor"])["labels"]
        assert made.selector(revision).items() <= labels.items()
        assert made.selector().items() <= labels.items()


@pytest.mark.parametrize("mode", LLM_MODES)
def test_labels_that_change_are_no_part_of_a_selector_that_cannot(mode: str) -> None:
    """KServe makes all labels of an LLMInferenceService's pods part of its Deployment's selector."""
    before = kserve_modes()[mode]
    newer = before.spec.model.model_copy(update={"version": "4"})
    spec = before.spec.model_copy(update={"model": newer, "labels": {"team": "search"}})
    after = Plan.of(spec, before.target, "shop", "onprem")
    for one in (before, after):
        for revision, manifest in zip(one.revisions, of(one).values(), strict=True):
            assert manifest["spec"]["labels"] == one.selector(revision)


# An InferenceService


@pytest.mark.parametrize("mode", PREDICTOR_MODES)
def test_it_runs_without_knative_and_opens_nothing_to_the_outside(mode: str) -> None:
    for manifest in of(kserve_modes()[mode]).values():
        metadata = manifest["metadata"]
        assert metadata["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
        assert metadata["labels"]["networking.kserve.io/visibility"] == "cluster-local"


@pytest.mark.parametrize(
    ("scaling", "scaler", "replicas"),
    [
        ({}, "none", 1),
        ({"min": 3, "max": 3}, "none", 3),
        ({"min": 1, "max": 4}, "external", None),
        ({"min": 0, "max": 1}, "external", None),
    ],
)
def test_replicas_belong_to_our_autoscaler_where_there_is_one(
    scaling: dict[str, int], scaler: str, replicas: int | None
) -> None:
    manifest = only(kserve(scaling=scaling))
    assert manifest["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == scaler
    predictor = manifest["spec"]["predictor"]
    assert (predictor.get("minReplicas"), predictor.get("maxReplicas")) == (replicas, replicas)


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        ({"strategy": "recreate"}, {"type": "Recreate"}),
        (
            {"strategy": "rolling", "max_surge": 2},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
        ),
    ],
)
def test_the_rollout_is_told(rollout: dict[str, Any], expected: dict[str, Any]) -> None:
    assert only(kserve(rollout=rollout))["spec"]["predictor"]["deploymentStrategy"] == expected


@pytest.mark.parametrize(("cpu", "bound"), [(1, "2"), ("250m", "2"), ("1500m", "3"), (4, "5")])
def test_processor_time_has_a_bound_above_the_request(cpu: int | str, bound: str) -> None:
    """Without one, KServe sets its own of one core, below the request of a larger container."""
    (server,) = only(kserve(resources={"cpu": cpu}))["spec"]["predictor"]["containers"]
    assert server["resources"]["limits"]["cpu"] == bound


@pytest.mark.parametrize("mode", PREDICTOR_MODES)
def test_nothing_asks_kserve_to_fetch_a_model(mode: str) -> None:
    for manifest in of(kserve_modes()[mode]).values():
        predictor = manifest["spec"]["predictor"]
        assert not predictor.keys() & {"model", "storageUris", "onnx", "tensorflow", "triton"}
        names = {one["name"] for container in predictor["containers"] for one in container.get("env", [])}
        # The first would bring KServe's own download, the second is refused.
        assert not names & {"STORAGE_URI", "PYTHONPATH"}


def test_names_stay_short_enough_for_what_kserve_makes_of_them() -> None:
    made = kserve(name="a" * 32, target={"route": {"kind": "gateway", "gateway": "web"}}, rollout=canary(1))
    found = of(made)
    names = [manifest["metadata"]["name"] for manifest in found.values()]
    assert len(set(names)) == 2
    for name, revision in zip(names, made.revisions, strict=True):
        assert deployment_name(made, revision) == f"{name}-predictor"
        assert len(f"isvc.{name}-predictor") <= 63


# An LLMInferenceService


def test_the_model_is_named_and_fetched_by_us() -> None:
    manifest = only(kserve("vllm"))
    spec = manifest["spec"]
    assert spec["model"] == {"name": "iris", "uri": "s3://models/llama"}
    assert spec["storageInitializer"] == {"enabled": False}
    assert [one["name"] for one in spec["template"]["initContainers"]] == ["fetch-model"]
    assert "router" not in spec


def test_a_pod_has_one_way_to_wait_before_its_end() -> None:
    """KServe lays the pod over a preset whose container has a command there."""
    (server,) = only(kserve("vllm", limits={"timeout": "90s"}))["spec"]["template"]["containers"]
    assert server["lifecycle"] == {"preStop": {"exec": {"command": ["/bin/sleep", "95"]}}}


@pytest.mark.parametrize(
    ("scaling", "replicas"), [({}, 1), ({"min": 2, "max": 2}, 2), ({"min": 1, "max": 4}, None)]
)
def test_llm_replicas_belong_to_our_autoscaler_where_there_is_one(
    scaling: dict[str, int], replicas: int | None
) -> None:
    made = kserve("vllm", scaling=scaling)
    assert only(made)["spec"].get("replicas") == replicas
    assert deployment_name(made, made.main) == f"{made.name}-kserve"


@pytest.mark.parametrize(
    ("rollout", "given"),
    [
        ({"strategy": "recreate"}, "recreate"),
        ({"strategy": "rolling"}, "rolling with max_surge 1 and max_unavailable 0"),
        (
            {"strategy": "rolling", "max_surge": "25%", "max_unavailable": 0},
            "rolling with max_surge 25% and max_unavailable 0",
        ),
        (
            {"strategy": "rolling", "max_surge": 25, "max_unavailable": 25},
            "rolling with max_surge 25 and max_unavailable 25",
        ),
    ],
)
def test_a_rollout_that_kserve_does_not_know_is_refused(rollout: dict[str, Any], given: str) -> None:
    made = kserve("vllm", rollout=rollout)
    (problem,) = problems(made.spec, made.target)
    assert (problem.path, problem.given) == ("rollout", given)
    assert "max_surge 25% and max_unavailable 25%" in problem.allowed


def test_other_engines_of_the_cluster_are_none_of_its_business() -> None:
    for made in (plan(), kserve(rollout={"strategy": "recreate"}), plan(resources=GPU)):
        assert list(problems(made.spec, made.target)) == []
