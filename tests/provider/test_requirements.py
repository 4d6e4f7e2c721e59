"""What a cluster can lack: each case is told in words, and a cluster that has it all is told nothing."""

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelberth.provider.kubernetes.requirements import Requirements
from modelberth.provider.resource import UNKNOWN, Settings
from support.kubernetes_api import KubernetesApi, Seen, status

Inputs = dict[str, Any]

GATEWAY_API = "/apis/gateway.networking.k8s.io/v1"
ROUTES = f"{GATEWAY_API}/httproutes"
NAMESPACE = "/api/v1/namespaces/team"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
GROUPS: dict[str, dict[str, tuple[str, bool]]] = {
    "/api/v1": {
        "ConfigMap": ("configmaps", True),
        "LimitRange": ("limitranges", True),
        "Namespace": ("namespaces", False),
        "Node": ("nodes", False),
        "PersistentVolume": ("persistentvolumes", False),
        "PersistentVolumeClaim": ("persistentvolumeclaims", True),
        "Pod": ("pods", True),
        "ResourceQuota": ("resourcequotas", True),
        "Secret": ("secrets", True),
        "Service": ("services", True),
        "ServiceAccount": ("serviceaccounts", True),
    },
    "/apis/apps/v1": {"Deployment": ("deployments", True)},
    "/apis/networking.k8s.io/v1": {"Ingress": ("ingresses", True), "IngressClass": ("ingressclasses", False)},
    "/apis/storage.k8s.io/v1": {"StorageClass": ("storageclasses", False)},
    "/apis/scheduling.k8s.io/v1": {"PriorityClass": ("priorityclasses", False)},
    "/apis/node.k8s.io/v1": {"RuntimeClass": ("runtimeclasses", False)},
    GATEWAY_API: {"Gateway": ("gateways", True), "HTTPRoute": ("httproutes", True)},
    "/apis/monitoring.coreos.com/v1alpha1": {"AlertmanagerConfig": ("alertmanagerconfigs", True)},
}


class Cluster:
    """The fake with objects put into it, and what the resource says about it."""

    def __init__(self, api: KubernetesApi, folder: Path) -> None:
        self.api, self.folder = api, folder
        api.groups = {path: dict(kinds) for path, kinds in GROUPS.items()}
        api.namespaces |= {"infra", "kube-system", "lab", "other", "web"}
        self.kubeconfig = api.kubeconfig(folder)
        self.may: Callable[[dict[str, str]], bool] = lambda _: True
        api.answers["POST", REVIEWS] = self._review
        api.answers["POST", SELF] = (201, {"status": {"userInfo": {"username": "ada"}}})
        self.put("/api/v1/namespaces/team", labels={"purpose": "models"})
        self.put(
            "/api/v1/nodes/node1",
            spec={},
            labels={"pool": "cpu"},
            status={"allocatable": {"cpu": "8", "memory": "16Gi"}},
        )

    def put(self, path: str, **fields: Any) -> None:
        metadata = {"name": path.rpartition("/")[2]}
        if path.count("/namespaces/") and not path.endswith(f"/namespaces/{metadata['name']}"):
            metadata["namespace"] = path.partition("/namespaces/")[2].partition("/")[0]
        metadata |= {name: fields.pop(name) for name in ("labels", "annotations") if name in fields}
        metadata |= fields.pop("metadata", {})
        self.api.objects[path] = {"metadata": metadata, **fields}

    def forbid(self, path: str, method: str = "GET") -> None:
        self.api.answers[method, path] = status(403, "Forbidden", f"{path} is forbidden for ada")

    def inputs(self, **changes: Any) -> Inputs:
        return {
            "kubeconfig": str(self.kubeconfig),
            "namespace": "team",
            "instance": "shop-dev-iris",
            "configPath": "endpoints[0]",
            **changes,
        }

    def told(self, **changes: Any) -> list[str]:
        """What is refused, each with the input that it is about."""
        resource = Requirements(Settings(root=self.folder, state_dir=self.folder))
        inputs = self.inputs(**changes)
        checked = resource.check(inputs, {})
        assert checked.inputs == inputs
        changing = {seen.method for seen in self.api.requests} - {"GET"}
        assert {seen.path for seen in self.api.requests if seen.method in changing} <= {REVIEWS, SELF}
        return [f"{failure.property}: {failure.reason}" for failure in checked.failures]

    def only(self, **changes: Any) -> str:
        (told,) = self.told(**changes)
        return told

    def _review(self, seen: Seen) -> tuple[int, Any]:
        return 201, {"status": {"allowed": self.may(seen.body["spec"]["resourceAttributes"])}}


@pytest.fixture
def cluster(api: KubernetesApi, tmp_path: Path) -> Cluster:
    return Cluster(api, tmp_path)


HTTP_ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "path": "target.route.kind",
    "given": "gateway",
    "project": "the Gateway API",
    "install": "https://gateway-api.sigs.k8s.io/guides/",
}
MONITOR = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PodMonitor",
    "path": "target.prometheus.operator",
    "given": "true",
    "project": "the Prometheus operator",
    "install": "https://prometheus-operator.dev/",
}
STORAGE = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "path": "target.delivery.storage_class"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "path": "security.auth.secret", "name": "callers"}
GPUS = {"resource": "nvidia.com/gpu", "perPod": 2, "pods": 2, "path": "resources.gpu.count", "given": "2"}
GATEWAY = {"name": "edge", "namespace": "infra", "host": "iris.example.com", "path": "target.route"}
HOST = {
    "host": "iris.example.com",
    "route": "shop-dev-iris",
    "path": "security.tls.domain",
    "paths": ["/predict", "/v2"],
    "gateway": {"namespace": "infra", "name": "edge"},
}
BY_INGRESS = {**HOST, "ingressClass": "nginx"}
del BY_INGRESS["gateway"]
CPU = {"resource": "requests.cpu", "amount": "2", "path": "resources.cpu", "given": "1"}


