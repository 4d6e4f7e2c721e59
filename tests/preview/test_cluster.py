import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from kubernetes.config import incluster_config
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from modelberth.kubernetes.api import connection
from modelberth.kubernetes.api.api_server import ApiServer
from modelberth.preview.standins import StandIns
from modelberth.preview.standins.backend import NotReadyError, Request
from modelberth.preview.standins.cluster import Cluster
from modelberth.preview.standins.values import Secret, plain, write
from modelberth.provider.resource import UNKNOWN, ResourceError
from support import kubernetes_api
from support.kubernetes_api import KubernetesApi

CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "team"},
    "data": {"a": "1"},
}
CONFIG_MAP_PATH = "/api/v1/namespaces/team/configmaps/c"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "team"},
    "stringData": {"key": Secret("canary-77")},
}
SECRET_PATH = "/api/v1/namespaces/team/secrets/s"
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "namespace": "team"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "d"}},
        "template": {"spec": {"containers": []}},
    },
}
DEPLOYMENT_PATH = "/apis/apps/v1/namespaces/team/deployments/d"
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "v", "namespace": "team"},
    "spec": {"selector": {"app": "d"}, "ports": [{"port": 80}]},
}
KSERVE = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "i"}}
ROLLED_OUT = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    api = KubernetesApi()
    server = kubernetes_api.serve(api)
    yield api
    server.shutdown()
    server.server_close()


@pytest.fixture
def cluster(api: KubernetesApi, tmp_path: Path) -> Cluster:
    return connect(api.kubeconfig(tmp_path))


def connect(kubeconfig: Path, context: str | None = None, patience: float = 0.1) -> Cluster:
    server = ApiServer(connection.connect(kubeconfig, context, timeout=5.0))
    return Cluster(server, timeout=30, poll=0.005, patience=patience)


def request(manifest: dict[str, Any], **more: Any) -> Request:
    module = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
    token = more.pop("type", f"kubernetes:{module}:{manifest['kind']}")
    return Request(f"urn:pulumi:dev::p::{token}::it", token, "it", **more)


def changed(manifest: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**manifest, "spec": {**manifest["spec"], **spec}}


def annotated(manifest: dict[str, Any], **annotations: str) -> dict[str, Any]:
    named = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": named}}


# Check


def test_check_asks_with_a_dry_run_that_takes_nothing_over(api: KubernetesApi, cluster: Cluster) -> None:
    checked = cluster.check(request(CONFIG_MAP), {}, CONFIG_MAP)
    assert plain(checked.inputs) == CONFIG_MAP
    assert not checked.failures
    (sent,) = api.sent("PATCH")
    assert (sent.path, sent.body) == (CONFIG_MAP_PATH, CONFIG_MAP)
    assert sent.query == {
        "dryRun": "All",
        "fieldManager": "pulumi-modelberth-standin",
        "fieldValidation": "Strict",
        "force": "true",
    }
    assert sent.headers["authorization"] == "Bearer a-token"
    assert not api.objects


def test_check_fills_in_the_name_and_the_namespace_of_the_context(cluster: Cluster) -> None:
    bare = {"apiVersion": "v1", "kind": "ConfigMap"}
    first = plain(cluster.check(request(bare, seed=b"1"), {}, bare).inputs)
    assert first["metadata"]["namespace"] == "team"
    assert first["metadata"]["name"].startswith("it-")
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert plain(cluster.check(request(bare, seed=b"1"), {}, bare).inputs) == first, "the seed makes the name"
    assert plain(cluster.check(request(bare, seed=b"2"), first, bare).inputs) == first, (
        "a name that was made stays"
    )
    other = plain(cluster.check(request(bare, seed=b"2"), {}, bare).inputs)
    assert other["metadata"]["name"] != first["metadata"]["name"]


