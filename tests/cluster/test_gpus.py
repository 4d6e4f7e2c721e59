"""Pods that ask for GPUs, on a node that says it has some: where they go, and what is said if nowhere.

There is no GPU: the node's status is patched. So the scheduler, the quota and the API server are seen at
work, and nothing that computes.
"""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from modelberth.kubernetes.accelerators.node_pool import KubernetesGpuNodePoolArgs, node_patches, quotas
from modelberth.kubernetes.accelerators.placement import claim_templates, placement
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.pod import pod_template
from modelberth.kubernetes.pods.workload import deployments
from modelberth.spec.kubernetes import DeviceClaim, DevicePlugin, Mig, TimeSliced
from modelberth.spec.resources import GpuKind
from support.cluster import Cluster, Namespace, Object, wait
from support.gpu_nodes import LABEL, gpu_node
from support.gpu_plans import accesses, with_gpu

PAUSE = "localhost/pause:1"
GPUS = 2


@pytest.fixture
def node(cluster: Cluster) -> Iterator[str]:
    """A node with two GPUs of the kind L4."""
    with gpu_node(cluster, GPUS) as name:
        yield name


def pod(made: Plan, name: str) -> Object:
    """A pod with all that the endpoint's have for GPUs, and nothing to compute."""
    spec: dict[str, Any] = json.loads(json.dumps(pod_template(made, made.main, [part(made)])["spec"]))
    (server,) = spec["containers"]
    kept = {key: server[key] for key in ("name", "resources", "securityContext")}
    spec["containers"] = [{**kept, "image": PAUSE, "imagePullPolicy": "Never"}]
    spec |= {"serviceAccountName": "default", "volumes": [], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def part(made: Plan) -> Any:
    return placement(made, made.main)


def placed(namespace: Namespace, name: str) -> str:
    return str(namespace.get("pod", name)["spec"].get("nodeName", ""))


def said(namespace: Namespace, name: str) -> str:
    conditions = namespace.get("pod", name)["status"].get("conditions", [])
    return " ".join(one.get("message", "") for one in conditions if one["type"] == "PodScheduled")


def test_a_pod_goes_to_a_node_with_its_gpus_and_runs_there(namespace: Namespace, node: str) -> None:
    namespace.apply(pod(with_gpu(), "fits"))
    wait("the pod runs", lambda: namespace.get("pod", "fits")["status"]["phase"] == "Running")
    assert placed(namespace, "fits") == node


def test_a_pod_that_fits_no_node_says_why(namespace: Namespace, node: str) -> None:
    reasons = {
        "other-kind": (({"kind": "h100"}, None), "didn't match Pod's node affinity/selector"),
        "too-many": (({"count": GPUS + 1}, None), "Insufficient nvidia.com/gpu"),
        "share": (({}, {"kind": "time_sliced"}), "Insufficient nvidia.com/gpu.shared"),
        "claim": (({}, {"kind": "device_claim"}), "device class gpu.nvidia.com does not exist"),
    }
    for name, ((gpu, access), _) in reasons.items():
        made = with_gpu(gpu, access, namespace=namespace.name)
        namespace.apply(*claim_templates(made).values(), pod(made, name))
    for name, (_, why) in reasons.items():
        wait(f"the pod says: {why}", lambda name=name, why=why: why in said(namespace, name))  # type: ignore[misc]
        assert placed(namespace, name) == ""
    assert node


def test_two_endpoints_share_the_quota_of_their_namespace(namespace: Namespace, node: str) -> None:
    args = KubernetesGpuNodePoolArgs(namespace.name, "l4", 1, (node,))
    namespace.apply(*quotas(args, "gpus").values(), pod(with_gpu(), "first"))
    refused = namespace.try_apply(pod(with_gpu(), "second"))
    assert refused.returncode != 0
    assert "exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=1" in (
        refused.stderr
    )
    namespace.kubectl("delete", "pod", "first", "--wait=true")
    namespace.apply(pod(with_gpu(), "second"))


def test_a_pool_leads_pods_to_a_node_without_the_vendors_labels(
    cluster: Cluster, namespace: Namespace, node: str
) -> None:
    """On the node that has no label, and with a taint that keeps others away from it."""
    cluster.kubectl("label", "node", node, f"{LABEL}-")
    args = KubernetesGpuNodePoolArgs(namespace.name, "l4", 1, (node,), taint=False)
    (patch,) = node_patches(args).values()
    namespace.apply(pod(with_gpu(), "early"))
    wait("the pod finds no node", lambda: "node affinity" in said(namespace, "early"))
    document = json.dumps({"apiVersion": "v1", "kind": "Node", **patch})
    options = ("--server-side", "--field-manager=pool", "--validate=strict", "--filename=-")
    cluster.kubectl("apply", *options, given=document)
    try:
        wait("the pod has a node", lambda: placed(namespace, "early") == node)
    finally:
        cluster.kubectl("label", "node", node, *(f"{key}-" for key in patch["metadata"]["labels"]))


def test_a_claim_takes_the_device_that_fits(cluster: Cluster, namespace: Namespace, node: str) -> None:
    """Of three devices; the first is another driver's, and has none of the attributes that are asked for."""
    name = namespace.name
    devices = {
        "other.example.com": [{"name": "thing", "attributes": {"type": {"string": "thing"}}}],
        "gpu.nvidia.com": [device("small", "Tesla T4", 15360), device("fitting", "NVIDIA L4", 23034)],
    }
    slices = [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": f"{name}-{driver}"},
            "spec": {
                "driver": driver,
                "nodeName": node,
                "pool": {"name": f"{name}-{driver}", "generation": 1, "resourceSliceCount": 1},
                "devices": found,
            },
        }
        for driver, found in devices.items()
    ]
    every = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {},
    }
    made = with_gpu({"memory_min": "20Gi"}, {"kind": "device_claim", "device_class": name}, namespace=name)
    cluster.kubectl("apply", "--filename=-", given=json.dumps({**LIST, "items": [every, *slices]}))
    try:
        namespace.apply(*claim_templates(made).values(), pod(made, "claims"))
        wait("the claim has a device", lambda: allocated(namespace) == ["fitting"])
        assert placed(namespace, "claims") == node
    finally:
        namespace.kubectl("delete", "pod", "claims", "--grace-period=0", "--force")
        for one in (every, *slices):
            cluster.kubectl("delete", str(one["kind"]), str(one["metadata"]["name"]))  # type: ignore[index]


