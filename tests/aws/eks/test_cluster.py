"""A cluster of EKS: the controls that it meets, and that the opposite of each is noticed."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from modelberth.aws.eks.control_plane import arguments, problems
from modelberth.aws.eks.limits import TABLE, limits
from modelberth.aws.eks.names import log_group
from modelberth.errors import SpecError
from modelberth.kubernetes.accelerators.table import accelerators
from modelberth.spec import parse
from modelberth.spec.eks import ManagedNodes, NewCluster
from modelberth.spec.network import public_network
from support.aws_blocks import KEY, PLACE
from support.aws_eks import ADMINISTRATOR, MANAGED, NEW, SUBNETS, config, made, of, registered

NEW_MODES = ("auto mode", "managed nodes", "everything")


def settings(**changes: Any) -> NewCluster:
    return parse(NewCluster, {**NEW, **changes})


def of_cluster(which: str) -> dict[str, Any]:
    (found,) = of(which, "Cluster")
    return found.inputs


def holds(control: Callable[[dict[str, Any]], bool], opposite: dict[str, Any]) -> None:
    """A control that every mode meets, and that a cluster with the opposite does not."""
    for which in NEW_MODES:
        assert control(of_cluster(which)), which
    assert not control({**of_cluster("auto mode"), **opposite})


def test_the_api_server_is_reached_within_the_vpc_alone() -> None:
    """A21: EKS.1, CKV_AWS_38, CKV_AWS_39, CIS-EKS 5.4.1 and 5.4.2."""

    def control(cluster: dict[str, Any]) -> bool:
        network = cluster["vpcConfig"]
        opened = network.get("publicAccessCidrs", ["0.0.0.0/0"])
        return network["endpointPrivateAccess"] and (
            not network["endpointPublicAccess"] or "0.0.0.0/0" not in opened
        )

    holds(control, {"vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": True}})
    assert of_cluster("auto mode")["vpcConfig"]["endpointPublicAccess"] is False
    assert of_cluster("everything")["vpcConfig"]["publicAccessCidrs"] == ["198.51.100.0/24"]


@pytest.mark.parametrize("network", ["0.0.0.0/0", "128.0.0.0/1", "::/0", "10.0.0.0/16", "fd00::/8", "office"])
def test_the_internet_is_no_network_that_may_connect(network: str) -> None:
    """A21: two halves of the internet are the internet, and the VPC's own networks need no entry."""
    with pytest.raises(SpecError, match=r"public_access\[0\].*a public network"):
        settings(public_access=[network])
    assert public_network("198.51.100.7/32") == "198.51.100.7/32"


def test_the_release_is_under_standard_support() -> None:
    """A22: EKS.2, CKV_AWS_339."""
    holds(lambda cluster: cluster["version"] in limits().versions, {"version": "1.27"})
    (problem,) = problems(settings(version="1.27"), PLACE, "target.cluster")
    assert problem.path == "target.cluster.version"
    assert "1.35" in problem.allowed
    assert of_cluster("auto mode")["upgradePolicy"] == {"supportType": "STANDARD"}


def test_secrets_are_encrypted_with_a_key_of_ones_own() -> None:
    """A23: EKS.3, CKV_AWS_58, CIS-EKS 5.3.1."""

    def control(cluster: dict[str, Any]) -> bool:
        found = cluster.get("encryptionConfig") or {}
        return found.get("resources") == ["secrets"] and found["provider"]["keyArn"] == KEY

    holds(control, {"encryptionConfig": None})


def test_the_control_plane_logs_all_that_it_can_into_a_group_with_key_and_retention() -> None:
    """A24 and A36: EKS.8, CKV_AWS_37, CIS-EKS 2.1.1; CKV_AWS_66, 158 and 338."""
    every = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    holds(
        lambda cluster: set(cluster["enabledClusterLogTypes"]) == every, {"enabledClusterLogTypes": ["api"]}
    )
    for which, days in (("auto mode", 365), ("everything", 400)):
        (logs,) = of(which, "LogGroup")
        (cluster,) = of(which, "Cluster")
        assert logs.inputs["name"] == log_group(cluster.inputs["name"])
        assert (logs.inputs["kmsKeyId"], logs.inputs["retentionInDays"]) == (KEY, days)
        # Else EKS makes the group itself: without a key, and for ever.
        assert any(urn.endswith(f"::{logs.name}") for urn in cluster.dependencies)


