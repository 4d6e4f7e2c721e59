"""What of a spec and a target cannot be had in EKS: refused with field, value and what is allowed."""

import json
from typing import Any

import pytest

from modelberth.aws.eks.checks import check
from modelberth.capabilities import check as check_all
from modelberth.errors import SpecError
from modelberth.kubernetes.checks import check as check_pods
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from modelberth.spec.kubernetes import ClusterTarget
from support.aws_eks import GPU, IMAGE, MANAGED, MODES, NEW, POOL, WATCHED, config

ELSEWHERE = IMAGE.replace("eu-central-1", "us-east-1")
KEY = f"key/{'1' * 8}-1111-1111-1111-{'1' * 12}"


def told(given: Any) -> list[str]:
    deployment = parse(EndpointDeployment, given)
    return [str(problem) for problem in check_all(deployment.spec, deployment.target)]


def only(given: Any) -> str:
    (problem,) = told(given)
    return problem


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through(which: str) -> None:
    assert told(MODES[which]) == []


@pytest.mark.parametrize(
    ("spec", "target", "begins"),
    [
        (
            {},
            {"image": ELSEWHERE},
            "target.image: given '123456789012.dkr.ecr.us-east-1.amazonaws.com/models/server",
        ),
        (
            {"security": {"key": f"arn:aws:kms:us-east-1:123456789012:{KEY}"}},
            {},
            f"security.key: given 'arn:aws:kms:us-east-1:123456789012:{KEY}', allowed: a KMS key in region",
        ),
        (
            {"security": {"key": f"arn:aws-cn:kms:cn-north-1:123456789012:{KEY}"}},
            {},
            f"security.key: given 'arn:aws-cn:kms:cn-north-1:123456789012:{KEY}', allowed: a KMS key in",
        ),
        (
            {"security": {"identity": "iris"}},
            {},
            "security.identity: given 'iris', allowed: the ARN of an IAM role",
        ),
        (
            {},
            {"service_account_annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}},
            "target.service_account_annotations.eks.amazonaws.com/role-arn: given",
        ),
        ({"budget": {"monthly_usd": 10}}, {}, "budget: given"),
        ({}, {"gpu_pool": POOL}, "target.gpu_pool: given a pool, allowed: nothing without resources.gpu"),
    ],
)
def test_what_concerns_a_cluster_that_is_there(spec: Any, target: Any, begins: str) -> None:
    found = told(config(target=target, **spec))
    assert any(one.startswith(begins) for one in found), found


@pytest.mark.parametrize(
    ("cluster", "target", "begins"),
    [
        (
            {**NEW, "version": "1.27"},
            {},
            "target.cluster.version: given '1.27', allowed: 1.34, 1.35, 1.36",
        ),
        (
            {**NEW, "administrators": ["arn:aws:iam::210987654321:role/deploy"]},
            {},
            "target.cluster.administrators[0]: given 'arn:aws:iam::210987654321:role/deploy', allowed: an",
        ),
        (
            {**NEW, "capacity": {"kind": "managed_nodes", "instance_types": ["m7i.large", "m8g.large"]}},
            {},
            "target.cluster.capacity.instance_types[1]: given 'm8g.large', allowed: an instance type for",
        ),
        (
            {**NEW, "capacity": {"kind": "managed_nodes", "ami_type": "AL2023_ARM_64_STANDARD"}},
            {},
            "target.cluster.capacity.instance_types[0]: given 'm7i.large', allowed: an instance type for",
        ),
        (MANAGED, {"gpu_pool": POOL}, "target.gpu_pool.kind: given karpenter, allowed: node_group"),
        (
            NEW,
            {"gpu_pool": {"kind": "node_group", "instance_types": ["g6.xlarge"]}},
            "target.gpu_pool.kind: given node_group, allowed: karpenter",
        ),
        (
            NEW,
            {"gpu_pool": {**POOL, "own": {"role": "r", "ami": "al2023@latest"}}},
            "target.gpu_pool.own: given a mapping, allowed: nothing with capacity auto_mode",
        ),
        (
            MANAGED,
            {"gpu_pool": {"kind": "node_group", "instance_types": ["g5.xlarge"]}},
            "target.gpu_pool.instance_types[0]: given 'g5.xlarge', allowed: an instance type of g6, gr6",
        ),
        (
            MANAGED,
            {
                "gpu_pool": {
                    "kind": "node_group",
                    "instance_types": ["g6.xlarge"],
                    "role": "arn:aws:iam::123456789012:role/nodes",
                }
            },
            "target.gpu_pool.role: given 'arn:aws:iam::123456789012:role/nodes', allowed: nothing with a",
        ),
        (
            NEW,
            {"gpu_pool": {"kind": "karpenter", "gpus": 1}},
            "target.gpu_pool.gpus: given 1, allowed: at least 3: 1 for each of scaling.max 3 replicas",
        ),
        (NEW, {"gpu_pool": POOL, "gpu": {"kind": "time_sliced"}}, "target.gpu.kind: given 'time_sliced'"),
    ],
)
def test_what_concerns_a_cluster_that_is_made_and_its_gpus(cluster: Any, target: Any, begins: str) -> None:
    scaling = {"min": 1, "max": 3, "metric": "queue_depth", "target": 8}
    found = told(config(cluster, {**WATCHED, **target}, scaling=scaling, **GPU))
    assert [one for one in found if one.startswith(begins)], found


def test_a_gpu_that_ec2_does_not_have_makes_no_pool() -> None:
    spec = {**GPU, "resources": {"gpu": {"kind": "mi300x"}}}
    found = told(config(target={"gpu_pool": POOL, **WATCHED}, **spec))
    assert any("nothing with kind mi300x, of which EC2 has none: t4, a10g" in one for one in found), found


def test_a_part_of_a_kind_cannot_be_chosen_by_its_kind() -> None:
    spec = {**GPU, "resources": {"gpu": {"kind": "h100", "memory_min": "90Gi"}}}
    found = told(config(target={"gpu_pool": POOL, **WATCHED}, **spec))
    assert any(one.startswith("resources.gpu.memory_min: given 90Gi") for one in found), found


def test_an_image_that_the_program_gives_is_not_asked_for() -> None:
    given = config()
    del given["target"]["image"]
    deployment = parse(EndpointDeployment, given)
    assert "target.image" in only(given)
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
    deployment = parse(EndpointDeployment, config(target={"route": route}, security=security))
    target = deployment.target
    assert target.kind == "eks"
    pods = check_pods(in_cluster(deployment.spec), target.as_kubernetes())
    assert pods
    assert set(pods) <= set(check(deployment.spec, target))


def test_no_field_of_a_cluster_is_left_out_of_its_pods() -> None:
    names = ClusterTarget.model_fields.keys() - {"kind"}
    assert len(names) >= 24
    given = {
        "namespace": "models",
        "drain_delay_seconds": 7,
        "spread_over": ["zone"],
        "node_selector": {"a": "b"},
    }
    target = parse(EndpointDeployment, config(target=given)).target
    assert target.kind == "eks"
    pods = target.as_kubernetes()
    assert isinstance(pods, KubernetesTarget)
    assert {name: getattr(pods, name) for name in names} == {name: getattr(target, name) for name in names}
    assert pods.model_fields_set == {*given, "image"}


@pytest.mark.parametrize(
    ("pool", "told_of"),
    [
        ({"kind": "karpenter", "gpus": 4, "on_demand_gpus": 1}, "gpu_pool.on_demand_gpus"),
        ({**POOL, "on_demand_gpus": 4}, "gpu_pool.on_demand_gpus"),
        ({**POOL, "lifetime": "30d"}, "gpu_pool.lifetime"),
        ({**POOL, "own": {"role": "r", "ami": "ami-123"}}, "gpu_pool.own.ami"),
        ({"kind": "node_group", "instance_types": ["g6.xlarge"], "min": 3, "max": 2}, "gpu_pool.max"),
        ({"kind": "spot"}, "gpu_pool.kind"),
    ],
)
def test_a_pool_that_could_not_be(pool: Any, told_of: str) -> None:
    with pytest.raises(SpecError, match=f"target.{told_of}: given"):
        parse(EndpointDeployment, config(target={"gpu_pool": pool, **WATCHED}, **GPU))


def in_region(region: str, given: Any) -> list[str]:
    moved = json.loads(json.dumps(given).replace("eu-central-1", region))
    return [one for one in told(moved) if "EC2 has no" in one]


def test_a_region_without_such_instances_is_told() -> None:
    group = {"kind": "node_group", "instance_types": ["g7e.2xlarge"]}
    rtx = {**GPU, "resources": {"gpu": {"kind": "rtx-pro-6000"}}}
    (of_group,) = in_region("eu-south-1", config(target={"gpu_pool": group, **WATCHED}, **rtx))
    assert of_group.startswith("target.gpu_pool.instance_types[0]: given 'g7e.2xlarge', allowed: an instance")
    (of_kind,) = in_region("eu-south-1", config(target={"gpu_pool": POOL, **WATCHED}, **rtx))
    assert of_kind.startswith(
        "resources.gpu.kind: given 'rtx-pro-6000', allowed: what eu-south-1 has; it is in"
    )
    nodes = {**MANAGED, "capacity": {"kind": "managed_nodes", "instance_types": ["p5.48xlarge"]}}
    (of_nodes,) = in_region("eu-south-1", config(nodes))
    assert of_nodes.startswith("target.cluster.capacity.instance_types[0]: given 'p5.48xlarge'")
    assert in_region("us-east-1", config(target={"gpu_pool": POOL, **WATCHED}, **GPU)) == []