def test_check_leaves_the_namespace_to_the_provider_and_the_kind(
    api: KubernetesApi, cluster: Cluster, tmp_path: Path
) -> None:
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    of_provider = cluster.check(request(bare, config={"namespace": "default"}), {}, bare)
    assert plain(of_provider.inputs)["metadata"]["namespace"] == "default"
    of_context = connect(api.kubeconfig(tmp_path), "bare").check(request(bare), {}, bare)
    assert plain(of_context.inputs)["metadata"]["namespace"] == "default"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    assert plain(cluster.check(request(space), {}, space).inputs) == space


def test_what_the_api_server_refuses_is_told_by_property(api: KubernetesApi, cluster: Cluster) -> None:
    api.answers["PATCH", DEPLOYMENT_PATH] = kubernetes_api.invalid(
        "Deployment is invalid",
        ("spec.replicas", "Invalid value: -1"),
        ("spec.selector", "field is immutable"),
    )
    failures = cluster.check(request(DEPLOYMENT), {}, DEPLOYMENT).failures
    assert [(one.property, one.reason) for one in failures] == [("spec.replicas", "Invalid value: -1")]
    api.answers["PATCH", DEPLOYMENT_PATH] = kubernetes_api.status(
        500,
        "",
        "failed to create typed patch object (team/d; apps/v1, Kind=Deployment): errors:\n"
        "  .spec.replica: field not declared in schema\n  .spec.paused: expected boolean, got &{x}",
    )
    failures = cluster.check(request(DEPLOYMENT), {}, DEPLOYMENT).failures
    assert [(one.property, one.reason) for one in failures] == [
        ("spec.replica", "field not declared in schema"),
        ("spec.paused", "expected boolean, got &{x}"),
    ]


def test_what_is_not_known_or_not_there_yet_is_not_judged(api: KubernetesApi, cluster: Cluster) -> None:
    unknown = {**CONFIG_MAP, "data": {"a": UNKNOWN}}
    elsewhere = {**CONFIG_MAP, "metadata": {"name": "c", "namespace": "to-come"}}
    to_come = {**KSERVE, "apiVersion": "example.com/v1"}
    for manifest in (unknown, elsewhere, to_come):
        assert not cluster.check(request(manifest), {}, manifest).failures
    assert [seen.path for seen in api.sent("PATCH")] == ["/api/v1/namespaces/to-come/configmaps/c"]
    api.answers["PATCH", CONFIG_MAP_PATH] = kubernetes_api.status(
        400, "BadRequest", 'admission webhook "w" does not support dry run'
    )
    with pytest.raises(ResourceError, match="does not support dry run"):
        cluster.create(request(CONFIG_MAP), CONFIG_MAP)
    assert not cluster.check(request(CONFIG_MAP), {}, CONFIG_MAP).failures


@pytest.mark.parametrize(
    ("token", "manifest", "failure"),
    [
        ("kubernetes:helm.sh/v3:Release", {"chart": "x"}, ("", "no object of the API server")),
        ("kubernetes:core/v1:ConfigMapPatch", CONFIG_MAP, ("kind", "patches of objects that others own")),
        ("kubernetes:core/v1:ConfigMapList", CONFIG_MAP, ("items", "declare each item as a resource")),
        (
            "kubernetes:core/v1:ConfigMap",
            annotated(CONFIG_MAP, timeoutSeconds="soon"),
            ('metadata.annotations["pulumi.com/timeoutSeconds"]', "given 'soon', allowed: a whole number"),
        ),
        (
            "kubernetes:core/v1:ConfigMap",
            annotated(CONFIG_MAP, deletionPropagationPolicy="never"),
            (
                'metadata.annotations["pulumi.com/deletionPropagationPolicy"]',
                "given 'never', allowed: background",
            ),
        ),
        (
            "kubernetes:core/v1:ConfigMap",
            annotated(CONFIG_MAP, waitFor="jsonpath={.a}"),
            ('metadata.annotations["pulumi.com/waitFor"]', "not supported by the stand-in"),
        ),
    ],
)
def test_what_the_stand_in_cannot_do_is_refused(
    api: KubernetesApi, cluster: Cluster, token: str, manifest: dict[str, Any], failure: tuple[str, str]
) -> None:
    (found,) = cluster.check(Request("urn", token, "it"), {}, manifest).failures
    assert found.property == failure[0]
    assert failure[1] in found.reason
    assert not api.requests


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        (
            {"renderYamlToDirectory": "manifests"},
            ["renderYamlToDirectory: the stand-in for a cluster applies"],
        ),
        ({"enableServerSideApply": "false"}, ["enableServerSideApply: given false, allowed: true"]),
        ({"enableServerSideApply": False}, ["enableServerSideApply: given false, allowed: true"]),
        ({"enableServerSideApply": "true", "context": "here", "namespace": "team"}, []),
        ({"enableServerSideApply": UNKNOWN}, []),
    ],
)
def test_a_provider_that_would_not_ask_the_api_server_is_refused(
    api: KubernetesApi, cluster: Cluster, config: dict[str, Any], refused: list[str]
) -> None:
    failures = cluster.config_failures(Request("urn", "pulumi:providers:kubernetes", "p"), config)
    assert [one.reason[: len(begin)] for one, begin in zip(failures, refused, strict=True)] == refused
    assert all("StandIns(packages=[...]) without kubernetes" in one.reason for one in failures)
    assert not api.requests


