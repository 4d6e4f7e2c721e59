"""One endpoint under a steady loop of callers who never retry, while all that keeps its pods moving happens.

The tests of this file share the endpoint and the callers, and go on where the one before ended.
"""

from collections.abc import Iterator

import pytest

from support.cluster import NODES, Cluster, wait
from support.onprem import OPEN, OnPrem
from support.request_loop import Counts, RequestLoop

pytestmark = pytest.mark.engine

AT_LEAST = 10_000
REPLICAS = 2


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, serving_image: str) -> Iterator[OnPrem]:
    folder = tmp_path_factory.mktemp("callers") / "project"
    with OnPrem.running(folder, cluster, serving_image, "onprem-callers") as stack:
        stack.configure(security=OPEN)
        stack.up()
        yield stack


@pytest.fixture(scope="module")
def callers(stack: OnPrem) -> Iterator[Counts]:
    with RequestLoop(f"{stack.url}/predict", pause_s=0.01).running() as counts:
        wait("the callers are at work", lambda: counts.ok > 500)
        yield counts


def pods(stack: OnPrem) -> dict[str, str]:
    """The node of each pod that serves."""
    found = stack.namespace.pods(f"app.kubernetes.io/instance={stack.name}")
    return {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in found}


def go_on(callers: Counts, count: int = 500) -> None:
    goal = callers.sent + count
    wait("the callers go on", lambda: callers.sent > goal)


def test_no_request_fails_while_a_new_version_rolls_out(stack: OnPrem, callers: Counts) -> None:
    before = pods(stack)
    assert len(before) == REPLICAS
    stack.configure(security=OPEN, model={"version": "4"})
    assert stack.up()["update"] >= 1
    assert stack.contract["model_version"] == "4"
    assert len(pods(stack)) == REPLICAS
    assert pods(stack).keys().isdisjoint(before)
    go_on(callers)
    assert dict(callers.failed) == {}


def test_no_request_fails_when_a_pod_is_deleted(stack: OnPrem, callers: Counts) -> None:
    gone = next(iter(pods(stack)))
    stack.namespace.kubectl("delete", "pod", gone)
    stack.namespace.wait_for_rollout(stack.name)
    assert gone not in pods(stack)
    assert len(pods(stack)) == REPLICAS
    go_on(callers)
    assert dict(callers.failed) == {}


def test_no_request_fails_while_a_node_is_drained(stack: OnPrem, callers: Counts) -> None:
    """Of two nodes: the pods of the one move to the other, within what the disruption budget allows."""
    cluster, before = stack.cluster, pods(stack)
    if len(stack.namespace.list("nodes")) < NODES:
        assert not cluster.own
        pytest.skip("the cluster that is named has one node")
    assert len(set(before.values())) == REPLICAS, "the pods are not spread over the nodes"
    node = next(iter(before.values()))
    try:
        options = (f"--pod-selector=app.kubernetes.io/instance={stack.name}", "--delete-emptydir-data")
        said = cluster.kubectl("drain", node, *options, "--ignore-daemonsets", "--timeout=90s")
        assert said.count("pod/") >= 1
        stack.namespace.wait_for_rollout(stack.name)
        assert node not in pods(stack).values()
        assert len(pods(stack)) == REPLICAS
        go_on(callers)
    finally:
        cluster.kubectl("uncordon", node)
    assert dict(callers.failed) == {}


def test_nothing_of_all_this_is_a_change_to_the_stack(stack: OnPrem, callers: Counts) -> None:
    """And what the callers saw altogether."""
    assert stack.up() == {}
    wait(f"{AT_LEAST} requests", lambda: callers.sent >= AT_LEAST, 120)
    assert dict(callers.failed) == {}
    assert callers.ok >= AT_LEAST - 10  # some are on their way
    assert callers.connections > AT_LEAST / 4, "half of the callers connect anew for each request"
