"""In words, what somebody changed on an endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from modelberth.provider.vertex.deployment import Desired
from modelberth.provider.vertex.plan import Deploy, Mutate, Route, Undeploy, next_step
from modelberth.provider.vertex.resources import Endpoint

__all__ = ["drift"]


def drift(desired: Desired, endpoint: Endpoint) -> str:
    """The first thing that is not as wanted; empty where everything is."""
    names = {one: deployment.model for one, deployment in desired.deployments.items()}
    match next_step(desired, endpoint, ()):
        case Deploy(deployed_model):
            return f"{_short(deployed_model['model'])} is not deployed"
        case Mutate(deployed_model):
            return f"{_short(deployed_model['model'])} has other replicas or targets"
        case Route(split):
            return f"requests go to {_told(endpoint.traffic, names)}, not to {_told(split, names)}"
        case Undeploy(number):
            return f"{_short(endpoint.deployed[number].document.get('model', number))} is still deployed"
        case _:
            return ""


def _told(split: Mapping[str, int], names: Mapping[str, str]) -> str:
    told = (f"{_short(names.get(one, one))} ({percent} %)" for one, percent in sorted(split.items()))
    return " and ".join(told) or "nobody"


def _short(model: str) -> str:
    return model.rpartition("/")[2]