# Diff


def test_inputs_that_are_the_same_ask_nothing(api: KubernetesApi, cluster: Cluster) -> None:
    assert not cluster.diff(request(CONFIG_MAP), "team/c", CONFIG_MAP, CONFIG_MAP, CONFIG_MAP).changes
    assert not api.requests


def test_an_immutable_field_replaces_by_the_api_servers_word(api: KubernetesApi, cluster: Cluster) -> None:
    role = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "i", "namespace": "team"},
        "spec": {"engine": "a", "size": 1},
    }
    api.immutable["InferenceService"] = "engine"
    cluster.create(request(role), role)
    found = cluster.diff(request(role), "team/i", role, role, changed(role, engine="b", size=2))
    assert {(one.path, one.replaces) for one in found.changes} == {
        ("spec.engine", True),
        ("spec.size", False),
    }
    assert found.delete_first, "old and new have one name"
    in_place = cluster.diff(request(role), "team/i", role, role, changed(role, size=2))
    assert [(one.path, one.replaces) for one in in_place.changes] == [("spec.size", False)]
    assert not in_place.delete_first
    assert {seen.query.get("dryRun") for seen in api.sent("PATCH")[1:]} == {"All"}


def test_a_name_that_was_made_up_needs_no_deletion_first(cluster: Cluster) -> None:
    old = annotated(CONFIG_MAP, autonamed="true")
    found = cluster.diff(request(old), "team/c", old, old, {**old, "data": {"a": "2"}})
    assert [(one.path, one.replaces) for one in found.changes] == [("data.a", True)]
    assert not found.delete_first


def test_a_mutable_config_map_is_updated(cluster: Cluster) -> None:
    asked = request(CONFIG_MAP, config={"enableConfigMapMutable": "true"})
    found = cluster.diff(asked, "team/c", CONFIG_MAP, CONFIG_MAP, {**CONFIG_MAP, "data": {"a": "2"}})
    assert [(one.path, one.replaces) for one in found.changes] == [("data.a", False)]


def test_without_the_kind_the_table_tells_what_replaces(api: KubernetesApi, cluster: Cluster) -> None:
    del api.groups["/apis/apps/v1"]
    new = changed(DEPLOYMENT, selector={"matchLabels": {"app": "e"}}, replicas=3)
    found = cluster.diff(request(DEPLOYMENT), "team/d", DEPLOYMENT, DEPLOYMENT, new)
    assert {(one.path, one.replaces) for one in found.changes} == {
        ("spec.replicas", False),
        ("spec.selector.matchLabels.app", True),
    }


def test_a_namespace_that_was_filled_in_later_is_no_change(cluster: Cluster) -> None:
    old = {**CONFIG_MAP, "metadata": {"name": "c"}}
    assert not cluster.diff(request(CONFIG_MAP), "team/c", old, CONFIG_MAP, CONFIG_MAP).changes


# Preview