def test_cloudwatch_logs_may_use_the_key_that_is_made_for_this_group() -> None:
    document = registered("auto mode")[0].document("iris-eks-cluster-key-key")
    (statement,) = [one for one in document["Statement"] if one["Sid"] == "Logs"]
    contexts = statement["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    assert contexts == [PLACE.arn("logs", "log-group:/aws/eks/shop-dev-iris/cluster")]


def test_nodes_are_entered_by_nobody_and_give_their_role_to_no_pod() -> None:
    """A25: CKV_AWS_100, CIS-EKS 5.4.3, EC2.8: no remote access, IMDSv2 with one hop, encrypted gp3."""

    def control(template: dict[str, Any]) -> bool:
        metadata = template.get("metadataOptions") or {}
        disks = [one["ebs"] for one in template["blockDeviceMappings"]]
        return (
            metadata.get("httpTokens") == "required"
            and metadata.get("httpPutResponseHopLimit") == 1
            and all(one["encrypted"] == "true" and one["volumeType"] == "gp3" for one in disks)
        )

    modes = ("managed nodes", "managed nodes, gpus", "existing, gpus of a group")
    found = [one for which in modes for one in of(which, "LaunchTemplate")]
    assert len(found) == 4
    assert all(control(one.inputs) for one in found)
    assert not control({**found[0].inputs, "metadataOptions": {"httpTokens": "optional"}})
    groups = [one for which in modes for one in of(which, "NodeGroup")]
    assert len(groups) == 4
    for group in groups:
        assert "remoteAccess" not in group.inputs
        assert group.inputs["launchTemplate"] == {"id": "lt-1", "version": "3"}
        assert group.inputs["subnetIds"] == [*SUBNETS]
        assert group.ignored == ("scalingConfig.desiredSize",)


def test_access_is_by_entries_alone_and_the_maker_has_none_of_his_own() -> None:
    """A26: CIS-EKS 4.1.7 and 5.5.1."""
    wanted = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    holds(
        lambda cluster: cluster["accessConfig"] == wanted,
        {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}},
    )
    (entry,), (rights,) = of("auto mode", "AccessEntry"), of("auto mode", "AccessPolicyAssociation")
    assert entry.inputs["principalArn"] == rights.inputs["principalArn"] == ADMINISTRATOR
    assert rights.inputs["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def test_somebody_has_to_administer_the_cluster_and_be_of_its_account() -> None:
    with pytest.raises(SpecError, match="administrators"):
        settings(administrators=[])
    (problem,) = problems(settings(administrators=["arn:aws:iam::210987654321:role/deploy"]), PLACE, "c")
    assert (problem.path, problem.allowed) == ("c.administrators[0]", "an IAM role of account 123456789012")


def test_the_cluster_cannot_be_deleted_by_mistake() -> None:
    """A27: deletion protection, and Pulumi's own with `protect`."""
    holds(lambda cluster: cluster["deletionProtection"] is True, {"deletionProtection": False})
    recorder, _ = made(config({**NEW, "deletion_protection": False}))
    assert recorder.of("Cluster")[0].inputs["deletionProtection"] is False
    assert of("everything", "Cluster")[0].protect


def test_auto_mode_is_three_switches_that_go_together() -> None:
    cluster = of_cluster("auto mode")
    assert cluster["computeConfig"]["enabled"] is True
    assert cluster["kubernetesNetworkConfig"] == {"elasticLoadBalancing": {"enabled": True}}
    assert cluster["storageConfig"] == {"blockStorage": {"enabled": True}}
    managed = of_cluster("managed nodes")
    assert {"computeConfig", "kubernetesNetworkConfig", "storageConfig"}.isdisjoint(managed)
    assert cluster["bootstrapSelfManagedAddons"] is managed["bootstrapSelfManagedAddons"] is False


def test_network_policies_are_enforced_by_both_kinds_of_nodes() -> None:
    (switch,) = [
        one for one in of("auto mode", "ConfigMap") if one.inputs["metadata"]["namespace"] == "kube-system"
    ]
    assert switch.inputs["metadata"]["name"] == "amazon-vpc-cni"
    assert switch.inputs["data"] == {"enable-network-policy-controller": "true"}
    addons = {one.inputs["addonName"]: one.inputs for one in of("managed nodes", "Addon")}
    assert json.loads(addons["vpc-cni"]["configurationValues"]) == {"enableNetworkPolicy": "true"}
    assert {"coredns", "kube-proxy", "eks-pod-identity-agent", "metrics-server"} < addons.keys()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subnets": ["subnet-0123456789abcdef0"]}, "subnets"),
        ({"subnets": [SUBNETS[0], SUBNETS[0]]}, r"subnets\[1\]"),
        ({"capacity": {"kind": "managed_nodes", "min": 3, "max": 2}}, "capacity.max"),
        ({"capacity": {"kind": "fargate"}}, "capacity.kind"),
        ({"log_retention_days": 0}, "log_retention_days"),
    ],
)
def test_what_eks_would_refuse_is_told_before(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        settings(**changes)


def test_arguments_follow_from_plain_values() -> None:
    from modelberth.aws.eks.cluster import AwsClusterArgs  # noqa: PLC0415 - slow to import

    args = AwsClusterArgs(PLACE, "iris", parse(NewCluster, MANAGED))
    assert isinstance(args.settings.capacity, ManagedNodes)
    given = arguments(args, role="r", node_role="n", key="k")
    assert given["role_arn"] == "r"
    assert "compute_config" not in given


def test_a_name_that_eks_does_not_take_is_refused() -> None:
    from modelberth.aws.eks.cluster import AwsCluster, AwsClusterArgs  # noqa: PLC0415
    from support.recording import recording, run  # noqa: PLC0415

    args = AwsClusterArgs(PLACE, "no spaces", settings())
    with pytest.raises(pulumi.RunError, match="name: given 'no spaces', allowed: 1 to 100 letters"):
        run(recording(), lambda: AwsCluster("c", args))


def test_the_table_has_a_date_and_families_for_kinds_that_there_are() -> None:
    assert "captured = 2026-11-22" in TABLE.read_text()
    assert len(limits().versions) >= 3
    assert set(limits().families) <= set(accelerators())
    every = [family for families in limits().families.values() for family in families]
    assert len(every) == len(set(every)) >= 12
