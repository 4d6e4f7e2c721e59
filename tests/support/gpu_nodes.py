"""A node whose status says that it has GPUs. There are none: the scheduler and quotas go by what it says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from support.cluster import Cluster

LABEL = "nvidia.com/gpu.product"
RESOURCE = "nvidia.com/gpu"


@contextmanager
def gpu_node(cluster: Cluster, count: int) -> Iterator[str]:
    """Let the first node have so many of the kind L4; its name."""
    nodes = json.loads(cluster.kubectl("get", "nodes", "--output=json"))["items"]
    name = str(nodes[0]["metadata"]["name"])
    _have(cluster, name, str(count))
    cluster.kubectl("label", "node", name, f"{LABEL}=NVIDIA-L4", "--overwrite")
    try:
        yield name
    finally:
        cluster.kubectl("label", "node", name, f"{LABEL}-")
        _have(cluster, name, None)


def _have(cluster: Cluster, node: str, count: str | None) -> None:
    resources = {RESOURCE: count}
    patch = json.dumps({"status": {"capacity": resources, "allocatable": resources}})
    cluster.kubectl("patch", "node", node, "--subresource=status", "--type=merge", f"--patch={patch}")
