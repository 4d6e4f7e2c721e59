"""Nodes with GPUs: what endpoints find them by, what keeps others off, and what never ends a request."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.aws.eks.cluster import AwsCluster, AwsClusterArgs
from modelberth.aws.eks.gpu_node_pool import AwsGpuNodePool, AwsGpuNodePoolArgs
from modelberth.aws.eks.karpenter import Network, node_class_spec, node_pools
from modelberth.kubernetes.accelerators.table import KIND_LABEL
from modelberth.spec import parse
from modelberth.spec.eks import KarpenterPool, NewCluster
from support.aws_blocks import PLACE
from support.aws_eks import (
    MODES,
    NEW,
    OWN,
    POOL,
    SUBNETS,
    EksMonitor,
    EksRecorder,
    of,
    registered,
)
from support.recording import run

NETWORK = Network(SUBNETS, "sg-0123456789abcdef0")


def pool(**changes: Any) -> KarpenterPool:
    return parse(KarpenterPool, {**POOL, **changes})


def wanted(which: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the pods of a mode select nodes by, and what they tolerate."""
    (deployment,) = of(which, "Deployment")
    pod = deployment.inputs["spec"]["template"]["spec"]
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    return [one for term in terms for one in term["matchExpressions"]], pod["tolerations"]


GPU_MODES = [which for which in MODES if "gpus" in which]


@pytest.mark.parametrize("which", GPU_MODES)
def test_pods_find_and_tolerate_the_nodes(which: str) -> None:
    expressions, tolerations = wanted(which)
    pools = [one.inputs["spec"]["template"] for one in of(which, "NodePool")]
    labels = [one["metadata"]["labels"] for one in pools]
    taints = [taint for one in pools for taint in one["spec"]["taints"]]
    for group in of(which, "NodeGroup"):
        if group.inputs.get("taints"):
            labels.append(group.inputs["labels"])
            taints += [
                {**one, "effect": one["effect"].title().replace("_S", "S")} for one in group.inputs["taints"]
            ]
    assert len(labels) == len(taints) >= 1
    for label in labels:
        assert {"key": KIND_LABEL, "operator": "In", "values": [label[KIND_LABEL]]} in expressions
    for taint in taints:
        assert (taint["key"], taint["effect"].lower()) in {
            (one["key"], one["effect"].lower()) for one in tolerations
        }


def test_the_base_on_demand_comes_first_and_the_limits_add_up() -> None:
    found = node_pools(pool(), "l4", "iris-gpu")
    limits = {role: int(one["spec"]["limits"]["nvidia.com/gpu"]) for role, one in found.items()}
    assert limits == {"on-demand": 1, "spot": 3}
    assert found["on-demand"]["spec"]["weight"] > found["spot"]["spec"]["weight"]
    for role, one in found.items():
        requirements = {
            each["key"]: each["values"] for each in one["spec"]["template"]["spec"]["requirements"]
        }
        assert requirements["karpenter.sh/capacity-type"] == [role]
        assert requirements["eks.amazonaws.com/instance-family"] == ["g6", "gr6"]


@pytest.mark.parametrize(
    ("changes", "roles"),
    [
        ({"spot": False, "on_demand_gpus": 0}, ["on-demand"]),
        ({"spot": True, "on_demand_gpus": 0}, ["spot"]),
    ],
)
def test_one_way_to_pay_is_one_pool(changes: dict[str, Any], roles: list[str]) -> None:
    found = node_pools(pool(**changes), "l4", "iris-gpu")
    assert [*found] == roles
    assert [one["spec"]["limits"] for one in found.values()] == [{"nvidia.com/gpu": "4"}]


def test_a_node_with_a_pod_is_never_emptied_to_save_money() -> None:
    for one in node_pools(pool(idle="90s"), "l4", "iris-gpu").values():
        disruption = one["spec"]["disruption"]
        assert disruption["consolidationPolicy"] == "WhenEmpty"
        assert disruption["consolidateAfter"] == "90s"
        assert {"nodes": "1", "reasons": ["Drifted"]} in disruption["budgets"]
        assert one["spec"]["template"]["spec"]["expireAfter"] == f"{14 * 86400}s"


def test_types_that_are_named_are_the_only_ones() -> None:
    (one,) = node_pools(pool(instance_types=["g6.xlarge"], spot=False, on_demand_gpus=0), "l4", "n").values()
    requirements = one["spec"]["template"]["spec"]["requirements"]
    assert {
        "key": "node.kubernetes.io/instance-type",
        "operator": "In",
        "values": ["g6.xlarge"],
    } in requirements


