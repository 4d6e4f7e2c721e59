"""The cluster's real answers: what it has and lacks, and a key that only it holds."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from modelberth.provider.kubernetes.api_key import ApiKey
from modelberth.provider.kubernetes.requirements import Requirements
from modelberth.provider.resource import Settings
from support.cluster import Cluster, Namespace, wait

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "verbs": ["create", "delete", "get", "patch"]}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "own", "labels": {"app.kubernetes.io/instance": "iris"}},
    "spec": {
        "nodeSelector": {"modelberth": "no-such-node"},
        "containers": [
            {
                "name": "pause",
                "image": "localhost/pause:1",
                "resources": {"requests": {"cpu": "1"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }
        ],
    },
}


def told(space: Namespace, **inputs: Any) -> list[str]:
    settings = Settings(root=Path("/"), state_dir=Path("/"))
    base = {"kubeconfig": str(space.cluster.kubeconfig), "namespace": space.name, "instance": "iris"}
    return [failure.reason for failure in Requirements(settings).check({**base, **inputs}, {}).failures]


def test_a_cluster_tells_what_it_lacks(namespace: Namespace) -> None:
    entries: dict[str, Any] = {
        "kinds": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "path": "there"},
            {"apiVersion": "acme.example/v1", "kind": "Rocket", "path": "a"},
            {"apiVersion": "apps/v3", "kind": "Deployment", "path": "b"},
        ],
        "objects": [
            {"apiVersion": "v1", "kind": "ServiceAccount", "name": "default", "path": "there"},
            {"apiVersion": "v1", "kind": "Secret", "name": "gone", "path": "c"},
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "name": "gone", "path": "d"},
        ],
        "releases": [{"minimum": "1.30", "path": "there"}, {"minimum": "9.0", "path": "e"}],
        "devices": [{"resource": "example.com/gpu", "perPod": 1, "pods": 1, "path": "f"}],
        "permissions": [DEPLOYMENT],
    }
    said = told(namespace, **entries)
    assert [one.partition(":")[0] for one in said] == ["a", "b", "c", "d", "e", "f"]
    for fragment, one in zip(
        [
            "there is no acme.example",
            "apps is there as v1 alone",
            "kubectl create secret generic gone",
            "allowed: the name of an existing StorageClass",
            "is v1.",
            "no example.com/gpu on any of",
        ],
        said,
        strict=True,
    ):
        assert fragment in one
    (missing,) = told(namespace, namespace="no-such-namespace-here")
    assert "target.namespace: given 'no-such-namespace-here', allowed: an existing namespace" in missing


def test_a_quota_is_what_others_leave(namespace: Namespace) -> None:
    hard = {"requests.cpu": "2", "pods": "3"}
    namespace.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "budget"}, "spec": {"hard": hard}}
    )
    namespace.kubectl("wait", "resourcequota/budget", "--for=jsonpath={.status.hard.pods}=3")
    namespace.apply(POD)
    assert namespace.get("resourcequota", "budget")["status"]["used"] == {"requests.cpu": "1", "pods": "1"}
    asked = [{"resource": "requests.cpu", "amount": "2", "path": "resources.cpu"}]
    assert told(namespace, quota=asked) == []
    (said,) = told(namespace, quota=asked, instance="other")
    assert "requests.cpu: the endpoint asks for 2, others use 1, and 2 is the most" in said


# Refused and let in take turns: that the cluster agrees is then never left over from the one before.
BOUNDS: list[dict[str, Any]] = [
    {"type": "Container", "default": {"cpu": "500m"}},
    {"type": "Container", "max": {"cpu": "2", "memory": "64Mi"}},
    {"type": "Container", "maxLimitRequestRatio": {"memory": "1500m"}},
    {"type": "Pod", "max": {"memory": "64Mi"}, "min": {"cpu": "1"}},
    {"type": "Pod", "max": {"cpu": "9"}},
]


def test_pods_are_refused_by_the_limit_ranges_that_would_refuse_them(namespace: Namespace) -> None:
    asked = {"requests": {"cpu": "1", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    (container,) = POD["spec"]["containers"]
    pod = {**POD, "spec": {**POD["spec"], "containers": [{**container, "resources": asked}]}}
    entry = {"name": "own", "containers": [{"name": "pause", "path": "resources", **asked}]}
    said = []
    for bound in BOUNDS:
        kind = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds"}}
        namespace.kubectl("delete", "limitrange", "bounds", "--ignore-not-found")
        namespace.apply({**kind, "spec": {"limits": [bound]}})
        told_now = told(namespace, pods=[entry])
        said.append([one.partition(":")[0] for one in told_now])
        is_refused = bool(told_now)
        wait(
            f"the cluster {'refuses' if is_refused else 'takes'} the pod under {bound}",
            lambda: bool(namespace.try_apply(pod, dry_run=True).returncode) is is_refused,  # noqa: B023
            10,
        )
    assert said == [["resources.cpu"], [], ["resources.memory"], [], ["resources.cpu"]]


def test_claims_and_objects_are_refused_where_a_quota_has_no_room(namespace: Namespace) -> None:
    hard = {
        "requests.storage": "5Gi",
        "count/configmaps": "1",
        "services": "1",
        "count/deployments.apps": "0",
    }
    namespace.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "budget"}, "spec": {"hard": hard}}
    )
    # The cluster puts one of its own into each namespace.
    wait(
        "the quota has counted",
        lambda: (
            namespace.get("resourcequota", "budget").get("status", {}).get("used", {}).get("count/configmaps")
            == "1"
        ),
    )
    claim = {"name": "cache", "storage": "10Gi", "path": "target.delivery"}
    made = [
        {"apiVersion": "v1", "kind": "ConfigMap", "names": ["settings"]},
        {"apiVersion": "v1", "kind": "Service", "names": ["iris"]},
        {"apiVersion": "apps/v1", "kind": "Deployment", "names": ["iris", "iris--b"]},
    ]
    said = told(namespace, claims=[claim], made=made)
    assert [one.partition(":")[0] for one in said] == ["target.delivery.size", *["target.namespace"] * 2]
    assert "requests.storage: the endpoint asks for 10Gi, others use 0, and 5Gi is the most" in said[0]
    assert "count/configmaps: the endpoint asks for 1, others use 1, and 1 is the most" in said[1]
    assert "count/deployments.apps: the endpoint asks for 2, others use 0, and 0 is the most" in said[2]
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "cache"}}
    refused = namespace.try_apply({**kind, "spec": spec}, dry_run=True)
    assert "exceeded quota: budget" in refused.stderr


def test_a_user_with_few_rights_learns_which_to_ask_for(namespace: Namespace, tmp_path: Path) -> None:
    namespace.kubectl("create", "serviceaccount", "deployer")
    namespace.kubectl("create", "role", "deployer", "--verb=get,create", "--resource=deployments.apps")
    account = f"--serviceaccount={namespace.name}:deployer"
    namespace.kubectl("create", "rolebinding", "deployer", "--role=deployer", account)
    config = json.loads(namespace.cluster.kubectl("config", "view", "--raw", "--minify", "--output=json"))
    config["users"][0]["user"] = {"token": namespace.kubectl("create", "token", "deployer").strip()}
    own = tmp_path / "kubeconfig"
    own.write_text(json.dumps(config))
    gpus = [{"resource": "example.com/gpu", "perPod": 1, "pods": 1, "path": "f"}]
    (said,) = told(namespace, kubeconfig=str(own), permissions=[DEPLOYMENT], devices=gpus)
    assert f"a namespace for which system:serviceaccount:{namespace.name}:deployer may do" in said
    assert ": delete, patch deployments." in said
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["delete", "patch"]}
    assert json.loads(said.partition("these rules: ")[2]) == [rule]
    namespace.kubectl("create", "role", "more", "--verb=delete,patch", "--resource=deployments.apps")
    namespace.kubectl("create", "rolebinding", "more", "--role=more", account)
    assert told(namespace, kubeconfig=str(own), permissions=[DEPLOYMENT], devices=gpus) == []


def test_a_key_lives_in_the_cluster_alone(namespace: Namespace, cluster: Cluster) -> None:
    resource = ApiKey(Settings(root=Path("/"), state_dir=Path("/")))
    inputs = {
        "kubeconfig": str(cluster.kubeconfig),
        "namespace": namespace.name,
        "name": "keys",
        "endpoint": "iris",
        "labels": {"team": "shop"},
    }
    made = resource.create(inputs, 0)
    first = _key(namespace)
    assert made.outputs["fingerprint"] == hashlib.sha256(first.encode()).hexdigest()[:12]
    rotated = resource.update(made.id, made.outputs, {**inputs, "rotation": "2"}, 0)
    second = _key(namespace)
    assert second != first
    lines = base64.b64decode(namespace.get("secret", "keys")["data"]["keys"]).decode().splitlines()
    assert lines == [f"default {hashlib.sha256(key.encode()).hexdigest()}" for key in (second, first)]
    found = resource.read(made.id, inputs, rotated)
    assert found is not None
    assert found.outputs == rotated
    again = resource.create({**inputs, "rotation": "2"}, 0).outputs
    assert _key(namespace) == second
    resource.delete(made.id, rotated, 0)  # another create has taken it over
    assert _key(namespace) == second
    resource.delete(made.id, again, 0)
    assert resource.read(made.id, inputs, again) is None
    namespace.kubectl("create", "secret", "generic", "keys", "--from-literal=key=mine")
    (refused,) = resource.check(inputs, {}).failures
    assert f"while {namespace.name}/keys is not Modelberth's" in refused.reason
    resource.delete(made.id, again, 0)
    assert _key(namespace) == "mine"


def _key(namespace: Namespace) -> str:
    return base64.b64decode(namespace.get("secret", "keys")["data"]["key"]).decode()