def test_a_cluster_that_has_it_all_is_told_nothing(cluster: Cluster) -> None:
    cluster.put("/apis/storage.k8s.io/v1/storageclasses/fast", annotations={DEFAULT_CLASS: "true"})
    cluster.put("/api/v1/namespaces/team/secrets/callers", data={"keys": "eA==", "more": "eA=="})
    cluster.put("/api/v1/nodes/gpu1", spec={}, status={"allocatable": {"nvidia.com/gpu": "4"}})
    listener(cluster, allowedRoutes={"namespaces": {"from": "All"}})
    quota(cluster, hard={"cpu": "4"}, used={"cpu": "1"})
    assert (
        cluster.told(
            kinds=[HTTP_ROUTE],
            objects=[{**STORAGE, "name": "fast"}, STORAGE, {**SECRET, "entries": ["keys"]}],
            releases=[{"minimum": "1.36", "path": "target.delivery.kind"}],
            gateways=[GATEWAY],
            hosts=[HOST],
            devices=[GPUS],
            quota=[CPU],
            pods=[POD],
            claims=[CLAIM],
            made=MADE,
            permissions=[{"apiVersion": "apps/v1", "kind": "Deployment", "verbs": ["create"]}],
        )
        == []
    )
    asked = {seen.path for seen in cluster.api.requests}
    assert len(asked) > 15


# The cluster itself


def test_no_cluster_answers(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    path = cluster.kubeconfig
    path.write_text(path.read_text().replace(str(cluster.api.port), str(port)))
    told = cluster.only(kinds=[HTTP_ROUTE], quota=[CPU])
    start = (
        "context: endpoints[0].target.context: given nothing, allowed: the context of a cluster that answers"
    )
    assert told.startswith(f"{start}. cluster http://127.0.0.1:{port} (context here of {path}): no answer: ")
    assert "refused" in told
    assert "Is the cluster running" in told


def test_the_context_is_unknown(cluster: Cluster) -> None:
    told = cluster.only(context="production")
    assert "endpoints[0].target.context: given 'production', allowed: a context of the kubeconfig" in told
    assert "context production: unknown; it has: bare, here" in told


def test_there_is_no_kubeconfig(cluster: Cluster) -> None:
    told = cluster.only(kubeconfig="nowhere/config")
    assert f"kubeconfig {cluster.folder}/nowhere/config: cannot be used" in told


def test_the_credentials_are_refused(cluster: Cluster) -> None:
    cluster.api.answers["GET", "/version"] = status(401, "Unauthorized", "Unauthorized")
    told = cluster.only()
    assert "target.context: given nothing, allowed: the context of a cluster that lets you in" in told
    assert "Log in again, or choose another context" in told


def test_the_cluster_stops_answering_in_the_middle(cluster: Cluster) -> None:
    cluster.api.answers["GET", "/api/v1/nodes"] = status(503, "ServiceUnavailable", "etcd is gone")
    assert "etcd is gone" in cluster.only(devices=[GPUS])


# Its namespace


def test_the_namespace_is_missing(cluster: Cluster) -> None:
    told = cluster.only(
        namespace="lab", objects=[SECRET], quota=[CPU], gateways=[{**GATEWAY, "namespace": "lab"}]
    )
    assert told.startswith(
        "namespace: endpoints[0].target.namespace: given 'lab', allowed: an existing namespace"
    )
    assert "kubectl create namespace lab" in told
    assert "target.create_namespace: true" in told


def test_a_namespace_that_is_to_come_is_not_missed(cluster: Cluster) -> None:
    assert cluster.told(namespace="lab", namespaceExpected=False, makesNamespace=True, objects=[SECRET]) == []


def test_the_namespace_goes(cluster: Cluster) -> None:
    cluster.api.lingers = 99
    told = {"type": "NamespaceContentRemaining", "status": "True", "message": "Some claims remain"}
    cluster.put(
        NAMESPACE,
        metadata={"deletionTimestamp": "2026-11-21T00:00:00Z"},
        status={"phase": "Terminating", "conditions": [told, {**told, "status": "False", "message": "no"}]},
    )
    said = cluster.only()
    assert "target.namespace: given 'team', allowed: a namespace that is not being deleted" in said
    assert "It is since 2026-11-21T00:00:00Z, and waits: Some claims remain. Wait until" in said


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        ({}, 1),
        ({"app.kubernetes.io/managed-by": "modelberth"}, 1),
        ({"app.kubernetes.io/managed-by": "modelberth", "app.kubernetes.io/instance": "other"}, 1),
        ({"app.kubernetes.io/managed-by": "helm", "app.kubernetes.io/instance": "shop-dev-iris"}, 1),
        ({"app.kubernetes.io/managed-by": "modelberth", "app.kubernetes.io/instance": "shop-dev-iris"}, 0),
    ],
)
def test_a_namespace_of_others_is_never_taken_over(
    cluster: Cluster, labels: dict[str, str], count: int
) -> None:
    cluster.put(NAMESPACE, labels=labels)
    told = cluster.told(namespaceExpected=False, makesNamespace=True)
    assert len(told) == count
    for one in told:
        assert "endpoints[0].target.create_namespace: given true, allowed: false for namespace team" in one
        assert "destroying the stack would delete it" in one