def test_a_preview_shows_defaults_and_leaves_open_what_the_server_allots(
    api: KubernetesApi, cluster: Cluster
) -> None:
    told = plain(cluster.create(request(SERVICE, preview=True), SERVICE).outputs)
    assert told["metadata"]["uid"] == told["status"] == told["spec"]["clusterIP"] == UNKNOWN
    assert told["spec"]["ports"] == [{"port": 80}]
    assert "managedFields" not in told["metadata"]
    given = changed(SERVICE, clusterIP="None")
    assert plain(cluster.create(request(given, preview=True), given).outputs)["spec"]["clusterIP"] == "None"
    assert not api.objects


def test_a_preview_of_what_cannot_be_asked_for_echoes_the_inputs(
    api: KubernetesApi, cluster: Cluster
) -> None:
    to_come = {**CONFIG_MAP, "metadata": {"name": "c", "namespace": "to-come"}}
    told = cluster.create(request(to_come, preview=True), to_come).outputs
    assert told["data"] == {"a": "1"}
    assert told["metadata"]["uid"] == UNKNOWN


def test_metadata_that_nothing_is_known_of_yet_is_no_obstacle(api: KubernetesApi, cluster: Cluster) -> None:
    unknown = {**CONFIG_MAP, "metadata": UNKNOWN}
    assert not cluster.check(request(unknown), {}, unknown).failures
    found = cluster.diff(request(unknown), "team/c", CONFIG_MAP, CONFIG_MAP, unknown)
    assert [one.path for one in found.changes] == ["metadata"]
    assert cluster.create(request(unknown, preview=True), unknown).outputs["metadata"] == UNKNOWN
    assert not api.requests


# Create, update


def test_create_applies_and_waits_until_the_rollout_is_done(api: KubernetesApi, cluster: Cluster) -> None:
    api.statuses[DEPLOYMENT_PATH] = [
        {},
        {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
        {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
        ROLLED_OUT,
    ]
    observed = cluster.create(request(DEPLOYMENT), DEPLOYMENT)
    assert observed.id == "team/d"
    assert observed.outputs["status"] == ROLLED_OUT
    assert "managedFields" not in observed.outputs["metadata"]
    assert len([seen for seen in api.sent("GET") if seen.path == DEPLOYMENT_PATH]) == 4
    (sent,) = api.sent("PATCH")
    assert "dryRun" not in sent.query
    assert sent.query["force"] == "false"


def test_an_annotation_forces_and_another_skips_the_wait(api: KubernetesApi, cluster: Cluster) -> None:
    manifest = annotated(DEPLOYMENT, patchForce="true", skipAwait="true")
    api.owners[DEPLOYMENT_PATH] = ("spec.replicas", "keda")
    cluster.create(request(manifest), manifest)
    assert [seen.path for seen in api.sent("GET")] == ["/apis/apps/v1"]


def test_a_conflict_names_who_owns_which_field(api: KubernetesApi, cluster: Cluster) -> None:
    api.owners[DEPLOYMENT_PATH] = ("spec.replicas", "keda")
    with pytest.raises(ResourceError) as told:
        cluster.update(request(DEPLOYMENT), "team/d", DEPLOYMENT, DEPLOYMENT, DEPLOYMENT)
    assert str(told.value) == (
        'Deployment team/d: spec.replicas belongs to "keda", which set it since. To take it over, give the '
        'resource the annotation pulumi.com/patchForce: "true"; to leave it to that manager, take it out of '
        "the program"
    )


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    ("owners", "sent"),
    [
        (["kube-controller-manager"], {"paused": True}),
        (["pulumi-modelberth-standin"], {"replicas": 5, "paused": True}),
        (["pulumi-modelberth-standin", "kube-controller-manager"], {"replicas": 5, "paused": True}),
        ([], {"replicas": 5, "paused": True}),
    ],
    ids=["of another", "ours", "shared", "of nobody"],
)
def test_what_is_ignored_stays_as_it_is_and_with_whom(
    api: KubernetesApi, cluster: Cluster, owners: list[str], sent: dict[str, Any], preview: bool
) -> None:
    """As pulumi-kubernetes' `TestHandleSSAIgnoreFields` has it."""
    fields = {"f:spec": {"f:replicas": {}}}
    managed = [
        {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:paused": {}}}},
        *({"manager": one, "fieldsV1": fields} for one in owners),
    ]
    live = changed(DEPLOYMENT, replicas=5)
    api.objects[DEPLOYMENT_PATH] = {
        **live,
        "metadata": {**live["metadata"], "generation": 1, "managedFields": managed},
    }
    api.statuses[DEPLOYMENT_PATH] = [{**ROLLED_OUT, "observedGeneration": 2}]
    new = changed(DEPLOYMENT, paused=True)
    asked = request(new, ignored=["spec.replicas"], preview=preview)
    cluster.update(asked, "team/d", DEPLOYMENT, DEPLOYMENT, new)
    (applied,) = api.sent("PATCH")
    kept = {key: applied.body["spec"][key] for key in ("replicas", "paused") if key in applied.body["spec"]}
    assert kept == sent
    assert applied.body["metadata"] == DEPLOYMENT["metadata"]


def test_what_is_ignored_of_an_object_without_it_comes_from_the_inputs(
    api: KubernetesApi, cluster: Cluster
) -> None:
    asked = request(CONFIG_MAP, ignored=["data.a", "data.b"])
    api.objects[CONFIG_MAP_PATH] = {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], "generation": 1}}
    del api.objects[CONFIG_MAP_PATH]["data"]
    cluster.update(asked, "team/c", CONFIG_MAP, CONFIG_MAP, CONFIG_MAP)
    (applied,) = api.sent("PATCH")
    assert applied.body["data"] == {"a": "1"}


