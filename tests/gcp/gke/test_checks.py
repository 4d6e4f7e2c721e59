"""What of a spec and a target cannot be had in GKE: refused with field, value and what is allowed."""

import json
from typing import Any

import pytest

from modelberth.capabilities import check as check_all
from modelberth.errors import SpecError
from modelberth.gcp.gke.checks import check
from modelberth.gcp.gke.placement import pods
from modelberth.gcp.plan import Plan
from modelberth.kubernetes.checks import check as check_pods
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from modelberth.spec.kubernetes import ClusterTarget
from support.gcp_blocks import KEY, PLACE
from support.gcp_gke import CLASS, EXISTING, GPU, MODES, NEW, POOL, STANDARD, WATCHED, config, read

ECR = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/server@sha256:{'1' * 64}"
TYPE = "target.gpu_pool.machine_type"
ACCOUNT = "iam.gke.io/gcp-service-account"
PARTITION = {**POOL, "sharing": {"kind": "mig", "partition": "1g.10gb"}}
TURNS = {**POOL, "sharing": {"kind": "time_sharing", "pods": 2}}
NODES = {"service_account": "gpu-nodes@shop-prod.iam.gserviceaccount.com"}


def told(given: Any) -> list[str]:
    deployment = parse(EndpointDeployment, given)
    return [str(problem) for problem in check_all(deployment.spec, deployment.target)]


def gpu(kind: str = "l4", **more: Any) -> dict[str, Any]:
    """Fields of a spec with GPUs, and of its replicas."""
    resources = {
        "gpu": {"kind": kind, **{name: more.pop(name) for name in ("count", "memory_min") if name in more}}
    }
    return {**GPU, "resources": {**resources, **more.pop("resources", {})}, **more}


def scaled(most: int) -> dict[str, Any]:
    return {"scaling": {"min": 1, "max": most, "metric": "queue_depth", "target": 8}}


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through(which: str) -> None:
    assert told(MODES[which]) == []


@pytest.mark.parametrize(
    ("spec", "target", "begins"),
    [
        ({}, {"image": ECR}, "target.image: given '123456789012.dkr.ecr.eu-central-1.amazonaws.com/mod"),
        (
            {"runtime": {"engine": "custom", "image": f"shop.azurecr.io/server@sha256:{'1' * 64}"}},
            {},
            "runtime.image: given 'shop.azurecr.io/server@sha256:111",
        ),
        (
            {"security": {"key": KEY.replace("europe-west4", "us-east1")}},
            {"cluster": NEW},
            f"security.key: given '{KEY.replace('europe-west4', 'us-east1')}', allowed: a key in location",
        ),
        (
            {"security": {"key": KEY}},
            {},
            f"security.key: given '{KEY[:79]}…', allowed: nothing with a cluster that exists, unless nodes",
        ),
        (
            {"security": {"identity": "123456789012-compute@developer.gserviceaccount.com"}},
            {},
            "security.identity: given '123456789012-compute@developer.gserviceaccount.com', allowed: the",
        ),
        (
            {},
            {"service_account_annotations": {ACCOUNT: "a@b"}},
            f"target.service_account_annotations.{ACCOUNT}: given 'a@b', allowed: nothing: the pods have",
        ),
        (
            {},
            {"cluster": {**EXISTING, "location": "us-east1"}},
            "target.cluster.location: given 'us-east1', allowed: europe-west4, or a zone of it such as",
        ),
        (
            {},
            {"cluster": {**EXISTING, "location": "us-east1-b"}},
            "target.cluster.location: given 'us-east1-b', allowed: europe-west4",
        ),
        (
            {},
            {"cluster": {**NEW, "subnetwork": "projects/other-1/regions/europe-west4/subnetworks/m"}},
            "target.cluster.pod_range: given nothing, allowed: the name of a secondary range",
        ),
        (
            {},
            {"cluster": {**STANDARD, "capacity": {"kind": "standard", "zones": ["us-east1-b"]}}},
            "target.cluster.capacity.zones[0]: given 'us-east1-b', allowed: a zone of europe-west4",
        ),
        ({"budget": {"monthly_usd": 10}}, {}, "budget: given"),
        ({}, {"gpu_pool": POOL}, "target.gpu_pool: given a pool, allowed: nothing without resources.gpu"),
    ],
)
def test_what_concerns_the_cluster(spec: Any, target: Any, begins: str) -> None:
    found = told(config(target=target, **spec))
    assert any(one.startswith(begins) for one in found), found