def test_who_may_not_look_at_the_namespace_is_believed(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.forbid(NAMESPACE)
    assert "kubectl create secret" in cluster.only(objects=[SECRET])


# Kinds and versions


def test_a_definition_is_missing(cluster: Cluster) -> None:
    del cluster.api.groups[GATEWAY_API]
    told = cluster.only(kinds=[HTTP_ROUTE], gateways=[GATEWAY], hosts=[HOST])
    assert told.startswith(
        "kinds: endpoints[0].target.route.kind: given 'gateway', allowed: that only where "
    )
    assert "the cluster has HTTPRoute of gateway.networking.k8s.io/v1. In cluster http://" in told
    assert told.endswith(
        "there is no gateway.networking.k8s.io: install the Gateway API first. "
        "See https://gateway-api.sigs.k8s.io/guides/"
    )


def test_a_definition_is_of_another_version(cluster: Cluster) -> None:
    told = cluster.only(kinds=[MONITOR])
    assert "target.prometheus.operator: given 'true', allowed: that only where the cluster has PodMon" in told
    assert "monitoring.coreos.com is there as v1alpha1 alone: install the Prometheus operator first" in told


def test_a_version_is_there_without_the_kind(cluster: Cluster) -> None:
    told = cluster.only(kinds=[{**MONITOR, "apiVersion": "monitoring.coreos.com/v1alpha1"}])
    assert "monitoring.coreos.com/v1alpha1 is there without it" in told
    bare = {name: MONITOR[name] for name in ("apiVersion", "kind", "path")}
    told = cluster.only(kinds=[bare])
    assert "target.prometheus.operator: given what needs PodMonitor, allowed: that only where" in told
    assert told.endswith("install monitoring.coreos.com first.")


@pytest.mark.parametrize(("minor", "count"), [("35", 1), ("36", 0), ("36+", 0), ("40", 0)])
def test_kubernetes_is_too_old(cluster: Cluster, minor: str, count: int) -> None:
    version = {"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"}
    cluster.api.answers["GET", "/version"] = (200, version)
    entry = {"minimum": "1.36", "path": "target.delivery.kind", "given": "image_volume"}
    told = cluster.told(releases=[entry])
    assert len(told) == count
    for one in told:
        assert (
            "target.delivery.kind: given 'image_volume', allowed: that only where the cluster is Kub" in one
        )
        assert one.endswith("is v1.35.0.")


# Objects

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def test_a_storage_class_is_missing(cluster: Cluster) -> None:
    for name in ("slow", "fast"):
        cluster.put(f"/apis/storage.k8s.io/v1/storageclasses/{name}")
    told = cluster.only(objects=[{**STORAGE, "name": "nfs"}])
    assert "objects: endpoints[0].target.delivery.storage_class: given 'nfs', allowed: the name of an" in told
    assert told.endswith("has: fast, slow.")


def test_there_is_no_default_storage_class(cluster: Cluster) -> None:
    cluster.put("/apis/storage.k8s.io/v1/storageclasses/slow")
    told = cluster.only(objects=[STORAGE])
    assert (
        "storage_class: given nothing, allowed: the name of a StorageClass, because the cluster has" in told
    )
    assert f"has: slow. An administrator makes one the default by its annotation {DEFAULT_CLASS}" in told
    volume = {"spec": {}, "status": {"phase": "Available"}}
    cluster.put("/api/v1/persistentvolumes/by-hand", **{**volume, "spec": {"storageClassName": "slow"}})
    assert len(cluster.told(objects=[STORAGE])) == 1
    cluster.put("/api/v1/persistentvolumes/by-hand", **volume)
    assert cluster.told(objects=[STORAGE]) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "field"),
    [
        ("networking.k8s.io/v1", "IngressClass", "target.route.ingress_class"),
        ("node.k8s.io/v1", "RuntimeClass", "target.runtime_class"),
        ("scheduling.k8s.io/v1", "PriorityClass", "target.priority_class"),
        ("v1", "PersistentVolumeClaim", "target.delivery.claim"),
    ],
)
def test_an_object_is_missing(cluster: Cluster, api_version: str, kind: str, field: str) -> None:
    entry = {"apiVersion": api_version, "kind": kind, "path": field, "name": "x"}
    told = cluster.only(objects=[entry])
    assert f"{field}: given 'x', allowed: the name of an existing {kind}" in told
    assert told.endswith("has: none.")


def test_a_service_account_is_missing(cluster: Cluster) -> None:
    cluster.put("/api/v1/namespaces/team/serviceaccounts/default")
    entry = {"apiVersion": "v1", "kind": "ServiceAccount", "path": "security.identity", "name": "iris"}
    told = cluster.only(objects=[entry])
    assert "given 'iris', allowed: the name of an existing ServiceAccount in namespace team" in told
    assert told.endswith("has: default. Make it: kubectl create serviceaccount iris --namespace team")


def test_the_kind_of_an_object_is_missing(cluster: Cluster) -> None:
    entry = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "path": "target.certificates.issuer"}
    told = cluster.only(objects=[{**entry, "name": "ca"}])
    assert (
        "target.certificates.issuer: given 'ca', allowed: an existing Issuer. Issuer of cert-manager" in told
    )
    assert "Install its CustomResourceDefinition first" in told


@pytest.mark.parametrize(
    ("entries", "command"),
    [
        ([], "kubectl create secret generic callers --namespace team"),
        (["keys"], "kubectl create secret generic callers --namespace team --from-file=keys=FILE"),
        (["tls.crt", "tls.key"], "kubectl create secret tls callers --namespace team --cert=FILE --key=FILE"),
        (
            [".dockerconfigjson"],
            "kubectl create secret docker-registry callers --namespace team --docker-server=REGISTRY",
        ),
    ],
)
def test_a_secret_is_missing(cluster: Cluster, entries: list[str], command: str) -> None:
    cluster.put("/api/v1/namespaces/team/secrets/other", data={"password": "Y2FuYXJ5"})
    told = cluster.only(objects=[{**SECRET, "entries": entries}])
    assert "given 'callers', allowed: the name of an existing Secret in namespace team" in told
    assert f"Make it: {command}" in told
    assert f"{NAMESPACE}/secrets" not in {seen.path for seen in cluster.api.requests}