def test_a_rollout_that_fails_tells_what_the_pods_died_of(api: KubernetesApi, cluster: Cluster) -> None:
    failed = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "too slow",
    }
    api.statuses[DEPLOYMENT_PATH] = [{"observedGeneration": 1, "conditions": [failed]}]
    pods = "/api/v1/namespaces/team/pods"
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    pod = {
        "metadata": {"name": "d-1", "namespace": "team"},
        "status": {"containerStatuses": [{"name": "server", "restartCount": 3, "state": waiting}]},
    }
    api.answers["GET", pods] = (200, {"items": [pod]})
    api.answers["GET", f"{pods}/d-1/log"] = (200, "starting\nmodel.onnx: no such file\n")
    with pytest.raises(NotReadyError) as told:
        cluster.create(request(DEPLOYMENT), DEPLOYMENT)
    assert told.value.reasons == (
        "Deployment team/d: the rollout made no progress: too slow",
        (
            "pod d-1, container server: CrashLoopBackOff: back-off 10s; "
            'its last log line: "model.onnx: no such file"'
        ),
    )
    assert told.value.observed.id == "team/d"
    assert told.value.observed.outputs["metadata"]["uid"] == "u-1"
    (asked,) = [seen.query for seen in api.requests if seen.path == pods]
    assert asked == {"labelSelector": "app=d"}


@pytest.mark.parametrize(
    ("manifest", "timeout", "told"),
    [(DEPLOYMENT, 0.02, "0.02 s"), (annotated(DEPLOYMENT, timeoutSeconds="900"), 0.03, "0.03 s")],
)
def test_a_wait_ends_at_its_limit(
    cluster: Cluster, manifest: dict[str, Any], timeout: float, told: str
) -> None:
    with pytest.raises(
        NotReadyError, match=f"given up after {told}: the controller has not seen the change yet"
    ):
        cluster.create(request(manifest, timeout=timeout), manifest)


def test_a_cancelled_wait_ends_and_keeps_what_was_made(api: KubernetesApi, cluster: Cluster) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(NotReadyError, match="Deployment team/d: cancelled: the controller has not seen"):
        cluster.create(request(DEPLOYMENT, cancelled=cancelled), DEPLOYMENT)
    assert DEPLOYMENT_PATH in api.objects


