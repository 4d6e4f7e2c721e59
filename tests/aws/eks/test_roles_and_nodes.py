"""The roles of a cluster, what its nodes are launched by, and the way in."""

import json

from modelberth.aws.eks.kubeconfig import kubeconfig
from modelberth.aws.eks.node_group import NodeGroup, launch_template, volumes
from modelberth.aws.eks.roles import control_plane, nodes
from modelberth.aws.policies import policy
from modelberth.spec import Bytes
from support.aws_blocks import CHINA, PLACE
from support.aws_eks import of
from support.iam import allows


def test_the_control_plane_s_role_is_for_this_cluster() -> None:
    """A30 and A35: no policy of ours; who else than EKS, for another cluster, gets nothing."""
    trust = json.loads(policy(control_plane(PLACE, "iris", auto_mode=True).trust))
    eks = ("Service", "eks.amazonaws.com")
    ours = {"aws:SourceAccount": PLACE.account, "aws:SourceArn": PLACE.arn("eks", "cluster/iris")}
    asks = allows(trust, "sts:AssumeRole", "*", eks)
    assert asks(ours)
    assert not asks({**ours, "aws:SourceArn": PLACE.arn("eks", "cluster/other")})
    assert not asks({**ours, "aws:SourceAccount": "210987654321"})
    assert not allows(trust, "sts:AssumeRole", "*", ("Service", "ec2.amazonaws.com"))(ours)
    assert not allows(
        json.loads(policy(control_plane(PLACE, "iris", auto_mode=False).trust)), "sts:TagSession", "*", eks
    )(ours)


def test_roles_of_other_partitions_name_their_services_and_policies() -> None:
    (who,) = nodes(CHINA, "iris", auto_mode=True).trust.principals["Service"]
    assert who == "ec2.amazonaws.com.cn"
    attached = {one.inputs["policyArn"] for one in of("managed nodes", "RolePolicyAttachment")}
    assert {one.rpartition("/")[0] for one in attached} == {"arn:aws:iam::aws:policy"}
    assert len(attached) == 4


def test_a_kubeconfig_holds_no_secret_and_asks_the_cli_for_a_token() -> None:
    document = json.loads(kubeconfig(PLACE, "iris", "https://api.example.com", "Q0E="))
    (user,) = document["users"]
    assert user["user"] == {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": [
                "eks",
                "get-token",
                "--cluster-name",
                "iris",
                "--region",
                "eu-central-1",
                "--output",
                "json",
            ],
            "interactiveMode": "Never",
        }
    }
    assert document["current-context"] == document["contexts"][0]["name"] == "iris"


def test_the_disk_of_bottlerocket_is_its_second_volume() -> None:
    group = NodeGroup("n", ["m7i.large"], "BOTTLEROCKET_x86_64", 1, 2, Bytes.parse("50Gi"))
    assert [(one["device_name"], one["ebs"].get("volume_size")) for one in volumes(group)] == [
        ("/dev/xvda", None),
        ("/dev/xvdb", 50),
    ]
    (only,) = volumes(NodeGroup("n", ["m7i.large"], "AL2023_x86_64_STANDARD", 1, 2, Bytes.parse("21Gi")))
    assert (only["device_name"], only["ebs"]["volume_size"]) == ("/dev/xvda", 21)
    assert launch_template(group, PLACE, {})["metadata_options"]["http_endpoint"] == "enabled"