def test_a_secret_lacks_an_entry(cluster: Cluster) -> None:
    cluster.put("/api/v1/namespaces/team/secrets/callers", data={"key": "Y2FuYXJ5"})
    told = cluster.only(objects=[{**SECRET, "entries": ["key", "keys"]}])
    assert "given 'callers', allowed: a Secret with the entries key, keys" in told
    assert "Secret team/callers has key; it lacks keys. Make it anew: kubectl create secret generic" in told
    assert "Y2FuYXJ5" not in told
    assert "canary" not in told


# Gateways and hosts


def listener(cluster: Cluster, **fields: Any) -> None:
    entry = {"name": "https", "protocol": "HTTPS", "port": 443, **fields}
    other = {"name": "tcp", "protocol": "TCP", "port": 99}
    path = f"{GATEWAY_API}/namespaces/infra/gateways/edge"
    cluster.put(path, spec={"listeners": [entry, other]})


def test_a_gateway_is_missing(cluster: Cluster) -> None:
    cluster.put(f"{GATEWAY_API}/namespaces/other/gateways/front")
    told = cluster.only(gateways=[GATEWAY])
    assert "target.route.gateway: given 'edge', allowed: the name of an existing Gateway in namesp" in told
    assert told.endswith("has: other/front. target.route.namespace names its namespace.")


def test_a_listener_is_missing(cluster: Cluster) -> None:
    listener(cluster)
    told = cluster.only(gateways=[{**GATEWAY, "section": "http"}])
    assert told.endswith(
        "target.route.section: given 'http', allowed: a listener of Gateway infra/edge: https, tcp"
    )


MODELS = {"matchLabels": {"purpose": "models"}}


def expression(operator: str, *values: str, key: str = "purpose") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "takes routes of namespace infra alone"),
        ({"allowedRoutes": {"namespaces": {"from": "None"}}}, "takes no routes at all"),
        ({"allowedRoutes": {"namespaces": {"from": "All"}}}, ""),
        ({"allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"kind": "GRPCRoute"}]}}, "takes GRPCR"),
        ({"allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"kind": "HTTPRoute"}]}}, ""),
        ({"allowedRoutes": {"namespaces": {"from": "All"}}, "protocol": "TLS"}, "speaks TLS, not HTTP"),
        ({"allowedRoutes": {"namespaces": {"from": "All"}}, "hostname": "*.example.com"}, ""),
        ({"allowedRoutes": {"namespaces": {"from": "All"}}, "hostname": "iris.example.com"}, ""),
        (
            {"allowedRoutes": {"namespaces": {"from": "All"}}, "hostname": "*.example.org"},
            "is for *.example.o",
        ),
        ({"allowedRoutes": {"namespaces": {"from": "All"}}, "hostname": "example.com"}, "is for example.com"),
        ({"allowedRoutes": {"namespaces": {"from": "Selector", "selector": MODELS}}}, ""),
        (
            {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}}},
            "takes routes of namespaces with certain labels, which team does not have",
        ),
    ],
)
def test_a_gateway_takes_no_route_of_this_namespace(
    cluster: Cluster, fields: dict[str, Any], why: str
) -> None:
    listener(cluster, **fields)
    told = cluster.told(gateways=[GATEWAY])
    assert len(told) == bool(why)
    for one in told:
        assert "target.route.gateway: given 'edge', allowed: a Gateway that takes this route" in one
        assert f"Of infra/edge listener https {why}" in one
        assert one.endswith("listener tcp speaks TCP, not HTTP.")


@pytest.mark.parametrize(
    ("selector", "is_taken"),
    [
        (expression("In", "models", "data"), True),
        (expression("In", "data"), False),
        (expression("NotIn", "data"), True),
        (expression("NotIn", "models"), False),
        (expression("Exists"), True),
        (expression("Exists", key="other"), False),
        (expression("DoesNotExist"), False),
        (expression("DoesNotExist", key="other"), True),
    ],
)
def test_a_gateway_selects_namespaces(cluster: Cluster, selector: dict[str, Any], is_taken: bool) -> None:
    listener(cluster, allowedRoutes={"namespaces": {"from": "Selector", "selector": selector}})
    assert (cluster.told(gateways=[GATEWAY]) == []) == is_taken


def route(cluster: Cluster, path: str = "/predict", name: str = "other", **spec: Any) -> None:
    fields = {
        "hostnames": ["iris.example.com"],
        "parentRefs": [{"namespace": "infra", "name": "edge"}],
        "rules": [{"matches": [{"path": {"type": "Exact", "value": path}}]}],
        **spec,
    }
    cluster.put(f"{GATEWAY_API}/namespaces/team/httproutes/{name}", spec=fields)


def test_the_host_has_another_route(cluster: Cluster) -> None:
    route(cluster)
    told = cluster.only(hosts=[HOST])
    assert "hosts: endpoints[0].security.tls.domain: given 'iris.example.com', allowed: a host that" in told
    assert "HTTPRoute team/other has /predict of it, and the older of two routes gets the requests" in told
    # Who may see his own namespace alone is told of that.
    cluster.forbid(ROUTES)
    assert "HTTPRoute team/other" in cluster.only(hosts=[HOST])


def test_the_host_has_another_ingress(cluster: Cluster) -> None:
    rule = {"host": "iris.example.com", "http": {"paths": [{"path": "/v2"}, {"path": "/"}]}}
    cluster.put(
        "/apis/networking.k8s.io/v1/namespaces/web/ingresses/site",
        spec={"ingressClassName": "nginx", "rules": [rule]},
    )
    assert "Ingress web/site has /v2 of it" in cluster.only(hosts=[BY_INGRESS])
    assert cluster.told(hosts=[{**BY_INGRESS, "ingressClass": "haproxy"}]) == []
    assert cluster.told(hosts=[{**BY_INGRESS, "host": "rose.example.com"}]) == []
    assert cluster.told(hosts=[{**BY_INGRESS, "paths": ["/predict"]}]) == []
    assert cluster.told(hosts=[HOST]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "shop-dev-iris"},
        {"path": "/shop"},
        {"hostnames": ["rose.example.com"]},
        {"parentRefs": [{"name": "edge"}]},
        {"rules": [{}]},
    ],
    ids=str,
)
def test_a_host_is_shared_with_what_is_no_rival(cluster: Cluster, changes: dict[str, Any]) -> None:
    route(cluster, **changes)
    assert cluster.told(hosts=[HOST]) == []