def test_a_class_of_auto_mode_sets_no_tags_which_its_policies_refuse() -> None:
    spec = node_class_spec(pool(), "nodes", NETWORK)
    assert set(spec) == {
        "role",
        "subnetSelectorTerms",
        "securityGroupSelectorTerms",
        "networkPolicy",
        "ephemeralStorage",
    }
    assert spec["ephemeralStorage"] == {"size": "100Gi"}


@pytest.mark.parametrize(
    ("ami", "sized"), [("al2023@v20261101", "/dev/xvda"), ("bottlerocket@1.51.0", "/dev/xvdb")]
)
def test_nodes_of_ones_own_karpenter_bar_pods_from_their_role_and_are_encrypted(ami: str, sized: str) -> None:
    """A25: IMDSv2 with one hop, encrypted gp3."""
    spec = node_class_spec(pool(own={"role": "nodes", "ami": ami}, disk="150Gi"), "nodes", NETWORK)
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1
    disks = {one["deviceName"]: one["ebs"] for one in spec["blockDeviceMappings"]}
    assert all(one["encrypted"] and one["volumeType"] == "gp3" for one in disks.values())
    assert disks[sized]["volumeSize"] == "150Gi"
    assert spec["amiSelectorTerms"] == [{"alias": ami}]


def test_the_class_has_what_the_cluster_tells_of_itself() -> None:
    (found,) = of("existing, gpus of Auto Mode", "NodeClass")
    spec = found.inputs["spec"]
    assert spec["role"] == "nodes"  # the name of a role with a path
    assert spec["subnetSelectorTerms"] == [{"id": one} for one in SUBNETS]
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-0123456789abcdef0"}]
    (own,) = of("existing, gpus of its own Karpenter", "EC2NodeClass")
    assert own.inputs["spec"]["role"] == OWN["own"]["role"]


def test_pools_refer_to_their_class_and_come_after_it() -> None:
    (made,) = of("auto mode, gpus", "NodeClass")
    pools = of("auto mode, gpus", "NodePool")
    assert len(pools) == 2
    for one in pools:
        reference = one.inputs["spec"]["template"]["spec"]["nodeClassRef"]
        group, _, _ = made.inputs["apiVersion"].partition("/")
        assert reference == {"group": group, "kind": "NodeClass", "name": made.inputs["metadata"]["name"]}
        assert any(urn.endswith(f"::{made.name}") for urn in one.dependencies)


def test_a_group_s_image_brings_the_device_plugin() -> None:
    (group,) = of("existing, gpus of a group", "NodeGroup")
    assert group.inputs["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"
    assert group.inputs["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    recorder, _ = registered("existing, gpus of a group")
    policies = {one.inputs["policyArn"].rpartition("/")[2] for one in recorder.of("RolePolicyAttachment")}
    assert policies == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    }


def alone(kind: str, **given: Any) -> EksRecorder:
    """A program that makes a cluster and a pool for it, without an endpoint."""
    recorder = EksRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=EksMonitor(recorder))

    def program() -> None:
        args = AwsClusterArgs(PLACE, "ours", parse(NewCluster, NEW))
        cluster = AwsCluster("ours", args).cluster
        AwsGpuNodePool("gpus", AwsGpuNodePoolArgs(cluster, "ours-gpus", kind, pool(**given)))  # type: ignore[arg-type]

    run(recorder, program)
    return recorder


def test_a_pool_stands_alone_and_is_made_in_its_cluster() -> None:
    recorder = alone("l4")
    made = [*recorder.of("NodeClass"), *recorder.of("NodePool")]
    assert [one.inputs["metadata"]["name"] for one in made] == [
        "ours-gpus",
        "ours-gpus-on-demand",
        "ours-gpus-spot",
    ]
    assert {one.provider.split("::")[-2] for one in made} == {"ours-provider"}


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("mi300x", {}, "pool: given a pool, allowed: nothing with kind mi300x, of which EC2 has none"),
        (
            "l4",
            {"instance_types": ["g5.xlarge"]},
            r"pool.instance_types\[0\]: given 'g5.xlarge', allowed: an",
        ),
    ],
)
def test_a_pool_without_such_gpus_is_refused(kind: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(pulumi.RunError, match=told):
        alone(kind, **given)
