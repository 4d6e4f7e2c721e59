"""What stands in the way of an endpoint, told by the command before anything is made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import gateway
from support.cluster import Cluster, Namespace, Object
from support.model_store import CREDENTIALS, ModelStore
from support.onprem import OnPrem

pytestmark = pytest.mark.engine

HOST = "iris.example.test"
AT_GATEWAY = {"kind": "gateway", "gateway": gateway.NAME}


@pytest.fixture
def theirs(stack: OnPrem) -> Iterator[Namespace]:
    """The stack's namespace, which somebody else has made; nothing may be in it afterwards that was not."""
    with stack.cluster.namespace(stack.namespace.name) as namespace:
        yield namespace
        made = namespace.kubectl("get", "all,serviceaccounts,networkpolicies,secrets", "--output=name")
        assert "iris" not in made, "something was made"


def configure(stack: OnPrem, target: dict[str, Any] | None = None, **spec: Any) -> None:
    """For a namespace that is there."""
    stack.configure(target={"create_namespace": False, **(target or {})}, **spec)


def kubeconfig(cluster: Cluster, path: Path, *, server: str = "", **user: Any) -> Path:
    """The cluster's own kubeconfig as another user, or for another server."""
    raw = cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json")
    config = json.loads(raw)
    if user:
        config["users"][0]["user"] = user
    if server:
        config["clusters"][0]["cluster"]["server"] = server
    path.write_text(json.dumps(config))
    return path


def test_a_cluster_that_does_not_answer(tmp_path: Path, cluster: Cluster, serving_image: str) -> None:
    nowhere = kubeconfig(cluster, tmp_path / "kubeconfig", server="https://127.0.0.1:1")
    with OnPrem.running(tmp_path / "project", cluster, serving_image, "unreachable", nowhere) as stack:
        stack.configure()
        said = stack.refused()
    assert "target.context" in said
    assert "the context of a cluster that answers" in said
    assert "127.0.0.1:1" in said


def test_a_user_who_may_do_nothing(tmp_path: Path, namespace: Namespace, serving_image: str) -> None:
    namespace.kubectl("create", "serviceaccount", "nobody")
    token = namespace.kubectl("create", "token", "nobody").strip()
    nobody = kubeconfig(namespace.cluster, tmp_path / "kubeconfig", token=token)
    with OnPrem.running(
        tmp_path / "project", namespace.cluster, serving_image, namespace.name, nobody
    ) as stack:
        configure(stack)
        said = stack.refused()
    assert f"system:serviceaccount:{namespace.name}:nobody may do what the endpoint needs" in said
    assert '"resources": ["deployments"]' in said
    assert token not in said


def test_a_namespace_that_is_not_there(stack: OnPrem) -> None:
    configure(stack)
    assert f"kubectl create namespace {stack.namespace.name}" in stack.refused("preview")


def test_a_namespace_that_is_somebody_elses(stack: OnPrem, theirs: Namespace) -> None:
    stack.configure(target={"create_namespace": True})
    said = stack.refused()
    assert "target.create_namespace: given" in said
    assert f"allowed: false for namespace {theirs.name}" in said


def test_a_namespace_that_is_going(stack: OnPrem) -> None:
    namespace = stack.namespace
    held: Object = {"name": "held", "finalizers": ["example.test/hold"]}
    with stack.cluster.namespace(namespace.name):
        namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
        stack.cluster.kubectl("delete", "namespace", namespace.name, "--wait=false")
        try:
            configure(stack)
            said = stack.refused()
        finally:
            release = json.dumps({"metadata": {"finalizers": None}})
            namespace.kubectl("patch", "configmap", "held", "--type=merge", f"--patch={release}")
    assert f"target.namespace: given '{namespace.name}', allowed: a namespace that is not being" in said


