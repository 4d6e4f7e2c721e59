"""The next step from what is found on an endpoint to what is wanted there.

An update deploys the new model, waits, moves the requests and only then takes the former one away. No step
is remembered: each follows from what the API tells, so a command that ended anywhere is taken up by the next
one, also where that one wants something else. What serves keeps its requests until its successor is deployed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelberth.provider.vertex.deployment import Deployment, Desired
from modelberth.provider.vertex.resources import DeployedModel, Endpoint

__all__ = ["Deploy", "Mutate", "Route", "Step", "Undeploy", "Wait", "next_step"]


@dataclass(frozen=True)
class Wait:
    """For an operation that a former command began: what it makes does not show before it ends."""

    operation: str


@dataclass(frozen=True)
class Deploy:
    """A model that is not there, which gets no request yet."""

    deployed_model: Mapping[str, Any]


@dataclass(frozen=True)
class Mutate:
    """Other replicas for a model that is there."""

    deployed_model: Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """Other shares of the requests, all to models that are there."""

    split: Mapping[str, int]
    etag: str


@dataclass(frozen=True)
class Undeploy:
    """A model of ours that is wanted no more and gets no request."""

    deployed_model_id: str


Step = Wait | Deploy | Mutate | Route | Undeploy


def next_step(desired: Desired, endpoint: Endpoint, running: Sequence[str]) -> Step | None:
    """The one thing to do next; None where everything is as wanted.

    Args:
        desired: what is to run
        endpoint: as it is found
        running: names of the operations on it that have not ended
    """
    if running:
        return Wait(running[0])
    wanted = desired.deployments
    # Before anything is deployed: what a command left that ended early holds the quota of what comes.
    for name, model in sorted(endpoint.deployed.items()):
        if model.display_name == desired.owner and name not in wanted and name not in endpoint.traffic:
            return Undeploy(name)
    for name, deployment in wanted.items():
        if name not in endpoint.deployed:
            return Deploy(desired.document_of(deployment))
    for name, deployment in wanted.items():
        if not _is_scaled(endpoint.deployed[name], deployment):
            return Mutate(desired.document_of(deployment))
    # What others deployed keeps its requests where nothing of ours is wanted.
    is_served = bool(wanted) or any(name in endpoint.traffic for name in endpoint.owned(desired.owner))
    if is_served and endpoint.traffic != desired.traffic:
        return Route(desired.traffic, endpoint.etag)
    return None


def _is_scaled(found: DeployedModel, wanted: Deployment) -> bool:
    least = found.dedicated.get("minReplicaCount", 1)
    specs = found.dedicated.get("autoscalingMetricSpecs", ())
    targets = {(one["metricName"], one.get("target", _TARGET)) for one in specs}
    most = found.dedicated.get("maxReplicaCount", least)
    return (least, most, targets) == (wanted.min_replicas, wanted.max_replicas, set(wanted.targets))


_TARGET = 60
"""Percent where a metric has no target."""
