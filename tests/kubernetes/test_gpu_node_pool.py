"""Nodes with GPUs of a cluster of one's own, and the share of a namespace."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.kubernetes.accelerators.node_pool import (
    KubernetesGpuNodePool,
    KubernetesGpuNodePoolArgs,
    node_patches,
    problems,
    quotas,
    requirements,
)
from modelberth.kubernetes.accelerators.placement import placement
from modelberth.kubernetes.accelerators.table import KIND_LABEL
from modelberth.spec.kubernetes import DeviceClaim, GpuAccess, Mig, TimeSliced
from support.gpu_plans import with_gpu
from support.recording import Recorder, recorder, run

__all__ = ["recorder"]

ARGS = KubernetesGpuNodePoolArgs("team", "l4", 2, ("node-a", "node-b"))


def test_endpoints_find_and_tolerate_the_nodes() -> None:
    made = with_gpu({"kind": "l4"})
    pod = placement(made, made.main).pod
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    wanted = [one for term in affinity["nodeSelectorTerms"] for one in term["matchExpressions"]]
    patches = node_patches(ARGS)
    assert len(patches) == 2
    for patch in patches.values():
        label = patch["metadata"]["labels"][KIND_LABEL]
        assert {"key": KIND_LABEL, "operator": "In", "values": [label]} in wanted
        (taint,) = patch["spec"]["taints"]
        assert [(one["key"], one["effect"]) for one in pod["tolerations"]] == [
            (taint["key"], taint["effect"])
        ]
    assert all("spec" not in patch for patch in node_patches(replace(ARGS, taint=False)).values())


@pytest.mark.parametrize(
    ("kind", "access", "counted"),
    [
        ("l4", None, "requests.nvidia.com/gpu"),
        ("mi300x", None, "requests.amd.com/gpu"),
        ("l4", TimeSliced(), "requests.nvidia.com/gpu.shared"),
        ("h100", Mig(profile="1g.10gb"), "requests.nvidia.com/mig-1g.10gb"),
        ("h100", DeviceClaim(), "gpu.nvidia.com.deviceclass.resource.k8s.io/devices"),
    ],
)
def test_the_quota_counts_what_pods_ask_for(kind: Any, access: GpuAccess | None, counted: str) -> None:
    args = replace(ARGS, kind=kind, **({"access": access} if access else {}))
    (quota,) = quotas(args, "pool").values()
    assert quota["spec"] == {"hard": {counted: "2"}}
    assert quota["metadata"]["namespace"] == "team"
    asked = [(one.resource, one.per_pod, one.pods) for one in requirements(args, "pool").devices]
    assert asked == ([] if isinstance(access, DeviceClaim) else [(counted.removeprefix("requests."), 1, 2)])


def test_the_cluster_is_asked_before_anything_is_made(recorder: Recorder) -> None:
    run(recorder, lambda: KubernetesGpuNodePool("gpus", ARGS))
    made = [(one.type, one.name) for one in recorder.resources if one.type != "pulumi:pulumi:Stack"]
    assert made == [
        ("modelberth:index:KubernetesGpuNodePool", "gpus"),
        ("modelberth:kubernetes:Requirements", "gpus-requirements"),
        ("kubernetes:core/v1:NodePatch", "gpus-node-node-a"),
        ("kubernetes:core/v1:NodePatch", "gpus-node-node-b"),
        ("kubernetes:core/v1:ResourceQuota", "gpus-quota"),
    ]
    asked = recorder.named("gpus-requirements").inputs
    assert asked["devices"] == [{"resource": "nvidia.com/gpu", "perPod": 1, "pods": 2, "path": "gpus"}]
    assert [one["name"] for one in asked["objects"]] == ["node-a", "node-b"]
    assert recorder.named("gpus-quota").inputs["metadata"]["name"] == "shop-dev-gpus"
    assert recorder.named("gpus-node-node-a").inputs["metadata"]["labels"] == {KIND_LABEL: "l4"}
    (outputs,) = [one for urn, one in recorder.outputs.items() if urn.endswith("::gpus")]
    assert outputs == {"quota": "shop-dev-gpus"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"namespace": "Team"}, ["namespace"]),
        ({"gpus": 0}, ["gpus"]),
        ({"nodes": ("node a", "node-b")}, ["nodes[0]"]),
        ({"nodes": ("a", "a")}, ["nodes"]),
        ({"kind": "l5"}, ["kind"]),
        ({"kind": "mi300x", "access": TimeSliced()}, ["access"]),
        ({"access": Mig(profile="1g.10gb")}, ["access.profile"]),
        ({"kind": "h200", "access": Mig(profile="1g.10gb")}, ["access.profile"]),
        ({"kind": "h200", "access": Mig(profile="1g.18gb"), "nodes": ()}, []),
    ],
)
def test_what_no_cluster_would_take_is_refused(change: dict[str, Any], expected: list[str]) -> None:
    assert [problem.path for problem in problems(replace(ARGS, **change))] == expected


def test_a_refusal_is_told_without_a_trace(recorder: Recorder) -> None:
    with pytest.raises(pulumi.RunError, match="gpus: given 0, allowed: 1 or more"):
        run(recorder, lambda: KubernetesGpuNodePool("gpus", replace(ARGS, gpus=0)))
    assert not [one for one in recorder.resources if one.type.startswith("kubernetes:")]