@pytest.mark.parametrize(
    ("cluster", "pool", "spec", "begins"),
    [
        (
            NEW,
            POOL,
            gpu(),
            "target.gpu_pool.kind: given node_pool, allowed: compute_class with capacity auto",
        ),
        (STANDARD, CLASS, gpu(), "target.gpu_pool.kind: given compute_class, allowed: node_pool with"),
        (
            STANDARD,
            {**POOL, **NODES},
            gpu(),
            "target.gpu_pool.service_account: given 'gpu-nodes@shop-prod.iam.gserviceaccount.com', allow",
        ),
        (
            NEW,
            {**CLASS, **NODES},
            gpu(),
            "target.gpu_pool.service_account: given 'gpu-nodes@shop-prod.iam.gserviceaccount.com', allow",
        ),
        (
            STANDARD,
            POOL,
            gpu("mi300x"),
            "target.gpu_pool: given a pool, allowed: nothing with kind mi300x, of which Google has none:",
        ),
        (
            STANDARD,
            {**POOL, "machine_type": "a2-highgpu-1g"},
            gpu(),
            f"{TYPE}: given 'a2-highgpu-1g', allowed: a machine type with 1 or more GPUs of kind l4: g2-",
        ),
        (
            STANDARD,
            {**POOL, "machine_type": "g2-standard-24"},
            gpu(count=4),
            f"{TYPE}: given 'g2-standard-24', allowed: a machine type with 4 or more GPUs",
        ),
        (
            STANDARD,
            {**POOL, "machine_type": "n1-standard-16"},
            gpu("v100"),
            "",
        ),
        (
            STANDARD,
            {**POOL, "machine_type": "a3-highgpu-1g"},
            gpu("h100"),
            f"{TYPE}: given 'a3-highgpu-1g', allowed: a machine type to be had on",
        ),
        (
            STANDARD,
            {**POOL, "zones": ["europe-west4-a", "us-east1-b"]},
            gpu(),
            "target.gpu_pool.zones[1]: given 'us-east1-b', allowed: a zone of europe-west4",
        ),
        (
            STANDARD,
            {**POOL, "zones": ["europe-west4-c"]},
            gpu("a100-40gb"),
            "target.gpu_pool.zones[0]: given 'europe-west4-c', allowed: europe-west4-a, europe-west4-b,",
        ),
        (
            STANDARD,
            PARTITION,
            gpu("l4"),
            "target.gpu_pool.sharing.kind: given mig, allowed: time_sharing with kind l4, which has no p",
        ),
        (
            STANDARD,
            {**POOL, "sharing": {"kind": "mig", "partition": "1g.20gb"}},
            gpu("a100-40gb"),
            "target.gpu_pool.sharing.partition: given '1g.20gb', allowed: 1g.10gb, 1g.5gb, 2g.10gb",
        ),
        (
            STANDARD,
            TURNS,
            gpu(count=2),
            "resources.gpu.count: given 2, allowed: 1 with target.gpu_pool.sharing time_sharing",
        ),
        (
            STANDARD,
            PARTITION,
            gpu("a100-80gb", count=2),
            "resources.gpu.count: given 2, allowed: 1 with target.gpu_pool.sharing mig",
        ),
        (
            STANDARD,
            PARTITION,
            gpu("a100-80gb", memory_min="20Gi"),
            "resources.gpu.memory_min: given 20Gi, allowed: at most 10Gi, the memory of a partition 1g.10gb",
        ),
        (
            STANDARD,
            POOL,
            gpu("l4", memory_min="30Gi"),
            "resources.gpu.memory_min: given 30Gi, allowed: at most",
        ),
        (
            STANDARD,
            POOL,
            gpu("l4", resources={"memory": "400Gi"}),
            "resources: given cpu 1, memory 400Gi, allowed: what a node of g2-standard-96 has for pods",
        ),
        (
            STANDARD,
            POOL,
            gpu("l4", count=16),
            "resources.gpu.count: given 16, allowed: 1, 2, 4, 8 with kind l4: what one machine has",
        ),
        (
            STANDARD,
            POOL,
            gpu(**scaled(3)),
            "target.gpu_pool.max: given 1, allowed: at least 3: 1 of scaling.max 3 replicas on each g2-s",
        ),
        (
            STANDARD,
            TURNS,
            gpu(**scaled(5)),
            "target.gpu_pool.max: given 1, allowed: at least 3: 2 of scaling.max 5 replicas on each g2-s",
        ),
        (
            EXISTING,
            {**CLASS, "machine_types": ["g2-standard-8", "a2-highgpu-1g"]},
            gpu(),
            f"{TYPE}s[1]: given 'a2-highgpu-1g', allowed: a machine type with 1 or more GPUs of",
        ),
        (
            EXISTING,
            {**CLASS, "machine_types": ["a3-highgpu-8g", "a3-megagpu-8g"]},
            gpu("h100"),
            f"{TYPE}s[1]: given 'a3-megagpu-8g', allowed: a machine type with nvidi",
        ),
        (
            EXISTING,
            {**CLASS, "spot": False, "machine_types": ["a3-highgpu-1g"]},
            gpu("h100"),
            f"{TYPE}s[0]: given 'a3-highgpu-1g', allowed: a machine type to be had",
        ),
        (EXISTING, CLASS, gpu(count=3), "resources.gpu.count: given 3, allowed: 1, 2, 4, 8 with kind l4"),
        (NEW, None, gpu("v100"), "resources.gpu.kind: given 'v100', allowed: t4, l4, a100-40gb"),
        (NEW, None, gpu("l4", count=3), "resources.gpu.count: given 3, allowed: 1, 2, 4, 8 with kind l4"),
    ],
)
def test_what_concerns_gpus(cluster: Any, pool: Any, spec: Any, begins: str) -> None:
    target = {**WATCHED, **({} if pool is None else {"gpu_pool": pool})}
    found = told(config(cluster, target, **spec))
    if begins:
        assert [one for one in found if one.startswith(begins)], found
    else:
        assert found == []