def test_a_kind_that_is_being_made_is_waited_for(api: KubernetesApi, tmp_path: Path) -> None:
    cluster = connect(api.kubeconfig(tmp_path), patience=30)
    manifest = {**KSERVE, "metadata": {"name": "i", "namespace": "team"}}
    installed = api.groups.pop("/apis/serving.kserve.io/v1beta1")
    soon = threading.Timer(0.03, lambda: api.groups.update({"/apis/serving.kserve.io/v1beta1": installed}))
    soon.start()
    assert cluster.create(request(manifest), manifest).id == "team/i"
    soon.join()


@pytest.mark.parametrize(
    ("api_version", "kind", "told"),
    [
        ("apps/v1", "Deploiment", "does not have this kind; apps/v1 has: Deployment"),
        ("apps/v1beta1", "Deployment", "no version v1beta1; apps is installed as: v1"),
        (
            "example.com/v1",
            "Widget",
            "no group example.com; installed beside Kubernetes' own: serving.kserve.io",
        ),
    ],
)
def test_a_kind_that_does_not_come_is_told_with_what_is_there(
    cluster: Cluster, api_version: str, kind: str, told: str
) -> None:
    manifest = {**CONFIG_MAP, "apiVersion": api_version, "kind": kind}
    with pytest.raises(ResourceError) as error:
        cluster.create(request(manifest), manifest)
    assert str(error.value).startswith(f"{kind} of {api_version}: cluster http://127.0.0.1:")
    assert told in str(error.value)


def test_secrets_are_in_no_message_and_marked_in_outputs(api: KubernetesApi, cluster: Cluster) -> None:
    observed = cluster.create(request(SECRET), SECRET)
    assert observed.outputs["data"] == Secret({"key": base64.b64encode(b"canary-77").decode()})
    assert "canary" not in repr(observed)
    api.answers["PATCH", SECRET_PATH] = kubernetes_api.invalid(
        "Secret: canary-77", ("data", "bad value canary-77")
    )
    (failure,) = cluster.check(request(SECRET), {}, SECRET).failures
    assert failure.reason == "bad value [secret]"
    with pytest.raises(ResourceError) as told:
        cluster.update(request(SECRET), "team/s", {}, {}, SECRET)
    assert str(told.value) == "Secret team/s: Secret: [secret]"


def test_what_a_secret_holds_is_secret_even_where_the_program_did_not_mark_it(cluster: Cluster) -> None:
    bare = {**SECRET, "stringData": {"key": "canary-77"}}
    assert cluster.check(request(bare), {}, bare).inputs["stringData"] == Secret({"key": "canary-77"})


# Read


def test_read_tells_what_someone_else_changed(api: KubernetesApi, cluster: Cluster) -> None:
    observed = cluster.create(request(CONFIG_MAP), CONFIG_MAP)
    asked = request(CONFIG_MAP)
    unchanged = cluster.read(asked, "team/c", CONFIG_MAP, observed.outputs)
    assert unchanged is not None
    assert unchanged.inputs == CONFIG_MAP
    api.objects[CONFIG_MAP_PATH]["data"] = {"a": "2", "of-others": "x"}
    drifted = cluster.read(asked, "team/c", CONFIG_MAP, observed.outputs)
    assert drifted is not None
    assert drifted.inputs == {**CONFIG_MAP, "data": {"a": "2"}}
    del api.objects[CONFIG_MAP_PATH]
    assert cluster.read(asked, "team/c", CONFIG_MAP, observed.outputs) is None


def test_what_the_server_writes_in_its_own_way_is_no_drift(api: KubernetesApi, cluster: Cluster) -> None:
    manifest = annotated(SERVICE, skipAwait="true")
    wanted = changed(manifest, ports=[{"port": 80, "targetPort": "1000m"}])
    applied = changed(manifest, ports=[{"port": 80, "targetPort": "1", "protocol": "TCP"}])
    api.objects["/api/v1/namespaces/team/services/v"] = applied
    observed = cluster.read(request(SERVICE), "team/v", wanted, applied)
    assert observed is not None
    assert observed.inputs == wanted