def test_without_paths_the_whole_host_is_wanted(cluster: Cluster) -> None:
    route(cluster, path="/shop")
    whole = {name: value for name, value in HOST.items() if name != "paths"}
    assert "HTTPRoute team/other has /shop of it" in cluster.only(hosts=[whole])
    route(cluster, hostnames=["rose.example.com"])
    assert cluster.told(hosts=[whole]) == []


def test_a_rule_without_a_match_has_every_path(cluster: Cluster) -> None:
    route(cluster, rules=[{}])
    assert "HTTPRoute team/other has / of it" in cluster.only(hosts=[{**HOST, "paths": ["/"]}])


# Capacity


def quota(cluster: Cluster, hard: dict[str, str], used: dict[str, str], **spec: Any) -> None:
    status = {"hard": hard, "used": used}
    cluster.put("/api/v1/namespaces/team/resourcequotas/budget", spec={"hard": hard, **spec}, status=status)


def pod(cluster: Cluster, name: str, cpu: str, phase: str = "Running", **spec: Any) -> None:
    containers = [{"resources": {"requests": {"cpu": cpu}}}]
    cluster.put(
        f"/api/v1/namespaces/team/pods/{name}",
        labels={"app.kubernetes.io/instance": "shop-dev-iris"},
        spec={"containers": containers, **spec},
        status={"phase": phase},
    )


def test_a_quota_is_exceeded(cluster: Cluster) -> None:
    quota(cluster, hard={"requests.cpu": "4"}, used={"requests.cpu": "2500m"})
    told = cluster.only(quota=[CPU])
    assert (
        "quota: endpoints[0].resources.cpu: given '1', allowed: what quota budget of namespace team" in told
    )
    assert "requests.cpu: the endpoint asks for 2, others use 2.5, and 4 is the most" in told


@pytest.mark.parametrize(("own", "count"), [("500m", 0), ("499m", 1)])
def test_what_the_endpoint_uses_already_is_its_own(cluster: Cluster, own: str, count: int) -> None:
    quota(cluster, hard={"cpu": "4"}, used={"cpu": "2500m"})
    pod(cluster, "iris-1", own)
    pod(cluster, "iris-2", "1", phase="Succeeded")
    assert len(cluster.told(quota=[CPU])) == count
    assert len(cluster.told(quota=[CPU], instance="")) == 1


def test_init_containers_and_sidecars_count_as_the_cluster_counts_them(cluster: Cluster) -> None:
    quota(cluster, hard={"cpu": "4"}, used={"cpu": "4"})
    first = {"resources": {"requests": {"cpu": "1500m"}}}
    sidecar = {"restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}}
    pod(cluster, "iris-1", "500m", initContainers=[first, sidecar])
    assert "others use 2.5" in cluster.only(quota=[CPU])
    pod(cluster, "iris-1", "1500m", initContainers=[first, sidecar])
    assert cluster.told(quota=[CPU]) == []


def test_amounts_are_those_of_the_api(cluster: Cluster) -> None:
    quota(cluster, hard={"memory": "8Gi", "pods": "3"}, used={"memory": "7168Mi", "pods": "3"})
    memory = {"resource": "requests.memory", "amount": "2Gi", "path": "resources.memory"}
    assert "the endpoint asks for 2Gi, others use 7Gi, and 8Gi is the most" in cluster.only(quota=[memory])
    assert cluster.told(quota=[{**memory, "amount": "1024Mi"}]) == []
    assert len(cluster.told(quota=[{"resource": "pods", "amount": "1", "path": "scaling.min"}])) == 1


def test_a_quota_for_some_pods_alone_is_left_to_the_cluster(cluster: Cluster) -> None:
    quota(cluster, hard={"cpu": "1"}, used={"cpu": "1"}, scopes=["BestEffort"])
    assert cluster.told(quota=[CPU]) == []


def limit_range(cluster: Cluster, kind: str = "Container", **bounds: dict[str, str]) -> None:
    """As the API server stores it: for containers a bound is the default of what is not said."""
    if kind == "Container":
        bounds["default"] = {**bounds.get("max", {}), **bounds.get("default", {})}
        least = {**bounds.get("min", {}), **bounds["default"]}
        bounds["defaultRequest"] = {**least, **bounds.get("defaultRequest", {})}
    spec = {"limits": [{"type": kind, **bounds}]}
    cluster.put("/api/v1/namespaces/team/limitranges/bounds", spec=spec)


SERVER = {
    "name": "server",
    "path": "resources",
    "requests": {"cpu": "1", "memory": "2Gi"},
    "limits": {"memory": "2Gi", "nvidia.com/gpu": "2"},
}
FETCHING = {
    "name": "fetch-model",
    "path": "target.delivery.kind",
    "given": "download",
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "512Mi"},
    "first": True,
}
POD = {"name": "iris", "containers": [FETCHING, SERVER]}
MEMORY_AND_CPU = {"max": {"memory": "2Gi", "cpu": "1"}, "min": {"memory": "128Mi"}}


@pytest.mark.parametrize("bounds", [{}, MEMORY_AND_CPU, {"default": {"cpu": "2"}}])
def test_pods_within_the_bounds_are_let_in(cluster: Cluster, bounds: dict[str, dict[str, str]]) -> None:
    limit_range(cluster, **bounds)
    assert cluster.told(pods=[POD]) == []


