"""Deployments, Services and what is around them."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from modelberth.kubernetes.plan import Manifest, Plan
from modelberth.kubernetes.pods.pod import config_maps
from modelberth.kubernetes.pods.services import revision_services, services
from modelberth.kubernetes.pods.workload import (
    deployments,
    disruption_budgets,
    namespaces,
    problems,
    progress_deadline_seconds,
    service_accounts,
)
from modelberth.kubernetes.stages import stages
from support.endpoint_plans import PREVIOUS, REMOTE, canary, plan
from support.route_modes import DOMAIN, GATEWAY
from support.workload_modes import GPU, modes, of_engine


def of(made: Plan) -> dict[str, Manifest]:
    return deployments(made, dict.fromkeys(made.revisions, ()))


def only(manifests: Mapping[str, Manifest]) -> Manifest:
    (manifest,) = manifests.values()
    return manifest


def everything(made: Plan) -> dict[str, Manifest]:
    rooms = (namespaces, service_accounts, config_maps, of, services, disruption_budgets)
    found = [room(made) for room in rooms]
    joined = {role: manifest for manifests in found for role, manifest in manifests.items()}
    assert len(joined) == sum(len(manifests) for manifests in found)
    return joined


@pytest.mark.parametrize("mode", list(modes()))
def test_no_two_objects_share_a_name_and_all_belong_to_the_endpoint(mode: str) -> None:
    made, _ = modes()[mode]
    objects = everything(made)
    named = [(one["kind"], one["metadata"]["name"]) for one in objects.values()]
    assert len(set(named)) == len(named) >= 4
    for one in objects.values():
        assert one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "modelberth"
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == made.namespace


def test_roles_stay_when_a_second_revision_comes_and_goes() -> None:
    """What is one object to the cluster has to be one resource to the engine."""

    def named(rollout: dict[str, Any], model: dict[str, str]) -> dict[tuple[str, str], str]:
        objects = everything(plan(rollout=rollout, model=model))
        return {(one["kind"], one["metadata"]["name"]): role for role, one in objects.items()}

    before = named({"strategy": "canary"}, PREVIOUS)
    during = named(canary(1), REMOTE)
    after = named({"strategy": "canary"}, REMOTE)
    for one, other in ((before, during), (during, after)):
        both = one.keys() & other.keys()
        assert len(both) == 4
        assert {key: one[key] for key in both} == {key: other[key] for key in both}


# Deployments


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [({}, 1), ({"min": 3, "max": 3}, 3), ({"min": 2, "max": 3}, 2), ({"min": 0, "max": 1}, 1)],
)
def test_it_begins_with_the_least_replicas_and_one_that_proves_it(
    scaling: dict[str, int], expected: int
) -> None:
    assert only(of(plan(scaling=scaling)))["spec"]["replicas"] == expected


@pytest.mark.parametrize(("most", "forced"), [(2, "true"), (3, None)])
def test_a_fixed_number_is_taken_back_from_whoever_had_set_it(most: int, forced: str | None) -> None:
    metadata = only(of(plan(scaling={"min": 2, "max": most})))["metadata"]
    assert metadata.get("annotations", {}).get("pulumi.com/patchForce") == forced


@pytest.mark.parametrize("mode", list(modes()))
def test_each_revision_has_a_deployment_that_selects_its_own_pods(mode: str) -> None:
    made, _ = modes()[mode]
    found = of(made)
    assert len(found) == len(made.revisions)
    selectors = [manifest["spec"]["selector"]["matchLabels"] for manifest in found.values()]
    assert len({tuple(selector.items()) for selector in selectors}) == len(selectors)
    for manifest, selector in zip(found.values(), selectors, strict=True):
        assert selector.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()


SURGE = {"maxSurge": 1, "maxUnavailable": 0}
NONE_TO_SPARE = {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize(
    ("rollout", "without", "with_gpus"),
    [
        ({"strategy": "rolling"}, SURGE, NONE_TO_SPARE),
        ({"strategy": "rolling", "max_surge": 1}, SURGE, SURGE),
        ({"strategy": "rolling", "max_unavailable": 0}, SURGE, SURGE),
        (
            {"strategy": "rolling", "max_unavailable": 2},
            {"maxSurge": 1, "maxUnavailable": 2},
            {"maxSurge": 0, "maxUnavailable": 2},
        ),
        (
            {"strategy": "rolling", "max_surge": "50%", "max_unavailable": "25%"},
            {"maxSurge": "50%", "maxUnavailable": "25%"},
            {"maxSurge": "50%", "maxUnavailable": "25%"},
        ),
        ({"strategy": "rolling", "max_surge": 0, "max_unavailable": 1}, NONE_TO_SPARE, NONE_TO_SPARE),
        ({"strategy": "canary"}, SURGE, NONE_TO_SPARE),
        (None, SURGE, NONE_TO_SPARE),
    ],
)
def test_a_rollout_waits_for_no_gpu_that_is_not_there(
    rollout: dict[str, Any] | None, without: dict[str, Any], with_gpus: dict[str, Any]
) -> None:
    spec = {} if rollout is None else {"rollout": rollout}
    for made, expected in ((plan(**spec), without), (of_engine("triton", resources=GPU, **spec), with_gpus)):
        strategy = only(of(made))["spec"]["strategy"]
        assert strategy == {"type": "RollingUpdate", "rollingUpdate": expected}
        assert any(value not in (0, "0%") for value in strategy["rollingUpdate"].values())


def test_recreate_stops_the_old_pods_first() -> None:
    assert only(of(modes()["recreate"][0]))["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("start", "placement", "seconds"),
    [("1s", None, 301), ("5m", None, 600), ("1h", None, 3900), ("1500ms", "20s", 22), ("5m", "1h", 3900)],
)
def test_a_rollout_fails_when_a_replica_had_its_time(start: str, placement: str | None, seconds: int) -> None:
    target = {} if placement is None else {"placement_timeout": placement}
    made = plan(target, limits={"startup_timeout": start})
    assert only(of(made))["spec"]["progressDeadlineSeconds"] == seconds
    assert progress_deadline_seconds(made) == seconds


# Services


def leads_to(manifest: Manifest, made: Plan) -> str:
    """Version of the model that a Service's pods serve."""
    (revision,) = [one for one in made.revisions if made.selector(one) == manifest["spec"]["selector"]]
    return revision.model.version


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"shop-onprem-iris": "3"}),
        ({"rollout": canary(1)}, {"shop-onprem-iris": "2", "new": "3", "old": "2"}),
        ({"rollout": canary(3)}, {"shop-onprem-iris": "3", "new": "3", "old": "2"}),
        (
            {"variants": {"small": {"model": PREVIOUS, "weight": 60}}},
            {"shop-onprem-iris": "3", "shop-onprem-iris--small": "2"},
        ),
    ],
)
def test_each_revision_can_be_reached_where_there_are_several(
    spec: dict[str, Any], expected: dict[str, str]
) -> None:
    made = plan(**spec)
    every = {**services(made), **revision_services(made)}.values()
    found = {manifest["metadata"]["name"]: leads_to(manifest, made) for manifest in every}
    if "rollout" in spec:
        new, old = (made.revision_name(one) for one in made.revisions)
        expected = {{"new": new, "old": old}.get(name, name): version for name, version in expected.items()}
    assert found == expected
    assert {made.revision_name(one) for one in made.revisions} <= found.keys() or not made.is_split


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, ("http", 80, "http")),
        ({"route": {"kind": "service", "tls": True}}, ("https", 443, "https")),
        ({"route": {"kind": "gateway", "gateway": "edge"}}, ("http", 80, "http")),
    ],
)
def test_callers_find_the_usual_port(target: dict[str, Any], expected: tuple[str, int, str]) -> None:
    (port,) = only(services(plan(target)))["spec"]["ports"]
    assert (port["name"], port["port"], port["appProtocol"]) == expected
    assert port["targetPort"] == "http"


