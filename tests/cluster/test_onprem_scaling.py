"""Replicas that follow the load: by what the kubelets measure, through metrics-server and the autoscaler."""

import pytest

from support.cluster import wait
from support.onprem import OPEN, OnPrem
from support.request_loop import RequestLoop

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("unready")]

MOST = 3


def test_load_brings_pods_and_another_up_leaves_them(stack: OnPrem) -> None:
    scaling = {"min": 1, "max": MOST, "metric": "cpu", "target": 20}
    stack.configure(security=OPEN, scaling=scaling, resources={"cpu": "100m"})
    stack.up()
    url, name, namespace = stack.url, stack.name, stack.namespace
    assert namespace.get("deployment", name)["spec"]["replicas"] == 1

    def ready() -> int:
        return int(namespace.get("deployment", name)["status"].get("readyReplicas", 0))

    with RequestLoop(f"{url}/predict").running() as counts:
        wait(f"there are {MOST} pods", lambda: ready() == MOST, 180)
        assert stack.up() == {}, "`up` undoes or tells what the autoscaler has done"
        assert ready() == MOST
        before = counts.sent
        wait("the callers go on", lambda: counts.sent > before + 500)
    assert dict(counts.failed) == {}
    assert counts.ok == counts.sent > 2000
    events = namespace.kubectl("get", "events", "--field-selector=reason=SuccessfulRescale")
    assert "above target" in events