def test_a_quota_that_is_used_up(stack: OnPrem, theirs: Namespace) -> None:
    hard = {"pods": "1", "requests.cpu": "8"}
    quota = {"kind": "ResourceQuota", "metadata": {"name": "budget"}, "spec": {"hard": hard}}
    theirs.apply({"apiVersion": "v1", **quota})
    theirs.kubectl("wait", "resourcequota/budget", "--for=jsonpath={.status.hard.pods}=1")
    configure(stack)
    said = stack.refused()
    assert "scaling.min" in said
    assert f"what quota budget of namespace {theirs.name} leaves" in said
    assert "pods: the endpoint asks for 2, others use 0, and 1 is the most" in said


def test_a_storage_class_that_there_is_not(stack: OnPrem, theirs: Namespace) -> None:
    credentials = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": CREDENTIALS}}
    theirs.apply(credentials)
    delivery = {"kind": "cache", "storage_class": "gone", "credentials": CREDENTIALS}
    configure(stack, {"delivery": delivery}, model=ModelStore.source(1))
    said = stack.refused()
    assert (
        "target.delivery.storage_class: given 'gone', allowed: the name of an existing StorageClass" in said
    )


def test_a_kind_of_gpu_that_nobody_knows(stack: OnPrem, theirs: Namespace) -> None:
    configure(stack, resources={"gpu": {"kind": "abacus"}})
    said = stack.refused()
    assert "endpoints[0].resources.gpu.kind: given 'abacus', allowed: " in said
    assert "l4" in said


def test_gpus_that_no_node_has(stack: OnPrem, theirs: Namespace) -> None:
    runtime = {"engine": "custom", "image": stack.image}
    configure(stack, runtime=runtime, resources={"gpu": {"kind": "h100"}})
    said = stack.refused()
    assert "endpoints[0].resources.gpu: given '1 x h100', allowed: what nodes of the cluster have" in said
    assert "no nvidia.com/gpu on any of" in said


def test_a_kind_that_nobody_has_installed(stack: OnPrem, theirs: Namespace) -> None:
    cluster = stack.cluster
    definition = "scaledobjects.keda.sh"
    if cluster.own:
        cluster.kubectl("delete", "crd", definition, "--ignore-not-found")
    elif cluster.run("get", "crd", definition).returncode == 0:
        pytest.skip("the cluster that is named has KEDA")
    keda = {"kind": "keda", "prometheus": "http://prometheus.monitoring:9090"}
    configure(stack, {"scaler": keda}, scaling={"max": 4})
    said = stack.refused()
    assert "target.scaler.kind" in said
    assert "install KEDA first. See https://keda.sh/docs/latest/deploy/" in said


@pytest.fixture
def gateways(cluster: Cluster) -> None:
    if not gateway.define(cluster):
        assert not cluster.own
        pytest.skip("the cluster that is named does not have the Gateway API")


@pytest.mark.usefixtures("gateways")
def test_a_gateway_that_there_is_not(stack: OnPrem, theirs: Namespace) -> None:
    configure(stack, {"route": AT_GATEWAY}, security={"tls": {"domain": HOST}})
    said = stack.refused()
    assert "target.route.gateway: given 'entrance', allowed: the name of an existing Gateway" in said


@pytest.mark.usefixtures("gateways")
def test_a_host_that_another_route_has(stack: OnPrem, theirs: Namespace) -> None:
    match = {"path": {"type": "Exact", "value": "/predict"}}
    spec = {
        "parentRefs": [{"name": gateway.NAME}],
        "hostnames": [HOST],
        "rules": [{"matches": [match], "backendRefs": [{"name": "other", "port": 80}]}],
    }
    theirs.apply(
        gateway.entrance(HOST),
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "other"},
            "spec": spec,
        },
    )
    configure(stack, {"route": AT_GATEWAY}, security={"tls": {"domain": HOST}})
    said = stack.refused()
    assert f"security.tls.domain: given '{HOST}', allowed: a host that no other route has" in said
    assert f"HTTPRoute {theirs.name}/other has /predict of it" in said
