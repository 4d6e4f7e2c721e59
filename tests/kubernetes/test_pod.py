"""The pod of each engine: what it may do, what it is told, how it starts and ends."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.part import PodPart
from modelberth.kubernetes.pods.pod import config_maps, pod_template
from support.endpoint_plans import IMAGE, plan
from support.workload_modes import FORMATS, GPU, GPU_PLACE, TLS, modes, of_engine

GOLDEN = Path(__file__).with_name("golden")
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_pod.py"
ENGINES = list(FORMATS)
FOREIGN = [engine for engine in ENGINES if engine != "onnxruntime"]


def pod_of(made: Plan, *parts: PodPart) -> dict[str, Any]:
    return pod_template(made, made.main, parts)["spec"]  # type: ignore[no-any-return]


def server_of(made: Plan, *parts: PodPart) -> dict[str, Any]:
    (server,) = pod_of(made, *parts)["containers"]
    return server  # type: ignore[no-any-return]


def env_of(made: Plan, *parts: PodPart) -> dict[str, str]:
    return {one["name"]: one["value"] for one in server_of(made, *parts).get("env", [])}


@pytest.mark.parametrize("mode", ["onnxruntime", "tensorflow-serving", "vllm"])
def test_the_pods_are_as_the_golden_files_say(mode: str) -> None:
    made, parts = modes()[mode]
    text = json.dumps(pod_template(made, made.main, parts), indent=2) + "\n"
    path = GOLDEN / f"pod-{mode}.json"
    if os.environ.get("REGENERATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), AGAIN


def weaknesses(pod: Mapping[str, Any]) -> Iterator[str]:
    """What Pod Security `restricted` and our own rules on top refuse of a pod."""
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim"}
    allowed |= {"projected", "secret"}
    yield from (one for one in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace") if one in pod)
    yield from (volume["name"] for volume in pod["volumes"] if not volume.keys() & allowed)
    if pod.get("automountServiceAccountToken") is not False:
        yield "token"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        rules = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        expected = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        yield from (name for name, value in expected.items() if rules.get(name) != value)
        if rules.get("runAsUser", 0) < 10000 or rules.get("runAsGroup", 0) < 10000:
            yield "user"
        if "@sha256:" not in container["image"]:
            yield "image"
        if any("valueFrom" in one for one in container.get("env", [])):
            yield "variable"
        if "memory" not in container["resources"]["limits"]:
            yield "memory"


@pytest.mark.parametrize("mode", list(modes()))
def test_every_pod_is_restricted(mode: str) -> None:
    made, parts = modes()[mode]
    for revision in made.revisions:
        assert list(weaknesses(pod_template(made, revision, parts)["spec"])) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"automountServiceAccountToken": True}, ["token"]),
        ({"hostNetwork": True}, ["hostNetwork"]),
        ({"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, ["node"]),
        ({"securityContext": {"runAsUser": 1000, "runAsGroup": 10001}}, ["user"]),
    ],
)
def test_a_weak_pod_is_seen(change: dict[str, Any], expected: list[str]) -> None:
    assert list(weaknesses({**pod_of(plan()), **change})) == expected


def test_a_container_without_restrictions_is_seen() -> None:
    bare = {**server_of(plan()), "securityContext": {}, "image": "iris:latest"}
    found = list(weaknesses({**pod_of(plan()), "containers": [bare]}))
    assert found == ["allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem", "image"]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_server_starts_as_its_engine_wants(engine: str) -> None:
    made = of_engine(engine)
    container, server = made.container(made.main), server_of(made)
    assert server["image"] == container.image == IMAGE
    assert tuple(server.get("command", ())) == container.command
    assert tuple(server.get("args", ())) == container.args
    assert {one["name"]: one["containerPort"] for one in server["ports"]} == container.ports
    assert env_of(made).items() >= container.env.items()
    assert [one["name"] for one in server.get("env", [])] == sorted(env_of(made))


def test_an_image_comes_from_its_mirror() -> None:
    mirrored = plan({"registry": {"mirrors": {"registry.example.com": "mirror.internal:5000/hub"}}})
    assert server_of(mirrored)["image"].startswith("mirror.internal:5000/hub/models/iris@sha256:1")


def test_our_own_server_listens_where_the_pod_says() -> None:
    assert env_of(plan()).items() >= {"PORT": "8080", "MODELBERTH_ADMIN_PORT": "9090"}.items()
    assert not {"PORT", "MODELBERTH_ADMIN_PORT"} & env_of(of_engine("custom")).keys()


def test_what_a_person_writes_reaches_the_server_as_it_is() -> None:
    """The kubelet would take `$(NAME)` for a variable."""
    made = of_engine("vllm", runtime={"args": ["--chat-template=$(HOME)/$x", "--plain"]})
    assert server_of(made)["args"][-2:] == ["--chat-template=$$(HOME)/$$x", "--plain"]
    assert env_of(plan(), PodPart(env={"AUDIENCE": "a$(b)"}))["AUDIENCE"] == "a$$(b)"


# Probes


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_is_asked_on_its_own_paths(engine: str) -> None:
    made = of_engine(engine)
    container, server = made.container(made.main), server_of(made)
    asked = {name: server[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    ready = {"path": container.ready.path, "port": container.ready.port, "scheme": "HTTP"}
    live = {"path": container.live.path, "port": container.live.port, "scheme": "HTTP"}
    assert asked == {"startup": ready, "readiness": ready, "liveness": live}


@pytest.mark.parametrize(("given", "times"), [("1s", 1), ("5s", 3), ("5m", 150), ("1h", 1800)])
def test_a_start_may_take_as_long_as_the_spec_says(given: str, times: int) -> None:
    probe = server_of(plan(limits={"startup_timeout": given}))["startupProbe"]
    assert (probe["failureThreshold"], probe["periodSeconds"]) == (times, 2)


def test_a_server_that_speaks_tls_is_asked_by_tls() -> None:
    asked = server_of(plan(), TLS)["readinessProbe"]["httpGet"]
    assert (asked["port"], asked["scheme"]) == (8080, "HTTPS")


def test_a_server_that_wants_certificates_is_asked_where_it_wants_none() -> None:
    mutual = PodPart(env={**TLS.env, "MODELBERTH_TLS_CLIENT_CA_FILE": "/etc/tls/ca.crt"})
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = server_of(plan(), mutual)[probe]["httpGet"]
        assert (asked["port"], asked["scheme"]) == (9090, "HTTP")


# The end


@pytest.mark.parametrize(("delay", "timeout", "grace"), [(5, "30s", 55), (0, "100ms", 21), (300, "1h", 3920)])
def test_our_own_server_drains_by_itself(delay: int, timeout: str, grace: int) -> None:
    made = plan({"drain_delay_seconds": delay}, limits={"timeout": timeout})
    assert pod_of(made)["terminationGracePeriodSeconds"] == grace
    assert env_of(made)["MODELBERTH_DRAIN_DELAY_SECONDS"] == str(delay)
    assert "lifecycle" not in server_of(made)


@pytest.mark.parametrize("engine", FOREIGN)
def test_any_other_server_hears_of_its_end_when_the_longest_request_is_over(engine: str) -> None:
    made = of_engine(engine, target={"drain_delay_seconds": 7})
    assert server_of(made)["lifecycle"] == {"preStop": {"sleep": {"seconds": 37}}}
    assert pod_of(made)["terminationGracePeriodSeconds"] == 47
    assert "MODELBERTH_DRAIN_DELAY_SECONDS" not in env_of(made)


# Resources and place


def test_memory_is_bound_and_processor_time_is_not() -> None:
    found = server_of(plan(resources={"cpu": "1500m", "memory": "768Mi"}))["resources"]
    assert found == {"requests": {"cpu": "1500m", "memory": "768Mi"}, "limits": {"memory": "768Mi"}}


def test_gpus_and_claims_come_from_the_parts() -> None:
    part = PodPart(claims=("gpu",), pod={"resourceClaims": [{"name": "gpu", "resourceClaimName": "iris"}]})
    found = server_of(of_engine("triton", resources=GPU), GPU_PLACE, part)["resources"]
    assert found["limits"] == {"memory": "32Gi", "nvidia.com/gpu": "2"}
    assert found["claims"] == [{"name": "gpu"}]


def test_nodes_are_those_of_the_part_and_of_the_target() -> None:
    made = plan({"node_selector": {"pool": "a", "nvidia.com/gpu.product": "Tesla"}})
    assert pod_of(made, GPU_PLACE)["nodeSelector"] == {"nvidia.com/gpu.product": "Tesla", "pool": "a"}
    assert pod_of(plan(), GPU_PLACE)["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert "nodeSelector" not in pod_of(plan())


def test_replicas_are_spread_as_far_as_it_can_be_had() -> None:
    """Over nodes by a constraint; over zones not by another, which nodes without one would end both with."""
    made = plan()
    pod = pod_of(made)
    (over_nodes,) = pod["topologySpreadConstraints"]
    assert over_nodes["topologyKey"] == "kubernetes.io/hostname"
    assert over_nodes["whenUnsatisfiable"] == "ScheduleAnyway"
    (over_zones,) = away(pod)
    assert over_zones["topologyKey"] == "topology.kubernetes.io/zone"
    for one in (over_nodes, over_zones):
        assert one["labelSelector"]["matchLabels"] == made.selector(made.main)
        assert one["matchLabelKeys"] == ["pod-template-hash"]


@pytest.mark.parametrize(
    ("keys", "nodes", "places"),
    [
        ([], 0, []),
        (["kubernetes.io/hostname"], 1, []),
        (["rack", "topology.kubernetes.io/zone"], 0, ["rack", "topology.kubernetes.io/zone"]),
    ],
)
def test_replicas_are_spread_over_what_the_target_names(
    keys: list[str], nodes: int, places: list[str]
) -> None:
    pod = pod_of(plan({"spread_over": keys}))
    assert len(pod.get("topologySpreadConstraints", [])) == nodes
    assert [one["topologyKey"] for one in away(pod)] == places


def test_nodes_for_gpus_and_the_spread_stand_beside_each_other() -> None:
    place = PodPart(pod={"affinity": {"nodeAffinity": {"for": "gpus"}}})
    assert pod_of(plan(), place)["affinity"].keys() == {"nodeAffinity", "podAntiAffinity"}


def away(pod: dict[str, Any]) -> list[Any]:
    """What a pod would rather not have beside it."""
    preferred = pod.get("affinity", {}).get("podAntiAffinity", {}).values()
    return [one["podAffinityTerm"] for terms in preferred for one in terms]


def test_the_priority_is_the_targets() -> None:
    assert pod_of(plan({"priority_class": "models"}))["priorityClassName"] == "models"
    assert "priorityClassName" not in pod_of(plan())


@pytest.mark.parametrize(("identity", "expected"), [(None, "shop-onprem-iris"), ("reader", "reader")])
def test_pods_run_as_the_endpoints_account_or_a_given_one(identity: str | None, expected: str) -> None:
    security = {} if identity is None else {"identity": identity}
    assert pod_of(plan(security=security))["serviceAccountName"] == expected


# Files


@pytest.mark.parametrize("engine", ENGINES)
def test_only_what_must_be_written_can_be(engine: str) -> None:
    made = of_engine(engine)
    pod, server = pod_of(made), server_of(made)
    writable = {mount["mountPath"] for mount in server["volumeMounts"] if not mount.get("readOnly")}
    assert writable == ({"/tmp", "/dev/shm"} if engine == "vllm" else {"/tmp"})
    empty = [volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume]
    assert len(empty) == len(writable)
    assert all(one["sizeLimit"] for one in empty)
    home = {"HOME": "/tmp", "USER": "modelberth"}
    assert (env_of(made).items() >= home.items()) is (engine in FOREIGN)


def test_shared_memory_is_as_large_as_the_server_needs() -> None:
    (shared,) = [one for one in pod_of(of_engine("vllm"))["volumes"] if one["name"] == "shared-memory"]
    assert shared["emptyDir"] == {"medium": "Memory", "sizeLimit": "2Gi"}


@pytest.mark.parametrize(("engine", "files"), [("onnxruntime", 0), ("tensorflow-serving", 2), ("triton", 1)])
def test_configuration_files_are_mounted_where_the_server_looks(engine: str, files: int) -> None:
    made = of_engine(engine, runtime={"batching": {}})
    wanted = made.container(made.main).files
    maps = config_maps(made)
    mounts = [one for one in server_of(made)["volumeMounts"] if one["name"] == "config"]
    assert len(mounts) == len(wanted) == files
    assert len(maps) == (1 if files else 0)
    for mount in mounts:
        assert mount["readOnly"]
        assert maps["config"]["data"][mount["subPath"]] == wanted[mount["mountPath"]]


def test_other_configuration_is_another_config_map() -> None:
    """So pods that start again under the old template find the old files, and a change rolls the pods."""

    def name(size: int) -> str:
        made = of_engine("triton", runtime={"batching": {"max_size": size}})
        (volume,) = [one for one in pod_of(made)["volumes"] if one["name"] == "config"]
        assert config_maps(made)["config"]["metadata"]["name"] == volume["configMap"]["name"]
        return volume["configMap"]["name"]  # type: ignore[no-any-return]

    assert name(4) == name(4)
    assert name(4) != name(8)
    assert config_maps(of_engine("triton"))["config"]["immutable"] is True


# Parts


def test_labels_and_annotations() -> None:
    made = plan(labels={"team": "search"})
    metadata = pod_template(made, made.main, [PodPart(annotations={"b": "2", "a": "1"})])["metadata"]
    assert metadata["labels"].items() >= {**made.selector(made.main), "team": "search"}.items()
    assert list(metadata["annotations"].items()) == [("a", "1"), ("b", "2")]


def test_parts_add_their_volumes_and_first_steps() -> None:
    fetch = {"name": "fetch", "image": IMAGE}
    part = PodPart(
        volumes=({"name": "model", "emptyDir": {}},),
        mounts=({"name": "model", "mountPath": "/mnt/models", "readOnly": True},),
        init_containers=(fetch,),
        pod={"imagePullSecrets": [{"name": "pull"}]},
    )
    pod = pod_of(plan(), part)
    assert pod["initContainers"] == [fetch]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp", "model"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (PodPart(env={"MODELBERTH_MODEL_NAME": "x"}), "env: MODELBERTH_MODEL_NAME"),
        (PodPart(env={"PORT": "1"}), "env: PORT"),
        (PodPart(volumes=({"name": "tmp", "emptyDir": {}},)), "volume tmp"),
        (PodPart(mounts=({"name": "x", "mountPath": "/tmp"},)), "mount /tmp"),
        (PodPart(pod={"securityContext": {}}), "the pod itself sets: securityContext"),
        (PodPart(pod={"containers": []}), "the pod itself sets: containers"),
    ],
)
def test_no_part_overwrites_anything(part: PodPart, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pod_of(plan(), part)
