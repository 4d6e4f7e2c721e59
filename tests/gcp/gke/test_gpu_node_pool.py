"""Nodes with GPUs: what endpoints find them by, what keeps others off, and what never ends a request."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.gcp.gke.cluster import GcpCluster, GcpClusterArgs
from modelberth.gcp.gke.gpu_node_pool import GcpGpuNodePool, GcpGpuNodePoolArgs
from modelberth.gcp.gke.roles import NODE_ROLE
from modelberth.kubernetes.accelerators.table import KIND_LABEL
from modelberth.spec import parse
from modelberth.spec.gke import ComputeClassPool, GkeNodePool, NewGkeCluster
from modelberth.spec.resources import Resources
from support.gcp_blocks import KEY, PLACE
from support.gcp_gke import CLASS, MODES, NEW, POOL, STANDARD, GkeMonitor, GkeRecorder, of
from support.recording import run

ACCELERATOR = "cloud.google.com/gke-accelerator"
MADE = [which for which in MODES if of(which, "GcpGpuNodePool")]
POOLS = [which for which in MADE if not of(which, "ComputeClass")]
CLASSES = [which for which in MADE if of(which, "ComputeClass")]


def pod_of(which: str) -> dict[str, Any]:
    (deployment,) = of(which, "Deployment")
    found: dict[str, Any] = deployment.inputs["spec"]["template"]["spec"]
    return found


def pool_of(which: str) -> dict[str, Any]:
    (found,) = [one for one in of(which, "NodePool") if "guestAccelerators" in one.inputs["nodeConfig"]]
    return found.inputs


def labels_of(config: dict[str, Any]) -> dict[str, str]:
    """Labels that GKE gives nodes, beside the pool's own (GKE, "GPU node labels")."""
    (gpu,) = config["guestAccelerators"]
    sharing, size = gpu.get("gpuSharingConfig"), gpu.get("gpuPartitionSize")
    found = {ACCELERATOR: gpu["type"], **config["labels"]}
    if sharing is not None:
        strategy = sharing["gpuSharingStrategy"].lower().replace("_", "-")
        found["cloud.google.com/gke-gpu-sharing-strategy"] = strategy
        found["cloud.google.com/gke-max-shared-clients-per-gpu"] = f"{sharing['maxSharedClientsPerGpu']:.0f}"
    if size is not None:
        found["cloud.google.com/gke-gpu-partition-size"] = size
    return found


def test_there_are_pools_and_classes() -> None:
    assert (len(POOLS), len(CLASSES)) == (6, 2)


@pytest.mark.parametrize("which", POOLS)
def test_pods_select_and_tolerate_the_nodes_of_their_pool_alone(which: str) -> None:
    pod, config = pod_of(which), pool_of(which)["nodeConfig"]
    (taint,) = config["taints"]
    assert taint == {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
    assert {one["key"] for one in pod["tolerations"]} == {taint["key"]}
    has = labels_of(config)
    assert pod["nodeSelector"].items() <= has.items()
    # Whole GPUs, shares and partitions are one resource to GKE's device plugin: the labels tell them apart.
    assert set(pod["nodeSelector"]) == has.keys() - {KIND_LABEL}
    assert has[KIND_LABEL]
    (container,) = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] in {"1", "2"}


@pytest.mark.parametrize("which", CLASSES)
def test_pods_select_their_class_and_its_gpus(which: str) -> None:
    (found,) = of(which, "ComputeClass")
    selector = pod_of(which)["nodeSelector"]
    assert selector["cloud.google.com/compute-class"] == found.inputs["metadata"]["name"]
    types = {one["gpu"]["type"] for one in found.inputs["spec"]["priorities"]}
    assert types == {selector[ACCELERATOR]}


def test_autopilot_makes_nodes_by_what_pods_select() -> None:
    assert pod_of("autopilot, gpus")["nodeSelector"] == {ACCELERATOR: "nvidia-l4"}
    assert "nodeSelector" not in pod_of("existing, gpus that are there")


def test_a_pool_grows_from_nothing_in_the_zones_that_have_the_gpus() -> None:
    found = pool_of("standard, gpus")
    assert found["autoscaling"] == {
        "totalMinNodeCount": 0,
        "totalMaxNodeCount": 1,
        "locationPolicy": "ANY",
    }
    assert found["initialNodeCount"] == 0
    assert found["nodeLocations"] == ["europe-west4-a", "europe-west4-b", "europe-west4-c"]
    assert found["nodeConfig"]["machineType"] == "g2-standard-4"
    assert found["nodeConfig"]["gcfsConfig"] == {"enabled": True}
    assert pool_of("standard, spare gpus")["nodeLocations"] == ["europe-west4-b"]
    # A request in progress ends with its node: another one is there first.
    assert found["upgradeSettings"] == {"strategy": "SURGE", "maxSurge": 1, "maxUnavailable": 0}


def test_gke_installs_the_driver_that_is_asked_for() -> None:
    spare = pool_of("standard, spare gpus")["nodeConfig"]
    assert spare["guestAccelerators"] == [
        {
            "type": "nvidia-tesla-t4",
            "count": 2,
            "gpuDriverInstallationConfig": {"gpuDriverVersion": "LATEST"},
        }
    ]
    assert spare["spot"] is True
    assert pool_of("standard, gpus")["nodeConfig"]["spot"] is False