def test_read_tells_that_it_does_not_work_any_more(api: KubernetesApi, cluster: Cluster) -> None:
    api.statuses[DEPLOYMENT_PATH] = [ROLLED_OUT]
    observed = cluster.create(request(DEPLOYMENT), DEPLOYMENT)
    api.statuses[DEPLOYMENT_PATH] = [{**ROLLED_OUT, "availableReplicas": 1}]
    pods = "/api/v1/namespaces/team/pods"
    api.answers["GET", pods] = kubernetes_api.status(403, "Forbidden", "pods may not be listed")
    with pytest.raises(NotReadyError) as told:
        cluster.read(request(DEPLOYMENT), "team/d", DEPLOYMENT, observed.outputs)
    assert told.value.reasons == ("Deployment team/d: 1 of 2 replicas are available",)
    assert told.value.observed.inputs == DEPLOYMENT
    imported = cluster.read(request(DEPLOYMENT), "team/d", {}, {})
    assert imported is not None


def test_a_wait_outlives_an_outage(api: KubernetesApi, cluster: Cluster) -> None:
    service = "/apis/discovery.k8s.io/v1/namespaces/team/endpointslices"
    api.answers["GET", service] = kubernetes_api.status(503, "", "overloaded")
    ready = {"items": [{"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]}]}
    soon = threading.Timer(0.03, lambda: api.answers.update({("GET", service): (200, ready)}))
    soon.start()
    assert cluster.create(request(SERVICE), SERVICE).id == "team/v"
    soon.join()


def test_a_secret_that_was_changed_is_read_back_as_text(api: KubernetesApi, cluster: Cluster) -> None:
    observed = cluster.create(request(SECRET), SECRET)
    api.objects[SECRET_PATH]["data"]["key"] = base64.b64encode(b"canary-88").decode()
    found = cluster.read(request(SECRET), "team/s", SECRET, observed.outputs)
    assert found is not None
    assert found.inputs["stringData"] == Secret({"key": "canary-88"})


def test_an_import_finds_the_inputs(cluster: Cluster) -> None:
    cluster.create(request(CONFIG_MAP), CONFIG_MAP)
    found = cluster.read(request(CONFIG_MAP), "team/c", {}, {})
    assert found is not None
    assert found.inputs == CONFIG_MAP
    gone = {**KSERVE, "apiVersion": "example.com/v1"}
    assert cluster.read(request(gone), "team/i", {}, {}) is None


# Delete


def test_delete_takes_what_is_owned_first_and_waits(api: KubernetesApi, cluster: Cluster) -> None:
    cluster.create(request(CONFIG_MAP), CONFIG_MAP)
    api.lingers = 2
    cluster.delete(request(CONFIG_MAP), "team/c", CONFIG_MAP)
    assert not api.objects
    (sent,) = api.sent("DELETE")
    assert sent.query == {"propagationPolicy": "Foreground"}
    cluster.delete(request(CONFIG_MAP), "team/c", CONFIG_MAP)


def test_an_annotation_chooses_the_propagation(api: KubernetesApi, cluster: Cluster) -> None:
    orphaning = annotated(CONFIG_MAP, deletionPropagationPolicy="orphan")
    cluster.delete(request(orphaning), "team/c", orphaning)
    assert [seen.query["propagationPolicy"] for seen in api.sent("DELETE")] == ["Orphan"]


def test_what_does_not_go_tells_what_keeps_it(api: KubernetesApi, cluster: Cluster) -> None:
    kept = {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], "finalizers": ["example.com/wait"]}}  # type: ignore[dict-item]
    cluster.create(request(kept), kept)
    api.lingers = 10_000
    with pytest.raises(ResourceError) as told:
        cluster.delete(request(kept, timeout=0.02), "team/c", kept)
    assert str(told.value) == (
        "ConfigMap team/c: given up after 0.02 s, it is still there: finalizer example.com/wait is not done"
    )


# Behind the stand-ins


def test_the_engine_learns_of_what_is_there_but_not_ready(api: KubernetesApi, cluster: Cluster) -> None:
    failed = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "too slow"}
    api.statuses[DEPLOYMENT_PATH] = [{"observedGeneration": 1, "conditions": [failed]}]
    urn = "urn:pulumi:dev::p::kubernetes:apps/v1:Deployment::it"
    with (
        StandIns(["kubernetes"], kubernetes=cluster) as standins,
        grpc.insecure_channel(f"127.0.0.1:{standins.port}") as channel,
    ):
        provider = provider_pb2_grpc.ResourceProviderStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            provider.Create(provider_pb2.CreateRequest(urn=urn, properties=write(DEPLOYMENT)))
    status = status_pb2.Status.FromString(dict(refused.value.trailing_metadata())["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == "team/d"
    assert list(detail.reasons) == ["Deployment team/d: the rollout made no progress: too slow"]
    assert api.objects[DEPLOYMENT_PATH]["spec"] == DEPLOYMENT["spec"]


# The way to the cluster


def test_an_api_server_that_does_not_answer_is_one_clear_message(tmp_path: Path) -> None:
    api = KubernetesApi()
    server = kubernetes_api.serve(api)
    server.shutdown()
    server.server_close()
    cluster = connect(api.kubeconfig(tmp_path))
    with pytest.raises(ResourceError) as told:
        cluster.check(request(CONFIG_MAP), {}, CONFIG_MAP)
    assert str(told.value).startswith(f"cluster http://127.0.0.1:{api.port} (context here of ")
    assert "Is the cluster running, and is this the right context?" in str(told.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (401, "the credentials were refused (no). Log in again, or choose another context"),
        (403, "forbidden: no"),
    ],
)
def test_credentials_that_do_not_do_are_one_clear_message(
    api: KubernetesApi, cluster: Cluster, code: int, told: str
) -> None:
    api.answers["PATCH", CONFIG_MAP_PATH] = kubernetes_api.status(code, "", "no")
    with pytest.raises(ResourceError) as error:
        cluster.check(request(CONFIG_MAP), {}, CONFIG_MAP)
    assert str(error.value).startswith("ConfigMap team/c: cluster http://127.0.0.1:")
    assert str(error.value).endswith(told)


def test_a_context_that_is_not_there_is_told_with_those_that_are(api: KubernetesApi, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="context prod: unknown; it has: bare, here"):
        Cluster.from_kubeconfig(api.kubeconfig(tmp_path), "prod")


@pytest.mark.parametrize("content", [None, "", "clusters: [}", "kind: Config"])
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ResourceError) as told:
        Cluster.from_kubeconfig(path)
    assert str(told.value).startswith(f"kubeconfig {path}: cannot be used: ")