@pytest.mark.parametrize(
    ("access", "cluster", "pool"),
    [
        ({"kind": "time_sliced"}, STANDARD, POOL),
        ({"kind": "mig", "profile": "1g.10gb"}, NEW, None),
        ({"kind": "device_claim"}, EXISTING, CLASS),
    ],
)
def test_gke_s_own_plugin_offers_all_gpus_alike(access: Any, cluster: Any, pool: Any) -> None:
    target = {**WATCHED, "gpu": access, **({} if pool is None else {"gpu_pool": pool})}
    found = told(config(cluster, target, **gpu("a100-80gb")))
    (problem,) = [one for one in found if one.startswith("target.gpu.kind")]
    assert "gpu_pool.sharing says how pods share a GPU" in problem


def test_a_label_that_no_node_has_is_told() -> None:
    selector = {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4", "team": "plants"}
    target = {**WATCHED, "gpu_pool": POOL, "node_selector": selector}
    (found,) = told(config(STANDARD, target, **gpu()))
    assert found.startswith(
        "target.node_selector.cloud.google.com/gke-accelerator: given 'nvidia-tesla-t4', allowed: 'nvidia-l4'"
    )
    own = {**WATCHED, "node_selector": selector}
    assert told(config(EXISTING, own, **gpu())) == []


def in_region(region: str, given: Any) -> list[str]:
    moved = json.loads(json.dumps(given).replace("europe-west4", region))
    return [one for one in told(moved) if "Google has no" in one]


def test_a_region_without_such_machines_is_told() -> None:
    (of_kind,) = in_region("europe-north1", config(STANDARD, {"gpu_pool": POOL, **WATCHED}, **gpu()))
    assert of_kind.startswith(
        "resources.gpu.kind: given 'l4', allowed: what europe-north1 has; it is in europe-west1"
    )
    named = {**POOL, "machine_type": "a3-edgegpu-8g"}
    (of_type,) = in_region("europe-north1", config(STANDARD, {"gpu_pool": named, **WATCHED}, **gpu("h100")))
    assert "Google has no a3-edgegpu-8g in europe-north1, as of 2026-11-22" in of_type
    (of_class,) = in_region("europe-north1", config(target={"gpu_pool": CLASS, **WATCHED}, **gpu("h200")))
    assert "europe-west1, europe-west4" in of_class
    (of_autopilot,) = in_region("europe-north1", config(NEW, WATCHED, **gpu("t4")))
    assert of_autopilot.startswith("resources.gpu.kind: given 't4'")
    assert in_region("us-central1", config(STANDARD, {"gpu_pool": POOL, **WATCHED}, **gpu())) == []


def test_an_image_with_a_login_or_a_mirror_can_be_pulled() -> None:
    assert told(config(target={"image": ECR, "registry": {"pull_secret": "ecr"}})) == []
    mirrors = {"123456789012.dkr.ecr.eu-central-1.amazonaws.com": "europe-docker.pkg.dev/shop-prod/copies"}
    assert told(config(target={"image": ECR, "registry": {"mirrors": mirrors}})) == []
    elsewhere = f"us-central1-docker.pkg.dev/shop-build/models/server@sha256:{'1' * 64}"
    assert told(config(target={"image": elsewhere})) == []


def test_an_image_that_the_program_gives_is_not_asked_for() -> None:
    given = config()
    del given["target"]["image"]
    deployment = parse(EndpointDeployment, given)
    (problem,) = told(given)
    assert "target.image" in problem
    assert check_all(deployment.spec, deployment.target, has_image=True) == ()


@pytest.mark.parametrize(
    "route", [{"kind": "gateway", "gateway": "public", "envoy": True}, {"kind": "ingress"}]
)
@pytest.mark.parametrize("auth", ["none", "jwt"])
def test_whatever_a_cluster_refuses_is_refused_here_too(route: Any, auth: str) -> None:
    """Among them: public without auth, and tokens without an issuer's keys."""
    security: dict[str, Any] = {"auth": {"kind": auth}, "network": {"public": True}}
    if auth == "jwt":
        security["auth"] |= {"issuer": "https://login.example.com", "audience": "iris"}
    spec, target = read(config(target={"route": route}, security=security))
    found = check_pods(in_cluster(spec), target.as_kubernetes())
    assert found
    assert set(found) <= set(check(spec, target))


def test_no_field_of_a_cluster_is_left_out_of_its_pods() -> None:
    names = ClusterTarget.model_fields.keys() - {"kind"}
    assert len(names) >= 24
    given = {
        "namespace": "models",
        "drain_delay_seconds": 7,
        "spread_over": ["zone"],
        "node_selector": {"a": "b"},
    }
    spec, target = read(config(NEW, {**given, **WATCHED}, **gpu()))
    found = pods(Plan.of(spec, target, "shop", "dev"), {})
    assert isinstance(found, KubernetesTarget)
    ours = {"node_selector"}
    assert {name: getattr(found, name) for name in names - ours} == {
        name: getattr(target, name) for name in names - ours
    }
    assert found.node_selector == {"a": "b", "cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert found.model_fields_set == {*given, "image", "prometheus"}


@pytest.mark.parametrize(
    ("pool", "told_of"),
    [
        ({**POOL, "min": 3, "max": 2}, "gpu_pool.max"),
        ({**POOL, "sharing": {"kind": "mps", "pods": 2}}, "gpu_pool.sharing.kind"),
        ({**POOL, "sharing": {"kind": "time_sharing", "pods": 1}}, "gpu_pool.sharing.*pods"),
        ({**POOL, "sharing": {"kind": "mig", "partition": "8g.10gb"}}, "gpu_pool.sharing.*partition"),
        ({**POOL, "zones": ["europe-west4"]}, r"gpu_pool.*zones\[0\]"),
        ({**POOL, "driver": "none"}, "gpu_pool.*driver"),
        (
            {**POOL, "service_account": "123-compute@developer.gserviceaccount.com"},
            "gpu_pool.*service_account",
        ),
        ({**CLASS, "machine_types": ["G2"]}, r"gpu_pool.*machine_types\[0\]"),
        ({"kind": "karpenter"}, "gpu_pool.kind"),
    ],
)
def test_a_pool_that_could_not_be(pool: Any, told_of: str) -> None:
    with pytest.raises(SpecError, match=f"target.{told_of}: given"):
        parse(EndpointDeployment, config(target={"gpu_pool": pool, **WATCHED}, **GPU))


@pytest.mark.parametrize("name", ["Shared", "-shared", "s" * 41, ""])
def test_a_name_that_no_cluster_has(name: str) -> None:
    with pytest.raises(SpecError, match=r"target\.cluster\.name: given"):
        parse(EndpointDeployment, config({**EXISTING, "name": name}))


def test_a_key_of_the_own_region_is_taken_where_something_is_encrypted_with_it() -> None:
    assert PLACE.region in KEY
    assert told(config(NEW, security={"key": KEY})) == []
