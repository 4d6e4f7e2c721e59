"""Endpoints that ask for GPUs, by the stack: placed on the node that says it has some, within a quota.

There is no GPU. What answers is the serving image on the CPU, as an image of somebody's own.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from modelberth.kubernetes.accelerators.node_pool import KubernetesGpuNodePoolArgs, quotas
from support.cluster import Cluster, wait
from support.gpu_nodes import RESOURCE, gpu_node
from support.onprem import OPEN, OnPrem
from support.project import Config, predict

pytestmark = pytest.mark.engine


@pytest.fixture
def node(cluster: Cluster) -> Iterator[str]:
    """A node with two GPUs: enough for two endpoints, of which the quota allows one."""
    with gpu_node(cluster, 2) as name:
        yield name


def endpoint(stack: OnPrem, name: str) -> Config:
    """An endpoint with a GPU, in a namespace that is there."""
    changes: dict[str, Any] = {
        "name": name,
        "security": OPEN,
        "model": {"format": "custom"},
        "runtime": {"engine": "custom", "image": stack.image},
        "scaling": {"min": 1, "max": 1},
        "resources": {"cpu": "100m", "gpu": {"kind": "l4"}},
        "target": {"create_namespace": False, "image": None},
    }
    return stack.endpoint(**changes)


def test_an_endpoint_gets_the_gpu_and_the_next_is_told_of_the_quota(stack: OnPrem, node: str) -> None:
    with stack.cluster.namespace(stack.namespace.name) as namespace:
        namespace.apply(*quotas(KubernetesGpuNodePoolArgs(namespace.name, "l4", 1, (node,)), "gpus").values())
        wait("the quota is counted", lambda: "hard" in namespace.get("resourcequota", "gpus")["status"])
        first, second = endpoint(stack, "first"), endpoint(stack, "second")
        stack.project.configure(first)
        stack.up()
        (pod,) = namespace.pods("app.kubernetes.io/managed-by=modelberth")
        assert pod["spec"]["nodeName"] == node
        assert pod["spec"]["containers"][0]["resources"]["limits"][RESOURCE] == "1"
        assert predict(stack.url)["predictions"] == ["setosa"]

        stack.project.configure(first, second)
        said = stack.refused()
        assert "endpoints[1].resources.gpu: given '1 x l4', allowed: what quota gpus of namespace" in said
        assert f"requests.{RESOURCE}: the endpoint asks for 1, others use 1, and 1 is the most" in said
        assert len(namespace.pods("app.kubernetes.io/managed-by=modelberth")) == 1