def test_the_kubeconfig_of_the_environment_is_the_default(
    api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path)))
    assert not Cluster.from_kubeconfig().check(request(CONFIG_MAP), {}, CONFIG_MAP).failures
    assert api.sent("PATCH")


def test_an_exec_plugin_gives_the_token(api: KubernetesApi, tmp_path: Path) -> None:
    version = "client.authentication.k8s.io/v1"
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": "of-plugin"}}
    plugin = {
        "apiVersion": version,
        "command": "echo",
        "args": [json.dumps(answer)],
        "interactiveMode": "Never",
    }
    connect(api.kubeconfig(tmp_path, exec=plugin)).check(request(CONFIG_MAP), {}, CONFIG_MAP)
    assert api.sent("PATCH")[0].headers["authorization"] == "Bearer of-plugin"


def test_in_a_pod_its_service_account_is_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = tmp_path / "account"
    account.mkdir()
    for name, text in (("token", "a-token"), ("ca.crt", "a certificate"), ("namespace", "team\n")):
        (account / name).write_text(text)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    found = connection.connect(None, None, timeout=5.0)
    assert found.where == "cluster https://10.96.0.1:443 (the service account of this pod)"
    assert found.namespace == "team"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ResourceError, match=r"kubeconfig .*none: cannot be used"):
        connection.connect(None, None, timeout=5.0)


def test_without_the_client_it_says_how_to_get_it(
    api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kubernetes.client", None)
    with pytest.raises(ResourceError, match=r"not installed.*pip install 'modelberth\[kubernetes\]'"):
        Cluster.from_kubeconfig(api.kubeconfig(tmp_path))
