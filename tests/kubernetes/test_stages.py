"""All manifests of an endpoint: their stages, and those of the committed stack as a whole."""

import json
import os
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelberth.kubernetes import stages as rooms
from modelberth.kubernetes.plan import Manifest, Plan
from modelberth.kubernetes.stages import Stages, parts, stages
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from support.endpoint_modes import MODES
from support.endpoint_plans import plan

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("golden") / "onprem.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_stages.py"


def plan_of(mode: str) -> Plan:
    return Plan.of(MODES[mode].deployment.spec, MODES[mode].target, "shop", "onprem")


def by_stage(made: Stages) -> dict[str, Any]:
    return {one.name: getattr(made, one.name) for one in fields(made)}


def readable(value: Any) -> Any:
    """Text of several lines as those lines, so that a review shows which of them changed."""
    if isinstance(value, dict):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [readable(item) for item in value]
    return value.split("\n") if isinstance(value, str) and "\n" in value else value


def test_the_committed_stack_is_as_the_golden_file_says() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.onprem.yaml").read_text())["config"]["modelberth:endpoints"]
    found = {}
    for entry in config:
        deployment = parse(EndpointDeployment, entry)
        assert isinstance(deployment.target, KubernetesTarget)
        made = stages(Plan.of(deployment.spec, deployment.target, "modelberth", "onprem"))
        found[deployment.name] = readable(by_stage(made))
    text = json.dumps(found, indent=2) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN
    assert sum(len(stage) for stage in found["iris"].values()) == 8


@pytest.mark.parametrize("mode", MODES)
def test_no_two_objects_are_the_same(mode: str) -> None:
    """Neither by the name of their resource, nor by what the API server knows them by."""
    made = stages(plan_of(mode))
    roles = [role for stage in by_stage(made).values() for role in stage]
    assert len(roles) == len(set(roles)) == len(list(made)) == MODES[mode].objects
    known = Counter(
        (one["apiVersion"], one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        for one in made
    )
    assert max(known.values()) == 1


@pytest.mark.parametrize("mode", MODES)
def test_every_object_is_the_endpoints_in_its_namespace(mode: str) -> None:
    plan = plan_of(mode)
    looked = 0
    for one in stages(plan):
        looked += 1
        metadata = one["metadata"]
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "modelberth"
        if one["kind"] == "Namespace":
            assert metadata["name"] == plan.namespace
            continue
        assert metadata["namespace"] == plan.namespace
        assert metadata["labels"]["app.kubernetes.io/instance"] == plan.name
        assert metadata["name"].startswith("shop-onprem-iris")
    assert looked == MODES[mode].objects


@pytest.mark.parametrize("mode", MODES)
def test_it_is_the_same_every_time(mode: str) -> None:
    once, again = (json.dumps(by_stage(stages(plan_of(mode)))) for _ in range(2))
    assert once == again


IMAGE_BY_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
POLICIES = {"SecurityPolicy", "BackendTrafficPolicy"}


def pods(manifest: Manifest) -> list[Any]:
    match manifest["kind"]:
        case "Deployment":
            return [manifest["spec"]["template"]["spec"]]
        case "InferenceService":
            return [manifest["spec"]["predictor"]]
        case "LLMInferenceService":
            return [manifest["spec"]["template"]]
        case "RayService":
            cluster = manifest["spec"]["rayClusterConfig"]
            return [
                one["template"]["spec"] for one in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
            ]
    return []


@pytest.mark.parametrize("mode", MODES)
def test_every_container_is_held_and_its_image_pinned(mode: str) -> None:
    """What Pod Security `restricted` asks for and more, with the parts of all rooms together."""
    found = [pod for one in stages(plan_of(mode)).pods.values() for pod in pods(one)]
    assert len(found) >= len(plan_of(mode).revisions)
    for pod in found:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsUser"] >= 10000
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert {"hostPath"} & {key for volume in pod["volumes"] for key in volume} == set()
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            assert IMAGE_BY_DIGEST.fullmatch(container["image"])
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]
            assert all("valueFrom" not in one for one in container.get("env", ()))


def test_every_kind_has_its_stage() -> None:
    kinds: dict[str, set[str]] = {}
    for mode in MODES:
        for stage, manifests in by_stage(stages(plan_of(mode))).items():
            kinds.setdefault(stage, set()).update(one["kind"] for one in manifests.values())
    assert kinds == {
        "space": {"Namespace"},
        "around": {
            "Certificate",
            "ConfigMap",
            "ExternalSecret",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "ResourceClaimTemplate",
            "Service",
            "ServiceAccount",
        },
        "pods": {"Deployment", "InferenceService", "LLMInferenceService", "RayService"},
        "reach": {
            "HorizontalPodAutoscaler",
            "PodDisruptionBudget",
            "ScaledObject",
            "Service",
            *POLICIES,
        },
        "routes": {"HTTPRoute", "Ingress"},
        "watching": {"AlertmanagerConfig", "ConfigMap", "PodMonitor", "PrometheusRule"},
    }


@pytest.mark.parametrize(
    ("mode", "before"), [("canary", True), ("KServe, canary", False), ("Ray, canary", False)]
)
def test_a_revision_is_reached_once_its_pods_serve(mode: str, before: bool) -> None:
    """A Deployment is waited for itself; of what KServe and Ray make, only the Service tells."""
    made = stages(plan_of(mode))
    stage = made.around if before else made.reach
    services = {role: one for role, one in stage.items() if role.startswith("service-m")}
    assert len(services) == 2
    for one in services.values():
        skipped = one["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true"
        assert skipped is before


def test_every_revision_gets_a_part_of_every_room() -> None:
    made = plan_of("variants")
    found = parts(made)
    assert list(found) == list(made.revisions)
    assert len(found) == 3
    assert {len(one) for one in found.values()} == {7}


def test_two_rooms_that_take_the_same_role_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "claims", rooms.service_accounts)
    with pytest.raises(ValueError, match="two rooms make: service-account"):
        stages(plan())
