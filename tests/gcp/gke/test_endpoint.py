"""Whole endpoints in Google Kubernetes Engine, as they are registered."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.gcp.gke.checks import check
from modelberth.gcp.gke.cluster import GcpCluster, GcpClusterArgs
from modelberth.gcp.gke.endpoint import GkeEndpoint, GkeEndpointArgs
from modelberth.gcp.gke.placement import pods
from modelberth.gcp.plan import Plan
from modelberth.gcp.services import needed
from modelberth.kubernetes.endpoint import KubernetesEndpoint, KubernetesEndpointArgs
from modelberth.kubernetes.managed_cluster import in_cluster
from modelberth.spec import parse
from modelberth.spec.gke import NewGkeCluster
from support.gcp_blocks import PLACE
from support.gcp_gke import (
    DNS_NAME,
    GPU,
    MODES,
    NEW,
    WATCHED,
    GkeMonitor,
    GkeRecorder,
    config,
    made,
    of,
    read,
    registered,
)
from support.recording import recording, run

GOLDEN = Path(__file__).parent / "golden" / "inventory.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/gcp/gke/test_endpoint.py"
NEW_MODES = [which for which in MODES if not which.startswith("existing") and which != "canary"]


def inventory(which: str) -> dict[str, int]:
    recorder, _ = registered(which)
    kinds = Counter(one.type for one in recorder.resources) + Counter(
        f"{one.type} (read)" for one in recorder.reads
    )
    return dict(sorted((kind, number) for kind, number in kinds.items() if kind != "pulumi:pulumi:Stack"))


def test_the_inventory_of_every_mode() -> None:
    found = {which: inventory(which) for which in MODES}
    assert len(found) == 19
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(GOLDEN.read_text()), AGAIN


@pytest.mark.parametrize("which", MODES)
def test_every_mode_is_let_through_and_lies_in_its_project_and_region(which: str) -> None:
    assert check(*read(MODES[which])) == ()
    google = [one for one in registered(which)[0].resources if one.type.startswith("gcp:")]
    assert len(google) >= 13
    for one in google:
        location = one.inputs.get("location", PLACE.region)
        if one.type.endswith("RepositoryIamMember"):
            assert location in {"europe-west4", "us"}
            continue
        assert location.startswith(PLACE.region), one.name
        where = json.dumps(one.inputs)
        assert f'"{PLACE.project}"' in where or PLACE.project in where or "bucket" in one.inputs, one.name


@pytest.mark.parametrize("which", NEW_MODES)
def test_everything_that_takes_labels_has_them(which: str) -> None:
    found = [*of(which, "Cluster"), *of(which, "NodePool"), *of(which, "CryptoKey")]
    assert len(found) >= 2
    for one in found:
        config_ = one.inputs.get("nodeConfig", one.inputs)
        labels = one.inputs.get("labels") or one.inputs.get("resourceLabels") or config_["resourceLabels"]
        assert labels["modelberth-endpoint"] == "iris", one.name


@pytest.mark.parametrize(
    "which", ["existing, model from elsewhere", "autopilot, gpus", "standard, gpus in turns"]
)
def test_its_pods_are_those_of_the_target_kubernetes(which: str) -> None:
    spec, target = read(MODES[which])
    plan = Plan.of(spec, target, "shop", "dev")
    annotations = {
        name: value
        for one in of(which, "ServiceAccount")
        for name, value in one.inputs["metadata"].get("annotations", {}).items()
    }
    recorder = recording()
    args = KubernetesEndpointArgs(in_cluster(spec), pods(plan, annotations))
    run(recorder, lambda: KubernetesEndpoint("iris-gke-pods", args))

    def objects(found: Any) -> dict[str, Any]:
        below = [one for one in found.resources if one.parent.endswith("::iris-gke-pods")]
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
    server = json.loads(provider.inputs["kubeconfig"])["clusters"][0]["cluster"]["server"]
    assert server == f"https://{DNS_NAME}"


def before(recorder: GkeRecorder, name: str) -> set[str]:
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
def test_the_apis_come_first_then_grants_then_the_cluster_then_nodes_then_pods(which: str) -> None:
    recorder, _ = registered(which)
    apis = {one.name for one in recorder.resources if one.type == "gcp:projects/service:Service"}
    assert len(apis) == len(needed("gke")) >= 11
    google = [one for one in recorder.resources if one.type.startswith("gcp:") and one.name not in apis]
    for one in google:
        if not one.type.startswith("gcp:storage/"):
            assert apis <= before(recorder, one.name), one.name
    for cluster in recorder.of("Cluster"):
        grants = {
            one.name
            for one in google
            if one.parent.endswith(("::iris-gke-cluster", "::iris-gke-cluster-key"))
            and one.type.rpartition(":")[2] in {"IAMMember", "RepositoryIamMember", "CryptoKeyIAMMember"}
        }
        assert len(grants) >= 2
        assert grants <= before(recorder, cluster.name)
    (asks,) = recorder.of("Requirements")
    kinds = ("Cluster", "NodePool", "ComputeClass", "IAMMember", "BucketIAMMember")
    needed_first = {one.name for kind in kinds for one in recorder.of(kind)}
    assert needed_first <= before(recorder, asks.name)


@pytest.mark.parametrize("which", MODES)
def test_our_own_questions_go_to_the_same_cluster(which: str) -> None:
    recorder, _ = registered(which)
    (provider,) = recorder.of("kubernetes")
    asking = [*recorder.of("Requirements"), *recorder.of("ApiKey")]
    assert {one.inputs["kubeconfig"] for one in asking} == {provider.inputs["kubeconfig"]}


@pytest.mark.parametrize(
    ("which", "location"), [("existing", PLACE.region), ("existing, zonal", f"{PLACE.region}-a")]
)
def test_a_cluster_that_is_there_is_read_and_never_registered(which: str, location: str) -> None:
    recorder, _ = registered(which)
    (found,) = recorder.reads
    assert found.inputs["id"] == f"projects/shop-prod/locations/{location}/clusters/shared"
    assert (found.inputs["location"], found.inputs["project"]) == (location, PLACE.project)
    assert recorder.of("Cluster") == []


def test_gpus_that_are_made_are_not_asked_for_and_those_that_are_there_are() -> None:
    for which in ("existing, gpus of a pool", "existing, gpus of a class", "autopilot, gpus"):
        (made_here,) = of(which, "Requirements")
        assert "devices" not in made_here.inputs
    (asks,) = of("existing, gpus that are there", "Requirements")
    assert asks.inputs["devices"][0]["resource"] == "nvidia.com/gpu"


def test_nodes_pull_from_the_repositories_of_the_images_alone() -> None:
    def pulled(which: str) -> set[tuple[str, str, str]]:
        return {
            (one.inputs["project"], one.inputs["location"], one.inputs["repository"])
            for one in of(which, "RepositoryIamMember")
        }

    assert pulled("standard") == {("shop-prod", "europe-west4", "models")}
    # Our own server fetches the model, whatever engine serves it.
    both = {("shop-build", "us", "tools"), ("shop-prod", "europe-west4", "models")}
    assert pulled("standard, gpus") == both
    assert pulled("existing") == set()
    recorder, _ = made(
        config(
            NEW,
            {"registry": {"mirrors": {"docker.io": "europe-docker.pkg.dev/shop-prod/hub/library"}}},
        )
    )
    mirrors = {one.inputs["repository"] for one in recorder.of("RepositoryIamMember")}
    assert mirrors == {"models", "hub"}


def test_a_preview_of_a_cluster_that_is_not_there_yet_knows_no_kubeconfig_and_goes_through() -> None:
    recorder, _ = made(MODES["standard, gpus"], preview=True)
    assert len(recorder.of("Deployment")) == 1
    assert len(recorder.of("NodePool")) == 2


def test_the_contract_says_that_it_is_in_gke() -> None:
    _, endpoint = registered("existing")
    contract = endpoint.contract
    assert (contract.target, contract.region) == ("gke", "europe-west4")
    assert contract.url == "http://shop-dev-iris.modelberth.svc.cluster.local"
    assert contract.auth == "api_key"


def test_what_lasts_is_protected_where_the_spec_asks_for_it() -> None:
    recorder, _ = made(config(NEW, protect=True))
    protected = {one.type.rpartition(":")[2] for one in recorder.resources if one.protect}
    assert {"Cluster", "CryptoKey", "KeyRing", "Service"} <= protected
    assert not any(one.protect for one in registered("autopilot")[0].resources)


def test_names_follow_from_the_endpoint_and_fit() -> None:
    given = config(NEW, WATCHED | {"gpu_pool": {"kind": "compute_class"}}, **GPU)
    recorder, _ = made({**given, "name": "an-endpoint-with-a-long-name"})
    (cluster,) = recorder.of("Cluster")
    assert len(cluster.inputs["name"]) <= 40
    accounts = [one.inputs["accountId"] for one in recorder.of("Account")]
    assert len(set(accounts)) == 2
    assert all(len(one) <= 30 for one in accounts)


def in_program(name: str, target: dict[str, Any]) -> GkeRecorder:
    """A program that makes the cluster itself, and gives it to an endpoint."""
    recorder = GkeRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=GkeMonitor(recorder))

    def program() -> None:
        settings = parse(NewGkeCluster, NEW)
        cluster = GcpCluster("ours", GcpClusterArgs(PLACE, name, settings)).cluster
        GkeEndpoint("iris", GkeEndpointArgs(*read(config(target)), cluster=cluster))

    run(recorder, program)
    return recorder


def test_a_program_makes_one_cluster_for_its_endpoints() -> None:
    recorder = in_program("ours", {"kind": "existing", "name": "ours"})
    assert len(recorder.of("Cluster")) == 1
    assert recorder.reads == []


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