LIST = {"apiVersion": "v1", "kind": "List"}


def device(name: str, product: str, memory: int) -> Object:
    return {
        "name": name,
        "attributes": {"type": {"string": "gpu"}, "productName": {"string": product}},
        "capacity": {"memory": {"value": f"{memory}Mi"}},
    }


def allocated(namespace: Namespace) -> list[str]:
    (claim,) = namespace.list("resourceclaims") or [{}]
    results = claim.get("status", {}).get("allocation", {}).get("devices", {}).get("results", [])
    return [str(one["device"]) for one in results]


def test_the_server_takes_every_way_of_asking_for_every_kind(namespace: Namespace) -> None:
    manifests: list[Object] = []
    for kind in get_args(GpuKind):
        for place, access in enumerate(accesses(kind)):
            made = with_gpu({"kind": kind}, access, namespace=namespace.name, runtime_class="gpus")
            found = [
                *claim_templates(made).values(),
                *deployments(made, {made.main: [part(made)]}).values(),
            ]
            for one in found:
                named = {**one["metadata"], "name": f"{one['metadata']['name']}-{kind}-{place}"}
                manifests.append({**one, "metadata": named})
    for access in (DevicePlugin(), TimeSliced(), Mig(profile="1g.10gb"), DeviceClaim()):
        args = KubernetesGpuNodePoolArgs(namespace.name, "h100", 3, access=access)
        manifests += quotas(args, access.kind.replace("_", "-")).values()
    done = namespace.try_apply(*manifests, dry_run=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("serverside-applied (server dry run)") == len(manifests) == 94
