"""Whole endpoints in Amazon EKS, as they are registered."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.aws.eks.checks import check
from modelberth.aws.eks.cluster import AwsCluster, AwsClusterArgs
from modelberth.aws.eks.endpoint import EksEndpoint, EksEndpointArgs
from modelberth.kubernetes.endpoint import KubernetesEndpoint, KubernetesEndpointArgs
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.spec.eks import NewCluster
from support.aws_blocks import PLACE
from support.aws_eks import (
    ENDPOINT,
    GPU,
    MODES,
    NEW,
    WATCHED,
    EksMonitor,
    EksRecorder,
    config,
    made,
    of,
    read,
    registered,
)
from support.clouds.golden import same_as
from support.recording import recording, run

GOLDEN = Path(__file__).parents[1] / "golden" / "eks_inventory.json"
NEW_MODES = [which for which in MODES if not which.startswith("existing")]


def inventory(which: str) -> dict[str, int]:
    recorder, _ = registered(which)
    kinds = Counter(one.type for one in recorder.resources) + Counter(
        f"{one.type} (read)" for one in recorder.reads
    )
    return dict(sorted((kind, number) for kind, number in kinds.items() if kind != "pulumi:pulumi:Stack"))


def test_the_inventory_of_every_mode() -> None:
    found = {which: inventory(which) for which in MODES}
    assert len(found) == 11
    same_as(GOLDEN, found, __file__)


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through_and_lies_in_its_region(which: str) -> None:
    assert check(*read(MODES[which])) == ()
    aws = [one for one in registered(which)[0].resources if one.type.startswith("aws:")]
    elsewhere = [one for one in aws if one.inputs.get("region") != PLACE.region]
    # IAM is in no region.
    assert {one.type.partition("/")[0] for one in elsewhere} <= {"aws:iam"}


@pytest.mark.parametrize("which", NEW_MODES)
def test_everything_that_takes_tags_has_them(which: str) -> None:
    taking = ("Cluster", "LogGroup", "Key", "Role", "NodeGroup", "LaunchTemplate", "Addon")
    found = [one for one in registered(which)[0].resources if one.type.rpartition(":")[2] in taking]
    assert len(found) >= 5
    for one in found:
        assert one.inputs["tags"]["modelberth:endpoint"] == "iris", one.name


@pytest.mark.parametrize("which", ["existing", "auto mode", "everything"])
def test_its_pods_are_those_of_the_target_kubernetes(which: str) -> None:
    spec, target = read(MODES[which])
    recorder = recording()
    args = KubernetesEndpointArgs(in_cluster(spec), target.as_kubernetes())
    run(recorder, lambda: KubernetesEndpoint("iris-eks-pods", args))

    def objects(found: Any) -> dict[str, Any]:
        below = [one for one in found.resources if one.parent.endswith("::iris-eks-pods")]
        return {one.name: one.inputs for one in below if one.type.startswith("kubernetes:")}

    assert len(objects(recorder)) >= 7
    assert objects(registered(which)[0]) == objects(recorder)


@pytest.mark.parametrize("which", MODES)
def test_all_that_lies_in_the_cluster_is_made_by_its_own_provider(which: str) -> None:
    recorder, _ = registered(which)
    (provider,) = recorder.of("kubernetes")
    inside = [one for one in recorder.resources if one.type.startswith("kubernetes:")]
    assert len(inside) >= 6
    assert {one.provider.rpartition("::")[0].rpartition("::")[2] for one in inside} == {provider.name}
    assert json.loads(provider.inputs["kubeconfig"])["clusters"][0]["cluster"]["server"] == ENDPOINT


def before(recorder: EksRecorder, name: str) -> set[str]:
    """Names of everything that comes before a resource."""
    known = {one.name: one for one in recorder.resources}
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = known.get(waiting.pop())
        names = {urn.rpartition("::")[2] for urn in one.dependencies} if one is not None else set()
        waiting += names - found
        found |= names
    return found


@pytest.mark.parametrize("which", MODES)
def test_our_own_questions_go_to_the_same_cluster_after_all_that_they_need(which: str) -> None:
    recorder, _ = registered(which)
    (asks,) = recorder.of("Requirements")
    (provider,) = recorder.of("kubernetes")
    asking = [asks, *recorder.of("ApiKey")]
    assert {one.inputs["kubeconfig"] for one in asking} == {provider.inputs["kubeconfig"]}
    kinds = ("PodIdentityAssociation", "NodeGroup", "AccessPolicyAssociation", "Addon", "NodePool")
    needed = {one.name for kind in kinds for one in recorder.of(kind)}
    assert needed <= before(recorder, asks.name)


def test_a_cluster_that_is_there_is_read_and_never_registered() -> None:
    recorder, _ = registered("existing")
    (found,) = recorder.reads
    assert (found.inputs["id"], found.inputs["region"]) == ("shared", PLACE.region)
    assert recorder.of("Cluster") == []


def test_gpus_that_are_made_are_not_asked_for_and_those_that_are_there_are() -> None:
    (made_here,) = of("existing, gpus of a group", "Requirements")
    assert "devices" not in made_here.inputs
    recorder, _ = made(config(target=WATCHED, **GPU))
    (asks,) = recorder.of("Requirements")
    assert asks.inputs["devices"][0]["resource"] == "nvidia.com/gpu"


def test_a_preview_of_a_cluster_that_is_not_there_yet_knows_no_kubeconfig_and_goes_through() -> None:
    recorder, _ = made(MODES["auto mode"], preview=True)
    assert len(recorder.of("Deployment")) == 1


def test_the_contract_says_that_it_is_in_eks() -> None:
    _, endpoint = registered("existing")
    contract = endpoint.contract
    assert (contract.target, contract.region) == ("eks", "eu-central-1")
    assert contract.url == "http://shop-dev-iris.modelberth.svc.cluster.local"
    assert contract.auth == "api_key"


def test_what_lasts_is_protected_where_the_spec_asks_for_it() -> None:
    recorder, _ = registered("everything")
    protected = {one.type.rpartition(":")[2] for one in recorder.resources if one.protect}
    assert {"Cluster", "LogGroup", "Key", "Service"} <= protected
    assert not any(one.protect for one in registered("auto mode")[0].resources)


def in_program(name: str, target: dict[str, Any]) -> EksRecorder:
    """A program that makes the cluster itself, and gives it to an endpoint."""
    recorder = EksRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=EksMonitor(recorder))

    def program() -> None:
        settings = NewCluster.model_validate(NEW)
        cluster = AwsCluster("ours", AwsClusterArgs(PLACE, name, settings)).cluster
        EksEndpoint("iris", EksEndpointArgs(*read(config(target)), cluster=cluster))

    run(recorder, program)
    return recorder


def test_a_program_makes_one_cluster_for_its_endpoints() -> None:
    recorder = in_program("ours", {"kind": "existing", "name": "ours"})
    assert len(recorder.of("Cluster")) == 1
    assert recorder.reads == []
    (role,) = recorder.of("PodIdentityAssociation")
    assert role.inputs["clusterName"] == "ours"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"kind": "existing", "name": "theirs"}, "target.cluster.name: given 'theirs', allowed: ours"),
        (NEW, "target.cluster.kind: given new, allowed: existing, with the name ours"),
    ],
)
def test_a_cluster_of_the_program_is_that_of_the_target(target: dict[str, Any], told: str) -> None:
    with pytest.raises(pulumi.RunError, match=told):
        in_program("ours", target)
