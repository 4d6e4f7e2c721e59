"""Time that a rollout takes: a step further only where the live one has lasted for its `bake`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.kubernetes.network.routing import backend_name
from modelberth.kubernetes.preflight.requirements import RequiredBake, RolloutStep
from modelberth.spec.kubernetes import GatewayRoute
from modelberth.spec.rollout import Canary

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan

__all__ = ["needed_bakes"]


def needed_bakes(plan: Plan) -> Iterator[RequiredBake]:
    """Yield the steps that lie before what the new model is to get, where one of them has to last.

    To take `rollout.previous` away is to give the new model everything, whatever the last step.
    """
    rollout = plan.spec.rollout
    if not isinstance(rollout, Canary) or not isinstance(plan.target.route, GatewayRoute):
        return
    new, *previous = plan.revisions
    if not any(step.percent < new.weight and step.bake.milliseconds for step in rollout.steps):
        return
    yield RequiredBake(
        route=plan.name,
        new=backend_name(plan, new),
        previous=backend_name(plan, previous[0]) if previous else None,
        percent=new.weight,
        steps=[RolloutStep(step.percent, step.bake.seconds) for step in rollout.steps],
        path="rollout.step" if previous else "rollout.previous",
        given=str(rollout.step) if previous else "nothing",
    )