def test_shares_and_partitions_of_a_gpu() -> None:
    (shared,) = pool_of("standard, gpus in turns")["nodeConfig"]["guestAccelerators"]
    assert shared["gpuSharingConfig"] == {
        "gpuSharingStrategy": "TIME_SHARING",
        "maxSharedClientsPerGpu": 4,
    }
    (cut,) = pool_of("standard, partitions of gpus")["nodeConfig"]["guestAccelerators"]
    assert (cut["type"], cut["gpuPartitionSize"]) == ("nvidia-a100-80gb", "1g.10gb")


def test_nodes_of_a_cluster_that_is_there_have_an_account_of_their_own() -> None:
    (account,) = [
        one for one in of("existing, gpus of a pool", "Account") if "nodes" in one.inputs["accountId"]
    ]
    email = f"{account.inputs['accountId']}@shop-prod.iam.gserviceaccount.com"
    assert pool_of("existing, gpus of a pool")["nodeConfig"]["serviceAccount"] == email
    roles = [
        one for one in of("existing, gpus of a pool", "IAMMember") if one.inputs.get("role") == NODE_ROLE
    ]
    assert [one.inputs["member"] for one in roles] == [f"serviceAccount:{email}"]
    readers = of("existing, gpus of a pool", "RepositoryIamMember")
    places = {(reader.inputs["project"], reader.inputs["location"]) for reader in readers}
    assert places == {("shop-build", "us"), ("shop-prod", "europe-west4")}
    own = pool_of("existing, gpus of a pool, own account and key")["nodeConfig"]
    assert own["serviceAccount"] == "gpu-nodes@shop-prod.iam.gserviceaccount.com"
    assert own["bootDiskKmsKey"] == KEY
    assert "bootDiskKmsKey" not in pool_of("existing, gpus of a pool")["nodeConfig"]


def test_a_class_tries_spare_capacity_first_and_each_type_in_turn() -> None:
    (found,) = of("autopilot, gpus of a class", "ComputeClass")
    spec = found.inputs["spec"]
    assert [(one["machineType"], one["spot"]) for one in spec["priorities"]] == [
        ("g2-standard-8", True),
        ("g2-standard-12", True),
        ("g2-standard-8", False),
        ("g2-standard-12", False),
    ]
    assert spec["whenUnsatisfiable"] == "DoNotScaleUp"
    assert spec["nodePoolAutoCreation"] == {"enabled": True}
    (given,) = of("existing, gpus of a class", "ComputeClass")
    assert given.inputs["spec"]["nodePoolConfig"] == {
        "serviceAccount": "gpu-nodes@shop-prod.iam.gserviceaccount.com"
    }
    assert given.inputs["spec"]["priorities"][0] == {
        "gpu": {"type": "nvidia-l4", "count": 1},
        "spot": True,
    }


def alone(cluster: dict[str, Any], pool: dict[str, Any], kind: str = "l4") -> GkeRecorder:
    """A program that makes a cluster and a pool for it, without an endpoint."""
    recorder = GkeRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=GkeMonitor(recorder))
    wanted = ComputeClassPool if pool["kind"] == "compute_class" else GkeNodePool

    def program() -> None:
        made = GcpCluster("ours", GcpClusterArgs(PLACE, "ours", parse(NewGkeCluster, cluster))).cluster
        resources = parse(Resources, {"gpu": {"kind": kind}})
        GcpGpuNodePool("gpus", GcpGpuNodePoolArgs(made, "ours-gpus", resources, parse(wanted, pool)))

    run(recorder, program)
    return recorder


def name_of(pool: dict[str, Any], kind: str = "l4") -> str:
    (found,) = [one for one in alone(STANDARD, pool, kind).of("NodePool") if one.name == "gpus-nodes"]
    return str(found.inputs["name"])


def test_a_pool_is_named_by_all_that_replaces_it() -> None:
    """The next pool has its nodes before the last one's go, so both are there at once."""
    first = name_of(POOL)
    assert first.startswith("ours-gpus-")
    assert len(first) <= 40
    assert name_of(POOL) == first
    for same in ({"max": 3}, {"disk": "200Gi"}, {"machine_type": "g2-standard-12"}):
        assert name_of({**POOL, **same}) == first, same
    others = {
        name_of({**POOL, "spot": True}),
        name_of({**POOL, "driver": "latest"}),
        name_of({**POOL, "sharing": {"kind": "time_sharing", "pods": 2}}),
        name_of({**POOL, "machine_type": "g2-standard-24"}),
        name_of(POOL, "t4"),
    }
    assert len(others - {first}) == 5


def test_a_class_stands_alone_and_is_made_in_its_cluster() -> None:
    (found,) = alone(NEW, dict(CLASS)).of("ComputeClass")
    assert found.inputs["metadata"]["name"] == "ours-gpus"
    assert found.provider.split("::")[-2] == "ours-provider"


@pytest.mark.parametrize(
    ("cluster", "pool", "kind", "told"),
    [
        (NEW, POOL, "l4", "pool.kind: given node_pool, allowed: compute_class with Autopilot"),
        (STANDARD, POOL, "l40s", "pool: given a pool, allowed: nothing with kind l40s, of which Google has"),
        (
            STANDARD,
            {**POOL, "machine_type": "a2-highgpu-1g"},
            "l4",
            "pool.machine_type: given 'a2-highgpu-1g', allowed: a machine type with 1 or more GPUs of ki",
        ),
    ],
)
def test_a_pool_that_could_not_be_is_refused(
    cluster: dict[str, Any], pool: dict[str, Any], kind: str, told: str
) -> None:
    with pytest.raises(pulumi.RunError, match=told):
        alone(cluster, dict(pool), kind)
