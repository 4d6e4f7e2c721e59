"""Replicas that follow the load: by what the kubelets measure, through metrics-server and the autoscaler."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.cluster import Namespace, wait
from support.onprem import OPEN, OnPrem
from support.request_loop import RequestLoop

pytestmark = pytest.mark.engine

FIXED, MOST = 3, 4


@contextmanager
def seen(namespace: Namespace, deployment: str) -> Iterator[list[tuple[int, int]]]:
    """How many replicas a Deployment asks for, and how many are ready, each time that it changes."""
    shown = '--output=jsonpath={.spec.replicas} {.status.readyReplicas}{"\\n"}'
    cluster = namespace.cluster
    counts: list[tuple[int, int]] = []
    reach = (cluster.kubectl_program, f"--kubeconfig={cluster.kubeconfig}", f"--namespace={namespace.name}")
    with subprocess.Popen(
        [*reach, "get", "deployment", deployment, "--watch", shown], stdout=subprocess.PIPE, text=True
    ) as watching:
        try:
            yield counts
        finally:
            watching.terminate()
            told, _ = watching.communicate()
            rows = [line.partition(" ") for line in told.splitlines()]
            counts += [(int(wanted), int(ready or 0)) for wanted, _, ready in rows]


def test_an_autoscaler_takes_the_replicas_over_and_gives_them_back(stack: OnPrem) -> None:
    def scaled(**scaling: object) -> dict[str, int]:
        stack.configure(security=OPEN, scaling=scaling, resources={"cpu": "100m"})
        return stack.up()

    def asked() -> int:
        return int(namespace.get("deployment", name)["spec"]["replicas"])

    def ready() -> int:
        return int(namespace.get("deployment", name)["status"].get("readyReplicas", 0))

    scaled(min=FIXED, max=FIXED)
    url, name, namespace = stack.url, stack.name, stack.namespace
    with seen(namespace, name) as counts:
        assert scaled(min=FIXED, max=MOST, metric="cpu", target=20)["create"] == 1
        with RequestLoop(f"{url}/predict").running() as calls:
            wait(f"there are {MOST} pods", lambda: ready() == MOST, 180)
            assert stack.up() == {}, "`up` undoes or tells what the autoscaler has done"
            assert ready() == asked() == MOST
            before = calls.sent
            wait("the callers go on", lambda: calls.sent > before + 500)
    assert min(one for both in counts for one in both) == FIXED, counts
    assert counts[-1] == (MOST, MOST)
    assert dict(calls.failed) == {}
    assert calls.ok == calls.sent > 2000
    events = namespace.kubectl("get", "events", "--field-selector=reason=SuccessfulRescale")
    assert "above target" in events

    scaled(min=FIXED, max=FIXED)
    assert namespace.list("horizontalpodautoscalers") == []

    def settled() -> bool:
        if asked() != FIXED:  # until it went, the autoscaler may have had a last turn
            stack.up()
        return ready() == asked() == FIXED

    wait(f"there are {FIXED} pods again, and stay", settled, 120)