@pytest.mark.parametrize(
    ("kind", "bounds", "begins", "ends"),
    [
        (
            "Container",
            {"max": {"memory": "1Gi"}},
            "resources.memory: given '2Gi', allowed: at most 1Gi, as LimitRange bounds of namespace team has",
            "memory of container server: it is 2Gi. Ask for less, or let an administrator change the",
        ),
        (
            "Container",
            {"max": {"nvidia.com/gpu": "1"}},
            "resources.gpu: given '2', allowed: at most 1, as LimitRange bounds",
            "nvidia.com/gpu of container server: it is 2. Ask for less",
        ),
        (
            "Container",
            {"max": {"cpu": "500m"}},
            "resources.cpu: given '1', allowed: at most 0.5, the limit that a LimitRange of the namespace gi",
            "cpu of container server: its request is 1. Ask for less",
        ),
        (
            "Container",
            {"default": {"cpu": "500m"}},
            "resources.cpu: given '1', allowed: at most 0.5, the limit that a LimitRange of the namespace gi",
            "cpu of container server: its request is 1. Ask for less",
        ),
        (
            "Container",
            {"min": {"memory": "256Mi"}},
            "target.delivery.kind: given 'download', allowed: at least 256Mi, as LimitRange bounds",
            "memory of container fetch-model: its request is 128Mi. It is fixed: let an administrator",
        ),
        (
            "Container",
            {"min": {"cpu": "2"}, "default": {"cpu": "4"}},
            "resources.cpu: given '1', allowed: at least 2, as LimitRange bounds",
            "its request is 1. Ask for more, or let an administrator change it",
        ),
        (
            "Container",
            {"maxLimitRequestRatio": {"memory": "2"}},
            "target.delivery.kind: given 'download', allowed: a limit of at most 2 times the request, as",
            "memory of container fetch-model: its request is 128Mi, its limit 512Mi. Let an administrator",
        ),
        (
            "Container",
            {"maxLimitRequestRatio": {"cpu": "3"}, "default": {"cpu": "4"}},
            "resources.cpu: given '1', allowed: a limit of at most 3 times the request, as LimitRange bounds",
            "cpu of container server: its request is 1, its limit 4. Let an administrator change",
        ),
        (
            "Pod",
            {"max": {"memory": "1Gi"}},
            "resources.memory: given '2Gi', allowed: at most 1Gi, as LimitRange bounds of namespace team",
            "memory of pod iris: it is 2Gi. Ask for less",
        ),
        (
            "Pod",
            {"max": {"cpu": "8"}},
            "resources.cpu: given '1', allowed: a limit of at most 8, as LimitRange bounds",
            "cpu of pod iris: there is no limit. Let an administrator give the LimitRange a `default`",
        ),
    ],
)
def test_a_pod_that_a_limit_range_would_keep_out(
    cluster: Cluster, kind: str, bounds: dict[str, dict[str, str]], begins: str, ends: str
) -> None:
    limit_range(cluster, kind, **bounds)
    told = [one for one in cluster.told(pods=[POD, POD]) if f"endpoints[0].{begins}" in one]
    assert len(told) == 1, told
    assert ends in told[0]


def test_a_limit_range_of_another_namespace_is_nothing_to_it(cluster: Cluster) -> None:
    spec = {"limits": [{"type": "Pod", "max": {"memory": "1Mi"}}]}
    cluster.put("/api/v1/namespaces/other/limitranges/bounds", spec=spec)
    assert cluster.told(pods=[POD], claims=[CLAIM]) == []
    assert cluster.told(namespace="lab", namespaceExpected=False, pods=[POD], claims=[CLAIM]) == []


def test_under_a_quota_on_limits_every_container_needs_one(cluster: Cluster) -> None:
    quota(cluster, hard={"limits.cpu": "9"}, used={})
    told = cluster.told(pods=[POD])
    assert [one.partition(": given")[0] for one in told] == [
        "pods: endpoints[0].target.delivery.kind",
        "pods: endpoints[0].resources.cpu",
    ]
    assert "allowed: a namespace without a quota on limits.cpu, as budget has it" in told[1]
    assert "take limits.cpu out of the quota, or add a LimitRange with a `default` for it" in told[1]
    limit_range(cluster, default={"cpu": "2"})
    assert cluster.told(pods=[POD]) == []


CLAIM = {"name": "iris-model-cache", "storage": "10Gi", "path": "target.delivery"}
FAST = "fast.storageclass.storage.k8s.io"


@pytest.mark.parametrize(
    ("hard", "used", "told"),
    [
        (
            "requests.storage",
            "45Gi",
            "requests.storage: the endpoint asks for 10Gi, others use 45Gi, and 50Gi",
        ),
        ("requests.storage", "40Gi", ""),
        (f"{FAST}/requests.storage", "45Gi", f"{FAST}/requests.storage: the endpoint asks for 10Gi, others"),
        (f"{FAST}/requests.storage", "40Gi", ""),
        (f"{FAST}/persistentvolumeclaims", "50Gi", f"{FAST}/persistentvolumeclaims: the endpoint asks for 1"),
        ("slow.storageclass.storage.k8s.io/requests.storage", "50Gi", ""),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_claim_needs_room_in_the_quota_of_its_class(
    cluster: Cluster, hard: str, used: str, told: str, named: bool
) -> None:
    for name, annotations in (("slow", {}), ("fast", {DEFAULT_CLASS: "true"})):
        cluster.put(f"/apis/storage.k8s.io/v1/storageclasses/{name}", annotations=annotations)
    quota(cluster, hard={hard: "50Gi"}, used={hard: used})
    entry = {**CLAIM, **({"storageClass": "fast"} if named else {})}
    found = cluster.told(claims=[entry])
    assert len(found) == bool(told)
    for one in found:
        assert "claims: endpoints[0].target.delivery.size: given '10Gi', allowed: what quota budget" in one
        assert told in one
    cluster.put("/api/v1/namespaces/team/persistentvolumeclaims/iris-model-cache")
    assert cluster.told(claims=[entry]) == [], "it is there already"


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        (
            {"max": {"storage": "5Gi"}},
            "at most 5Gi, as LimitRange bounds of namespace team has it for a claim",
        ),
        ({"min": {"storage": "20Gi"}}, "at least 20Gi, as LimitRange bounds"),
        ({"min": {"storage": "10Gi"}, "max": {"storage": "10Gi"}}, ""),
    ],
)
def test_a_claim_of_a_size_that_is_not_let_in(
    cluster: Cluster, bounds: dict[str, dict[str, str]], told: str
) -> None:
    limit_range(cluster, "PersistentVolumeClaim", **bounds)
    found = cluster.told(claims=[CLAIM])
    assert len(found) == bool(told)
    for one in found:
        assert f"target.delivery.size: given '10Gi', allowed: {told}" in one