@pytest.mark.parametrize(("engine", "port"), [("triton", 8001), ("tensorflow-serving", 8500), ("vllm", None)])
def test_grpc_has_a_port_where_the_server_speaks_it(engine: str, port: int | None) -> None:
    found = {one["name"]: one for one in only(services(of_engine(engine)))["spec"]["ports"]}
    assert found.get("grpc", {}).get("port") == port
    if port is not None:
        assert found["grpc"]["appProtocol"] == "kubernetes.io/h2c"
    assert "metrics" not in found


@pytest.mark.parametrize(("least", "waits"), [(0, False), (1, True)])
def test_nobody_waits_for_the_address_of_no_replica(least: int, waits: bool) -> None:
    metadata = only(services(plan(scaling={"min": least, "max": 2})))["metadata"]
    assert ("pulumi.com/skipAwait" not in metadata.get("annotations", {})) is waits


def test_the_address_of_a_revision_is_there_before_its_pods_and_until_after_them() -> None:
    """Else what a Gateway still sends, which has not heard of the changed route yet, would find nobody."""
    made = stages(plan({"route": GATEWAY}, rollout=canary(), security=DOMAIN))
    addresses = {role for role, one in made.around.items() if one["kind"] == "Service"}
    assert len(addresses) == len(made.pods) == 2
    for role in addresses:
        assert made.around[role]["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert [role for role, one in made.reach.items() if one["kind"] == "Service"] == ["service"]


# Account, budget, namespace


def test_the_account_has_no_token_and_the_identity_that_the_target_gives() -> None:
    annotations = {"iam.gke.io/gcp-service-account": "iris@p.iam.gserviceaccount.com", "a": "1"}
    account = only(service_accounts(plan({"service_account_annotations": annotations})))
    assert account["automountServiceAccountToken"] is False
    assert list(account["metadata"]["annotations"]) == sorted(annotations)
    assert "annotations" not in only(service_accounts(plan()))["metadata"]
    assert service_accounts(plan(security={"identity": "reader"})) == {}


@pytest.mark.parametrize("mode", list(modes()))
def test_a_node_can_always_be_emptied(mode: str) -> None:
    made, _ = modes()[mode]
    found = disruption_budgets(made)
    assert len(found) == len(made.revisions)
    for revision, budget in zip(made.revisions, found.values(), strict=True):
        assert budget["spec"] == {
            "maxUnavailable": 1,
            "selector": {"matchLabels": made.selector(revision)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }


def test_a_namespace_is_made_where_it_is_asked_for() -> None:
    assert namespaces(plan()) == {}
    made = only(namespaces(plan({"create_namespace": True, "namespace": "shop"})))
    assert made["metadata"]["name"] == "shop"
    assert "namespace" not in made["metadata"]
    labels = {key: value for key, value in made["metadata"]["labels"].items() if "pod-security" in key}
    assert len(labels) == 6
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert re.fullmatch(r"v1\.\d+|latest", labels[f"pod-security.kubernetes.io/{mode}-version"])


# Refusals


def refused(made: Plan) -> list[str]:
    return [problem.path for problem in problems(made.spec, made.target)]


@pytest.mark.parametrize("mode", list(modes()))
def test_what_holds_together_is_not_refused(mode: str) -> None:
    assert refused(modes()[mode][0]) == []


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (plan(security={"identity": "arn:aws:iam::1:role/reader"}), "security.identity"),
        (
            plan({"service_account_annotations": {"a": "1"}}, security={"identity": "reader"}),
            "target.service_account_annotations",
        ),
        (plan({"create_namespace": True, "namespace": "default"}), "target.namespace"),
        (plan({"create_namespace": True, "namespace": "kube-system"}), "target.namespace"),
        (of_engine("vllm", resources={**GPU, "memory": "2Gi"}), "resources.memory"),
    ],
)
def test_what_the_cluster_would_refuse_is_refused_before(made: Plan, path: str) -> None:
    assert refused(made) == [path]


def test_what_is_there_already_may_have_any_name() -> None:
    assert refused(plan({"namespace": "default"}, security={"identity": "reader"})) == []
