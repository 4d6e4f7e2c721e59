"""What the other tests take for granted of the cluster, seen to hold on it."""

import json

import httpx

from support.cluster import NODES, Cluster, Namespace, Object, wait

PAUSE = "localhost/pause:1"


def pod(name: str, **security: object) -> Object:
    confined = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "pause",
        "image": PAUSE,
        "imagePullPolicy": "Never",
        "securityContext": confined | security,
    }
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def test_every_node_is_ready_and_of_the_version_that_is_asked_for(cluster: Cluster) -> None:
    nodes = json.loads(cluster.kubectl("get", "nodes", "--output=json"))["items"]
    assert cluster.own is None or len(nodes) == NODES
    ready = [
        condition["status"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    assert ready == ["True"] * len(nodes)


def test_a_pod_that_asks_for_more_than_restricted_is_refused(namespace: Namespace) -> None:
    assert namespace.try_apply(pod("plain"), dry_run=True).returncode == 0
    for given in (
        {"allowPrivilegeEscalation": True},
        {"capabilities": {}},
        {"runAsNonRoot": False},
        {"seccompProfile": {"type": "Unconfined"}},
    ):
        refused = namespace.try_apply(pod("bold", **given), dry_run=True)
        assert refused.returncode != 0, given
        assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def test_a_field_that_the_server_does_not_know_is_an_error(namespace: Namespace) -> None:
    wrong = pod("wrong") | {"spec": {**pod("wrong")["spec"], "tolerationz": []}}
    refused = namespace.try_apply(wrong, dry_run=True)
    assert refused.returncode != 0
    assert "tolerationz" in refused.stderr


def test_pods_run_on_every_node_and_their_use_is_measured(namespace: Namespace) -> None:
    """Measured is what an autoscaler goes by: the metrics API answers for pods, not only for nodes."""
    nodes = [node["metadata"]["name"] for node in namespace.list("nodes")]
    pinned = [pod(f"on-{name}") for name in nodes]
    for one, name in zip(pinned, nodes, strict=True):
        one["spec"]["nodeName"] = name
    namespace.apply(*pinned)
    wait("every pod runs", lambda: len(running(namespace)) == len(nodes))
    address = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace.name}/pods"

    def measured() -> list[Object]:
        done = namespace.cluster.run("get", "--raw", address)
        return list(json.loads(done.stdout)["items"]) if done.returncode == 0 else []

    wait("metrics of every pod", lambda: len(measured()) == len(nodes), 90)
    for item in measured():
        assert item["containers"][0]["name"] == "pause"
        assert item["containers"][0]["usage"]["memory"] != "0"


def running(namespace: Namespace) -> list[Object]:
    return [one for one in namespace.list("pods") if one["status"]["phase"] == "Running"]


def test_the_address_of_a_service_without_pods_refuses_at_once(namespace: Namespace) -> None:
    spec = {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}
    metadata = {"name": "empty"}
    namespace.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    url = namespace.service_url("empty")

    def refused() -> bool:
        try:
            httpx.get(url, timeout=2, trust_env=False)
        except httpx.ConnectError:
            return True
        except httpx.TimeoutException:
            return False
        raise AssertionError("somebody answers at the address of a Service without pods")

    wait(f"{url} refuses", refused, 20)