MADE = [
    {"apiVersion": "v1", "kind": "Service", "names": ["iris", "iris-metrics"]},
    {"apiVersion": "v1", "kind": "Secret", "names": ["iris-api-keys"]},
    {"apiVersion": "apps/v1", "kind": "Deployment", "names": ["iris"]},
    {"apiVersion": "acme.example/v1", "kind": "Rocket", "names": ["iris"]},
]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("services", 2),
        ("count/services", 2),
        ("count/deployments.apps", 1),
        ("secrets", 1),
        ("count/pods", 0),
    ],
)
def test_objects_need_room_in_the_quota_of_their_number(cluster: Cluster, name: str, asked: int) -> None:
    quota(cluster, hard={name: "5"}, used={name: "5"})
    told = cluster.told(made=MADE)
    assert len(told) == bool(asked)
    for one in told:
        assert "made: endpoints[0].target.namespace: given 'team', allowed: what quota budget of name" in one
        assert f"{name}: the endpoint asks for {asked}, others use 5, and 5 is the most. Let an adm" in one
    quota(cluster, hard={name: "5"}, used={name: str(5 - asked)})
    assert cluster.told(made=MADE) == []


def test_objects_that_are_there_have_their_room(cluster: Cluster) -> None:
    quota(cluster, hard={"services": "5"}, used={"services": "5"})
    cluster.put("/api/v1/namespaces/team/services/iris")
    assert "services: the endpoint asks for 1" in cluster.only(made=MADE)
    cluster.put("/api/v1/namespaces/team/services/iris-metrics")
    assert cluster.told(made=MADE) == []


def test_no_object_is_looked_at_where_no_quota_counts_its_kind(cluster: Cluster) -> None:
    quota(cluster, hard={"services": "5"}, used={})
    assert cluster.told(made=MADE) == []
    asked = [seen.path for seen in cluster.api.requests]
    assert f"{NAMESPACE}/services/iris" in asked
    assert not [path for path in asked if "/secrets" in path or "/deployments" in path]


def test_no_node_has_a_gpu(cluster: Cluster) -> None:
    told = cluster.only(devices=[GPUS])
    assert "devices: endpoints[0].resources.gpu.count: given '2', allowed: what nodes of the cluster" in told
    assert "2 of nvidia.com/gpu for each of 2 pods" in told
    assert "has no nvidia.com/gpu on any of 1 nodes; they offer: nothing of the kind" in told
    cluster.put("/api/v1/nodes/slices", spec={}, status={"allocatable": {"nvidia.com/mig-1g.10gb": "7"}})
    assert "on any of 2 nodes; they offer: nvidia.com/mig-1g.10gb" in cluster.only(devices=[GPUS])


@pytest.mark.parametrize(
    ("first", "second", "room"), [("3", "3", None), ("3", "1", 1), ("1", "1", 0), ("4", "0", None)]
)
def test_nodes_have_too_few_gpus(cluster: Cluster, first: str, second: str, room: int | None) -> None:
    for name, count in (("a", first), ("b", second)):
        cluster.put(f"/api/v1/nodes/{name}", spec={}, status={"allocatable": {"nvidia.com/gpu": count}})
    told = cluster.told(devices=[GPUS])
    assert len(told) == (room is not None)
    for one in told:
        assert f"has nvidia.com/gpu on a {first}, b {second}: room for {room} of 2 pods" in one


def test_gpus_count_where_the_pods_may_run(cluster: Cluster) -> None:
    gpus = {"allocatable": {"nvidia.com/gpu": "4"}}
    cluster.put("/api/v1/nodes/a", spec={}, labels={"pool": "gpu"}, status=gpus)
    assert cluster.told(devices=[{**GPUS, "nodeSelector": {"pool": "gpu"}}]) == []
    told = cluster.only(devices=[{**GPUS, "nodeSelector": {"pool": "cpu"}}])
    assert "among the 1 schedulable nodes with pool=cpu; they offer: nvidia.com/gpu" in told
    cluster.put("/api/v1/nodes/a", spec={"unschedulable": True}, status=gpus)
    assert len(cluster.told(devices=[GPUS])) == 1


def test_nodes_that_are_added_on_demand_are_waited_for(cluster: Cluster) -> None:
    status_of_autoscaler = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"
    cluster.put(status_of_autoscaler)
    assert cluster.told(devices=[GPUS]) == []
    del cluster.api.objects[status_of_autoscaler]
    assert len(cluster.told(devices=[GPUS])) == 1
    cluster.forbid(status_of_autoscaler)
    assert cluster.told(devices=[GPUS]) == []
    del cluster.api.answers["GET", status_of_autoscaler]
    cluster.api.groups["/apis/karpenter.sh/v1"] = {"NodePool": ("nodepools", False)}
    assert cluster.told(devices=[GPUS]) == []


