"""What KubeRay is given, and what Ray cannot do."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.plan import Manifest, Plan
from modelberth.kubernetes.pods import hardening
from modelberth.kubernetes.pods.pod import pod_template
from modelberth.kubernetes.pods.ray import disruption_budgets, problems, ray_services, service_name
from modelberth.kubernetes.pods.ray_pods import METRICS_PORT
from support.endpoint_plans import IMAGE, canary, plan
from support.engine_modes import ANEW, DOMAIN, GATEWAY, OLDER, RAY_IMAGE, parts, ray, ray_modes
from support.workload_modes import GPU, of_engine

GOLDEN = Path(__file__).with_name("golden") / "ray-vllm.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_ray.py"
MODES = list(ray_modes())


def of(made: Plan) -> dict[str, Manifest]:
    return ray_services(made, parts(made))


def only(made: Plan) -> Mapping[str, Any]:
    (manifest,) = of(made).values()
    return manifest["spec"]  # type: ignore[no-any-return]


def head_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return spec["rayClusterConfig"]["headGroupSpec"]  # type: ignore[no-any-return]


def workers_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    (group,) = spec["rayClusterConfig"]["workerGroupSpecs"]
    return group  # type: ignore[no-any-return]


def templates(made: Plan) -> Iterator[Mapping[str, Any]]:
    for manifest in of(made).values():
        yield head_of(manifest["spec"])["template"]
        yield workers_of(manifest["spec"])["template"]


def application_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    (application,) = json.loads(spec["serveConfigV2"])["applications"]
    return application  # type: ignore[no-any-return]


def test_the_manifest_is_as_the_golden_file_says() -> None:
    text = json.dumps(of(ray()), indent=2) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("mode", MODES)
def test_there_is_one_for_each_revision_and_nothing_stands_in_its_way(mode: str) -> None:
    made = ray_modes()[mode]
    found = of(made)
    assert len(found) == len(made.revisions) == (2 if mode == "canary" else 1)
    assert list(problems(made.spec, made.target)) == []
    for manifest in found.values():
        assert (manifest["apiVersion"], manifest["kind"]) == (api_version("RayService"), "RayService")
        assert manifest["metadata"]["namespace"] == made.namespace


@pytest.mark.parametrize("mode", MODES)
def test_every_pod_is_restricted_and_has_no_account(mode: str) -> None:
    made = ray_modes()[mode]
    seen = 0
    for template in templates(made):
        pod = template["spec"]
        assert pod["securityContext"] == hardening.of_pod()
        assert pod["automountServiceAccountToken"] is False
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"] == hardening.of_container()
            assert "@sha256:" in container["image"]
            assert "memory" in container["resources"]["limits"]
            seen += 1
    assert seen == 3 * len(made.revisions)


@pytest.mark.parametrize("mode", MODES)
def test_whoever_reaches_the_head_needs_a_token(mode: str) -> None:
    for manifest in of(ray_modes()[mode]).values():
        cluster = manifest["spec"]["rayClusterConfig"]
        assert cluster["authOptions"] == {"mode": "token"}
        assert cluster["rayVersion"] == "2.52.0"
        # Its autoscaler would be a container with an account that starts and deletes pods.
        assert cluster["enableInTreeAutoscaling"] is False


def test_workers_alone_are_pods_of_the_revision() -> None:
    made = ray()
    spec = only(made)
    head, worker = (group["template"]["metadata"]["labels"] for group in (head_of(spec), workers_of(spec)))
    assert made.selector(made.main).items() <= worker.items()
    assert made.selector().items() <= head.items()
    assert not made.selector(made.main).items() <= head.items()
    assert spec["excludeHeadPodFromServeSvc"] is True


def test_workers_are_the_pods_of_our_deployments_but_for_what_ray_starts() -> None:
    made = ray()
    ours = pod_template(made, made.main, parts(made)[made.main])["spec"]
    theirs = workers_of(only(made))["template"]["spec"]
    assert {key: value for key, value in ours.items() if key != "containers"} == {
        key: value for key, value in theirs.items() if key != "containers"
    }
    (before,), (after,) = ours["containers"], theirs["containers"]
    gone = before.keys() - after.keys()
    assert gone == {"command", "args", "startupProbe", "readinessProbe", "livenessProbe"}
    assert {key for key in after if after[key] != before[key]} == {"name", "env", "ports"}
    assert {one["name"]: one["containerPort"] for one in after["ports"]} == {
        "http": 8000,
        "metrics": METRICS_PORT,
    }
    assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in after["env"]
    assert {mount["mountPath"] for mount in after["volumeMounts"]} == {"/tmp", "/dev/shm", "/mnt/models"}
    assert after["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_the_head_has_neither_gpus_nor_the_model() -> None:
    head = head_of(only(ray()))
    (container,) = head["template"]["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "1", "memory": "8Gi"},
        "limits": {"memory": "8Gi"},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/dev/shm"}
    assert "initContainers" not in head["template"]["spec"]
    assert (head["rayStartParams"]["num-cpus"], head["rayStartParams"]["num-gpus"]) == ("0", "0")
    assert {one["name"] for one in container["ports"]} >= {"serve", "gcs", "dashboard"}


@pytest.mark.parametrize("mode", MODES)
def test_each_pod_may_be_pulled_by_the_same_secret(mode: str) -> None:
    expected = [{"name": "pull"}] if mode == "pull secret" else None
    found = [template["spec"].get("imagePullSecrets") for template in templates(ray_modes()[mode])]
    assert found == [expected] * len(found)
    assert len(found) >= 2


@pytest.mark.parametrize(("replicas", "gpus"), [(1, 1), (3, 2), (2, 8)])
def test_each_worker_holds_one_replica_with_its_gpus(replicas: int, gpus: int) -> None:
    resources = {**GPU, "gpu": {"kind": "l4", "count": gpus}}
    spec = only(ray(scaling={"min": replicas, "max": replicas}, resources=resources))
    group = workers_of(spec)
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (replicas,) * 3
    assert group["rayStartParams"]["num-gpus"] == str(gpus)
    (model,) = application_of(spec)["args"]["llm_configs"]
    assert model["deployment_config"] == {"num_replicas": replicas}
    assert model["engine_kwargs"] == {"tensor_parallel_size": gpus}


def test_the_application_serves_the_files_that_are_mounted_under_the_endpoints_name() -> None:
    spec = only(ray_modes()["batching"])
    application = application_of(spec)
    assert application["import_path"] == "ray.serve.llm:build_openai_app"
    (model,) = application["args"]["llm_configs"]
    assert model["model_loading_config"] == {"model_id": "iris", "model_source": "/mnt/models"}
    assert model["engine_kwargs"]["max_num_seqs"] == 64
    assert json.loads(spec["serveConfigV2"])["http_options"] == {"host": "0.0.0.0", "port": 8000}


def test_an_old_cluster_answers_what_it_has_begun() -> None:
    spec = only(ray({"drain_delay_seconds": 30}, limits={"timeout": "90s"}))
    assert spec["rayClusterDeletionDelaySeconds"] == 120
    assert spec["upgradeStrategy"] == {"type": "NewCluster"}


def test_a_first_start_ends_in_time() -> None:
    (manifest,) = of(ray(limits={"startup_timeout": "20m"})).values()
    assert manifest["metadata"]["annotations"] == {"ray.io/initializing-timeout": "1500"}


def test_prometheus_is_sent_to_rays_own_port() -> None:
    (template,) = [one for one in templates(ray()) if "annotations" in one["metadata"]]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == str(METRICS_PORT)


def test_names_stay_short_enough_for_what_kuberay_makes_of_them() -> None:
    made = ray(GATEWAY, name="a" * 32, rollout=canary(1, previous=OLDER), security=DOMAIN)
    names = [manifest["metadata"]["name"] for manifest in of(made).values()]
    assert len(set(names)) == 2
    assert all(len(name) <= 47 for name in names)
    assert [service_name(made, one) for one in made.revisions] == [f"{name}-serve-svc" for name in names]


@pytest.mark.parametrize(("replicas", "left"), [(1, []), (2, [1]), (5, [4])])
def test_a_budget_says_what_is_left(replicas: int, left: list[int]) -> None:
    made = ray(scaling={"min": replicas, "max": replicas})
    found = disruption_budgets(made)
    assert [one["spec"]["minAvailable"] for one in found.values()] == left
    assert all("maxUnavailable" not in one["spec"] for one in found.values())
    assert len(disruption_budgets(ray_modes()["canary"])) == 0


NO_TAG = RAY_IMAGE.replace(":2.52.0-py311-cu128@", "@")


@pytest.mark.parametrize(
    ("made", "paths"),
    [
        (ray(runtime={"image": NO_TAG}), ["runtime.image"]),
        (ray(runtime={"image": RAY_IMAGE.replace("2.52.0", "2.51.9")}), ["runtime.image"]),
        (ray(runtime={"image": RAY_IMAGE.replace("2.52.0", "latest")}), ["runtime.image"]),
        (ray(runtime={"image": f"in.example:5000/ray@sha256:{'1' * 64}"}), ["runtime.image"]),
        (ray(runtime={"args": ["--max-model-len=1024"]}), ["runtime.args"]),
        (ray(resources={}), ["resources.gpu"]),
        (ray(scaling={"min": 1, "max": 2}), ["scaling.max"]),
        (ray(scaling={"min": 0, "max": 1}), ["scaling.max"]),
        (ray(rollout={"strategy": "recreate"}), ["rollout"]),
        (ray(rollout={"strategy": "rolling"}), ["rollout"]),
        (ray(rollout={**ANEW, "max_unavailable": 1}), ["rollout"]),
        (ray(monitoring={"slo": {"availability": 99.9}}), ["monitoring.slo"]),
        (
            ray(runtime={"image": None, "args": ["--x"]}, rollout={"strategy": "rolling"}),
            ["runtime.image", "runtime.args", "rollout"],
        ),
        (of_engine("triton", target={"engine": "ray"}), ["runtime.engine"]),
        (plan({"engine": "ray"}), ["runtime.engine"]),
    ],
)
def test_what_ray_cannot_do_is_told(made: Plan, paths: list[str]) -> None:
    found = list(problems(made.spec, made.target))
    assert [problem.path for problem in found] == paths
    assert all(problem.given and problem.allowed for problem in found)


def test_newer_images_of_any_registry_will_do() -> None:
    for image in ("2.60.1", "3.0.0-py312", "2.52.10.abc"):
        reference = f"in.example:5000/ray-llm:{image}@sha256:{'1' * 64}"
        made = ray(runtime={"image": reference})
        assert list(problems(made.spec, made.target)) == []
        version = only(made)["rayClusterConfig"]["rayVersion"]
        assert image.startswith(version)


def test_other_engines_of_the_cluster_are_none_of_its_business() -> None:
    for made in (plan(), of_engine("vllm", runtime={"image": IMAGE}), plan(rollout={"strategy": "recreate"})):
        assert list(problems(made.spec, made.target)) == []
