"""Canary, blue-green and shadow with two models, at a Gateway, while callers who never retry go on.

Two models that differ in what they answer, fetched from a store in the cluster. What runs the Gateway is a
stand-in: shares of requests are those of the weights that are written, and not of any product's data plane.
The tests of this file share the endpoint and the callers, and go on where the one before ended.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support import gateway
from support.cluster import Cluster, wait
from support.gateway import Gateway
from support.model_store import OTHER_SETOSA, SETOSA, ModelStore
from support.onprem import OnPrem
from support.project import SETOSA as ROWS
from support.request_loop import Counts, RequestLoop

pytestmark = pytest.mark.engine

AT_LEAST = 10_000
HOST = "iris.example.test"
OLD, NEW = SETOSA.decode(), OTHER_SETOSA.decode()
HEADER = {"name": "x-canary", "value": "always"}
AT_ONCE = [{"percent": 10, "bake": "0s"}, {"percent": 50, "bake": "0s"}]
LASTING = [{"percent": 10, "bake": "2h"}, AT_ONCE[1]]
PORTION = 2000
"""Requests over which a share is measured: three standard deviations of 10 % are 2 %."""


class Endpoint:
    """An endpoint at the Gateway, with one key for all of its life."""

    def __init__(self, stack: OnPrem, at: Gateway, store: ModelStore) -> None:
        self.stack, self.gateway, self.store = stack, at, store

    def configure(self, model: int, **rollout: Any) -> None:
        """Write the model and its rollout into the stack's config."""
        if "previous" in rollout:
            rollout["previous"] = self.store.source(rollout["previous"])
        self.stack.configure(
            model=self.store.source(model),
            rollout=rollout,
            security={"tls": {"domain": HOST}},
            target={
                "create_namespace": False,
                "delivery": self.store.delivery,
                # The stand-in is no pod, and may come from anywhere.
                "route": {"kind": "gateway", "gateway": gateway.NAME, "proxies": ["0.0.0.0/0"]},
            },
        )

    def deploy(self, model: int, **rollout: Any) -> None:
        """`up` with the model and its rollout, which is then in effect at the Gateway."""
        self.configure(model, **rollout)
        self.stack.up()
        (route,) = self.stack.namespace.list("httproutes")
        self.gateway.wait_for(route["metadata"]["name"])

    def deployments(self) -> int:
        return len(self.stack.namespace.list("deployments"))

    def post(self, **headers: str) -> httpx.Response:
        """One request, as the callers send theirs."""
        headers = {"host": HOST, "x-api-key": self.stack.key, **headers}
        url = f"{self.gateway.url}/predict"
        return httpx.post(url, json={"input": ROWS}, headers=headers, timeout=10, trust_env=False)


@pytest.fixture(scope="module")
def defined(cluster: Cluster) -> None:
    if not gateway.define(cluster):
        assert not cluster.own
        pytest.skip("the cluster that is named does not have the Gateway API")


@pytest.fixture(scope="module")
def endpoint(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, serving_image: str, defined: None
) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("rollouts") / "project"
    with (
        OnPrem.running(folder, cluster, serving_image, "onprem-rollouts") as stack,
        cluster.namespace("onprem-rollouts") as namespace,
        Gateway.running(namespace, HOST) as at,
    ):
        endpoint = Endpoint(stack, at, ModelStore.within(namespace, serving_image))
        endpoint.deploy(1, strategy="canary")
        yield endpoint


@pytest.fixture(scope="module")
def callers(endpoint: Endpoint) -> Iterator[Counts]:
    headers = {"Host": HOST, "X-Api-Key": endpoint.stack.key}
    loop = RequestLoop(
        f"{endpoint.gateway.url}/predict", pause_s=0.005, headers=headers, marks=(SETOSA, OTHER_SETOSA)
    )
    with loop.running() as counts:
        wait("the callers are at work", lambda: counts.ok > 200)
        yield counts


def share_of_new(callers: Counts, count: int = PORTION) -> float:
    """How many of the next requests the new model answers, in percent."""
    callers.answered_by.clear()
    wait("the callers go on", lambda: callers.answered_by.total() >= count, 120)
    found = dict(callers.answered_by)
    return 100 * found.get(NEW, 0) / sum(found.values())


def test_a_canary_gets_its_share_and_the_way_back_none(endpoint: Endpoint, callers: Counts) -> None:
    assert share_of_new(callers, 200) == 0
    canary = {"strategy": "canary", "previous": 1, "header": HEADER, "steps": AT_ONCE}
    endpoint.deploy(2, **canary, step=1)
    assert endpoint.deployments() == 2
    assert share_of_new(callers) == pytest.approx(10, abs=3)
    answers = {endpoint.post(**{HEADER["name"]: HEADER["value"]}).text.count("Setosa") for _ in range(20)}
    assert answers == {1}, "the header leads to the new model, whatever the share"
    endpoint.configure(2, **{**canary, "steps": LASTING}, step=2)
    said = endpoint.stack.refused()
    assert "Warning: an update would be refused now: endpoints[0].rollout.step: given 2" in said, (
        "its preview"
    )
    assert "error: endpoints[0].rollout.step: given 2, allowed: at most 1 until step 1 (10 percent" in said
    assert "rollout.steps[0].bake: 0s" in said
    endpoint.deploy(2, **canary, step=2)
    assert share_of_new(callers) == pytest.approx(50, abs=5)
    endpoint.deploy(2, **canary, step=3)
    assert share_of_new(callers, 500) == 100
    endpoint.deploy(2, **canary, step=0)
    assert share_of_new(callers, 500) == 0
    assert dict(callers.failed) == {}


def test_blue_and_green_change_places_at_once_and_back(endpoint: Endpoint, callers: Counts) -> None:
    both = {"strategy": "blue_green", "previous": 1}
    endpoint.deploy(2, **both, active="new")
    assert share_of_new(callers, 500) == 100
    endpoint.deploy(2, **both, active="previous")
    assert share_of_new(callers, 500) == 0
    assert endpoint.deployments() == 2
    assert dict(callers.failed) == {}


def test_a_shadow_is_asked_and_never_answers(endpoint: Endpoint, callers: Counts) -> None:
    endpoint.deploy(2, strategy="shadow", previous=1, percent=50)
    before = predictions(endpoint)
    assert share_of_new(callers, 500) == 0
    assert predictions(endpoint) - before > 100, "nothing was copied"
    assert dict(callers.failed) == {}


def predictions(endpoint: Endpoint) -> int:
    """How many requests the pods of the new model have answered."""
    version = "app.kubernetes.io/version=2"
    total = 0
    for pod in endpoint.stack.namespace.pods(version):
        metrics = httpx.get(f"http://{pod['status']['podIP']}:9090/metrics", trust_env=False).text
        lines = [one for one in metrics.splitlines() if one.startswith("modelberth_requests_total{")]
        total += sum(round(float(line.rpartition(" ")[2])) for line in lines)
    return total


def test_the_new_model_stays_alone(endpoint: Endpoint, callers: Counts) -> None:
    """And what the callers saw altogether."""
    endpoint.deploy(2, strategy="canary")
    assert endpoint.deployments() == 1
    assert share_of_new(callers, 500) == 100
    wait(f"{AT_LEAST} requests", lambda: callers.sent >= AT_LEAST, 120)
    assert dict(callers.failed) == {}
    assert callers.ok >= AT_LEAST - 10  # some are on their way
