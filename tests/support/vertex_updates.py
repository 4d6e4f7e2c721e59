"""Updates of what runs on an endpoint of the fake Vertex AI, and what must hold all through them."""

from typing import Any

from modelberth.provider.vertex.converge import converge
from modelberth.provider.vertex.deployment import CPU, Deployment, Desired, Share
from support.vertex_api import ENDPOINT, PARENT, VertexApi
from support.vertex_client import Clock, Crashing, Direct, client, plain

OWNER = "shop-prod-iris"


def version(number: int, machine: str = "n1-standard-4", **changes: object) -> Deployment:
    return Deployment(f"{PARENT}/models/iris@{number}", machine, **changes)  # type: ignore[arg-type]


def desired(*shares: tuple[Deployment, int]) -> Desired:
    return Desired(OWNER, ENDPOINT, tuple(Share(*one) for one in shares))


NOTHING = desired()
FIRST = desired((version(1), 100))
SECOND = desired((version(2), 100))
CANARY = desired((version(1), 90), (version(2), 10))
SCALED = desired((version(1, min_replicas=2, max_replicas=4, targets=((CPU, 70),)), 100))
MACHINE = desired((version(1, "n1-standard-8"), 100))
EVERY = {
    "nothing": NOTHING,
    "first": FIRST,
    "second": SECOND,
    "canary": CANARY,
    "scaled": SCALED,
    "machine": MACHINE,
}


def run(api: VertexApi, wanted: Desired, at: int | None = None, *, answered: bool = False) -> int:
    """Run a command, which is killed at a request where one is named; how many requests it sent.

    A world that has no server is asked without one.
    """
    clock = Clock()
    sending = Crashing(plain() if api.port else Direct(api), at, answered=answered)
    with client(api, clock, sending) as one:
        converge(one, wanted, 3600, clock.pace())
    return sending.count


def started(**changes: Any) -> VertexApi:
    api = VertexApi(**changes)
    api.add_endpoint()
    api.add_model(f"{PARENT}/models/iris", versions=3)
    return api


def check_converged(api: VertexApi, wanted: Desired) -> None:
    """What runs is what is wanted, once each, with its requests and its replicas; nothing is on its way."""
    endpoint = api.endpoints[ENDPOINT]
    there = {one["id"]: one for one in endpoint["deployedModels"]}
    assert len(there) == len(endpoint["deployedModels"])
    assert set(there) == set(wanted.deployments), "left behind, or missing"
    assert endpoint["trafficSplit"] == wanted.traffic
    assert not api.deploying
    assert not api.undeploying
    for name, deployment in wanted.deployments.items():
        assert there[name]["model"] == deployment.model
        assert there[name]["displayName"] == OWNER
        resources = there[name]["dedicatedResources"]
        assert resources["machineSpec"]["machineType"] == deployment.machine_type
        assert {key: resources[key] for key in deployment.scaling} == deployment.scaling
        assert ("autoscalingMetricSpecs" in resources) == bool(deployment.targets)


def check_history(api: VertexApi, *, always_serves: bool) -> None:
    """At no time did a request go to what is not deployed, or the same thing run twice."""
    served = False
    for endpoints, deploying in api.history:
        endpoint = endpoints[ENDPOINT]
        there = [one["id"] for one in endpoint["deployedModels"]]
        split = endpoint["trafficSplit"]
        assert set(split) <= set(there), "requests to what is not deployed"
        assert sum(split.values()) in (0, 100)
        what = [
            (one["model"], str(one["dedicatedResources"]["machineSpec"]), one["displayName"])
            for one in [*endpoint["deployedModels"], *deploying.values()]
        ]
        assert len(what) == len(set(what)), "deployed twice"
        served = served or bool(split)
        assert split or not served or not always_serves, "nobody serves"