# Permissions

WANTED = [
    {"apiVersion": "apps/v1", "kind": "Deployment", "verbs": ["get", "create"]},
    {"apiVersion": "v1", "kind": "Service", "verbs": ["get", "create"]},
    {"apiVersion": "v1", "kind": "Secret", "verbs": ["get"]},
    {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "verbs": ["create"]},
]


def test_whoever_may_do_everything_is_asked_once(cluster: Cluster) -> None:
    assert cluster.told(permissions=WANTED) == []
    (asked,) = cluster.api.sent("POST")
    assert asked.body["spec"]["resourceAttributes"] == {
        "group": "*",
        "resource": "*",
        "verb": "*",
        "namespace": "team",
    }


def test_a_permission_is_missing(cluster: Cluster) -> None:
    cluster.may = lambda asked: asked["verb"] == "get"
    told = cluster.only(permissions=WANTED)
    assert (
        "permissions: endpoints[0].target.namespace: given 'team', allowed: a namespace for which ada" in told
    )
    assert (
        ": create deployments; create services. Let an administrator bind the user to a Role in team" in told
    )
    assert json.loads(told.partition("these rules: ")[2]) == [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["create"]},
    ]
    asked = [seen.body["spec"]["resourceAttributes"] for seen in cluster.api.sent("POST")[1:-1]]
    assert len(asked) == 5
    assert {one["namespace"] for one in asked} == {"team"}


def test_rules_with_the_same_verbs_are_one(cluster: Cluster) -> None:
    cluster.may = lambda _: False
    wanted = [{"apiVersion": "v1", "kind": kind, "verbs": ["get"]} for kind in ("Secret", "Service")]
    told = cluster.only(permissions=wanted)
    rule = {"apiGroups": [""], "resources": ["secrets", "services"], "verbs": ["get"]}
    assert json.loads(told.partition("these rules: ")[2]) == [rule]


def test_a_permission_in_the_cluster_is_missing(cluster: Cluster) -> None:
    cluster.may = lambda asked: asked["namespace"] == "team" and asked["resource"] != "*"
    wanted = [{"apiVersion": "v1", "kind": "Namespace", "verbs": ["create"]}]
    assert "bind the user to a ClusterRole with these rules" in cluster.only(permissions=[*WANTED, *wanted])


def test_an_older_cluster_does_not_tell_who_asks(cluster: Cluster) -> None:
    cluster.may = lambda _: False
    cluster.api.answers["POST", SELF] = status(404, "NotFound", "no such page")
    assert "a namespace for which this user may do" in cluster.only(permissions=WANTED)


@pytest.mark.parametrize(
    ("path", "method", "what", "wanted"),
    [
        ("/api/v1/nodes", "GET", "resources.gpu.count", {"devices": [GPUS]}),
        (f"{NAMESPACE}/secrets/callers", "GET", "security.auth.secret", {"objects": [SECRET]}),
        (f"{NAMESPACE}/resourcequotas", "GET", "quota", {"quota": [CPU]}),
        (f"{NAMESPACE}/limitranges", "GET", "pods", {"pods": [POD]}),
        (f"{NAMESPACE}/resourcequotas", "GET", "made", {"made": MADE}),
        (REVIEWS, "POST", "permissions", {"permissions": WANTED}),
    ],
)
def test_what_may_not_be_seen_is_no_refusal_and_is_told(
    cluster: Cluster,
    caplog: pytest.LogCaptureFixture,
    path: str,
    method: str,
    what: str,
    wanted: Inputs,
) -> None:
    cluster.forbid(path, method)
    with caplog.at_level(logging.WARNING):
        assert cluster.told(**wanted) == []
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"{what} was not checked: cluster http://")
    assert f"{path} is forbidden for ada" in warning


# The life of it


def test_what_is_unknown_is_passed_over(cluster: Cluster) -> None:
    unknown = {**SECRET, "name": UNKNOWN}
    entries = {**SECRET, "entries": [UNKNOWN]}
    assert len(cluster.told(objects=[unknown, entries, SECRET], kinds=UNKNOWN)) == 1
    before = len(cluster.api.requests)
    for name in ("namespace", "context", "kubeconfig", "instance"):
        assert cluster.told(**{name: UNKNOWN, "objects": [SECRET]}) == []
    assert len(cluster.api.requests) == before


def test_offline_nothing_is_asked(cluster: Cluster) -> None:
    settings = Settings(root=cluster.folder, state_dir=cluster.folder, offline=True)
    assert not Requirements(settings).check(cluster.inputs(objects=[SECRET]), {}).failures
    assert not cluster.api.requests


def test_a_relative_kubeconfig_starts_at_the_root(cluster: Cluster) -> None:
    assert cluster.told(kubeconfig="kubeconfig") == []
    assert cluster.api.requests


def test_it_remembers_its_inputs_and_nothing_else(cluster: Cluster) -> None:
    resource = Requirements(Settings(root=cluster.folder, state_dir=cluster.folder))
    inputs = cluster.inputs(objects=[SECRET])
    made = resource.create(inputs, 0)
    assert (made.id, made.outputs) == ("team/shop-dev-iris", inputs)
    assert resource.preview(inputs, {}) == inputs
    assert resource.read(made.id, inputs, inputs) == made
    assert resource.read(made.id, {}, {}) is None
    news = cluster.inputs(configPath="endpoints[1]")
    assert resource.update(made.id, inputs, news, 0) == news
    assert [change.property for change in resource.diff(inputs, inputs, news)] == ["objects"]
    assert not resource.diff(news, news, cluster.inputs())
    resource.delete(made.id, inputs, 0)
    assert not cluster.api.requests
