"""Bring an endpoint to what is wanted there, step by step."""

from __future__ import annotations

import logging

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.client import VertexClient
from modelberth.provider.vertex.deployment import Desired
from modelberth.provider.vertex.plan import Deploy, Mutate, Route, Step, Undeploy, Wait, next_step
from modelberth.provider.vertex.resources import Endpoint
from modelberth.provider.vertex.transport import ApiError, Pace

__all__ = ["converge"]

_log = logging.getLogger(__name__)

_REFUSALS = 6
"""How often in a row a step may be refused for another state than the one that was read before it."""


def converge(client: VertexClient, desired: Desired, timeout: float, pace: Pace) -> Endpoint:
    """Take step after step until the endpoint is as wanted; the endpoint then.

    Reads may be late: a step that the API refuses for the state that it finds is followed by another look.

    Args:
        client: of the endpoint's region
        desired: what is to run
        timeout: of everything, in seconds
        pace: of the looks

    Raises:
        ApiError: a step was refused or its operation failed; what served before still serves.
        ResourceError: it took longer; run again, it goes on from there.
    """
    end, refusals = pace.now() + timeout, 0
    while True:
        endpoint = client.endpoint(desired.endpoint)
        step = next_step(desired, endpoint, client.running(desired.endpoint))
        if step is None:
            return endpoint
        left = end - pace.now()
        if left <= 0:
            raise ResourceError(
                f"Vertex AI: {desired.endpoint} is not as wanted after {timeout:.0f} s: next is "
                f"{type(step).__name__.lower()}. Run the same again to go on, or allow it more time"
            )
        try:
            _take(client, desired, step, left)
        except ApiError as error:
            refusals += 1
            if not _may_pass(step, error) or refusals > _REFUSALS:
                raise
            pace.sleep(pace.wait(refusals - 1))
        else:
            refusals = 0


def _take(client: VertexClient, desired: Desired, step: Step, timeout: float) -> None:
    """Do one thing and wait for it."""
    endpoint = desired.endpoint
    match step:
        case Wait(operation):
            _log.info("waiting for what a former command began: %s", operation)
            client.wait(operation, timeout)
        case Deploy(deployed_model):
            _log.info("deploying %s", _short(deployed_model["model"]))
            client.wait(client.deploy(endpoint, deployed_model).name, timeout)
        case Mutate(deployed_model):
            _log.info("changing the replicas of %s", _short(deployed_model["model"]))
            client.wait(client.mutate(endpoint, deployed_model).name, timeout)
        case Route(split, etag):
            shares = (f"{percent} % to {_name(desired, one)}" for one, percent in split.items())
            _log.info("moving the requests: %s", ", ".join(shares) or "nobody gets any")
            client.set_traffic(endpoint, split, etag)
        case Undeploy(deployed_model_id):
            _log.info("undeploying %s", deployed_model_id)
            client.wait(client.undeploy(endpoint, deployed_model_id).name, timeout)


def _name(desired: Desired, deployed_model_id: str) -> str:
    return _short(desired.deployments[deployed_model_id].model)


def _short(model: str) -> str:
    """A version as a person knows it."""
    return model.rpartition("/")[2]


def _may_pass(step: Step, error: ApiError) -> bool:
    """Whether another look may find another step: the state was another one, or a former command's failed."""
    if isinstance(step, Wait):
        return error.code in (0, 404)
    if isinstance(step, Route) and error.code == 400:
        return True  # a model that is listed before it serves
    return error.code in (404, 409) or (error.code == 400 and error.status == "FAILED_PRECONDITION")
