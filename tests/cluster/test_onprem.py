"""The whole way: `modelberth up --stack onprem`, pods that answer, and nothing left at the end."""

import base64

import httpx
import pytest

from support.cluster import Namespace
from support.onprem import OnPrem
from support.project import SETOSA

pytestmark = pytest.mark.engine

OF_EVERY_NAMESPACE = {"serviceaccount/default", "configmap/kube-root-ca.crt"}


def status(url: str, key: str | None = None) -> int:
    return predict(url, key).status_code


def predict(url: str, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"x-api-key": key}
    body = {"input": SETOSA}
    return httpx.post(f"{url}/predict", json=body, headers=headers, timeout=10, trust_env=False)


def contents(namespace: Namespace) -> set[str]:
    """What is in a namespace, of every kind that can be listed but events."""
    options = ("--namespaced", "--verbs=list", "--output=name")
    kinds = set(namespace.cluster.kubectl("api-resources", *options).split())
    kinds = {kind for kind in kinds if not kind.startswith("events") and "metrics.k8s.io" not in kind}
    return set(namespace.kubectl("get", ",".join(sorted(kinds)), "--output=name").split())


def test_a_pod_answers_who_has_the_key_and_nothing_is_left(stack: OnPrem) -> None:
    stack.configure()
    assert stack.up()["create"] > 8
    contract = stack.contract
    assert contract["target"] == "kubernetes"
    assert contract["auth"] == "api_key"
    assert contract["image_digest"] == stack.image.rpartition("@")[2]
    labels = stack.cluster.kubectl("get", "namespace", stack.namespace.name, "--output=jsonpath={..labels}")
    assert '"pod-security.kubernetes.io/enforce":"restricted"' in labels
    url, key = stack.url, stack.key
    answer = predict(url, key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == ["setosa"]
    assert [status(url), status(url, "a-guess")] == [401, 401]

    assert stack.up() == {}, "a second `up` changes something"
    assert stack.key == key
    stack.down()
    assert stack.cluster.run("get", "namespace", stack.namespace.name).returncode != 0

    files = [path for path in stack.project.folder.rglob("*") if path.is_file()]
    written = [path.read_bytes() for path in files] + [said.encode() for said in stack.said]
    assert len(files) > 20
    for secret in (key.encode(), base64.b64encode(key.encode())):
        assert len(secret) > 20
        assert not any(secret in content for content in written)


def test_a_namespace_of_somebody_else_stays_as_it_was(stack: OnPrem) -> None:
    namespace = stack.namespace
    with stack.cluster.namespace(namespace.name):
        namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}})
        before = contents(namespace)
        assert {"configmap/theirs", *OF_EVERY_NAMESPACE} <= before
        stack.configure(target={"create_namespace": False})
        stack.up()
        assert len(contents(namespace)) > len(before) + 8
        stack.down()
        assert contents(namespace) == before
