"""Which steps of a rollout have to last, as an endpoint asks it of its cluster."""

from typing import Any

import pytest

from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.preflight.needs import needs
from modelberth.kubernetes.preflight.requirements import RequiredBake, RolloutStep
from modelberth.kubernetes.stages import stages
from support.endpoint_modes import MODES
from support.endpoint_plans import PREVIOUS, canary
from support.route_modes import GATEWAY, routed

STEPS = [{"percent": 10, "bake": "30s"}, {"percent": 50, "bake": "1h"}]


def asked(made: Plan) -> list[RequiredBake]:
    return [*needs(made, stages(made)).bakes]


def in_steps(step: int, steps: Any = STEPS, **more: Any) -> Plan:
    return routed(GATEWAY, rollout=canary(step, steps=steps, **more))


def backends(made: Plan) -> list[str]:
    """As the route has them where it splits the requests."""
    (route,) = [one for one in stages(made) if one["kind"] == "HTTPRoute"]
    assert route["metadata"]["name"] == made.name
    return [one["name"] for one in route["spec"]["rules"][-1]["backendRefs"]]


@pytest.mark.parametrize(("step", "percent"), [(2, 50), (3, 100)])
def test_a_step_further_asks_with_the_names_that_the_route_has(step: int, percent: int) -> None:
    made = in_steps(step)
    new, previous = backends(made)
    assert asked(made) == [
        RequiredBake(
            route="shop-onprem-iris",
            new=new,
            previous=previous,
            percent=percent,
            steps=[RolloutStep(10, 30.0), RolloutStep(50, 3600.0)],
            path="rollout.step",
            given=str(step),
        )
    ]


def test_where_the_former_model_is_taken_away_the_new_one_gets_everything() -> None:
    (found,) = asked(routed(GATEWAY, rollout={"strategy": "canary", "steps": STEPS}))
    assert (found.path, found.given, found.percent) == ("rollout.previous", "nothing", 100)
    assert found.previous is None
    assert found.new == backends(in_steps(1))[0], "the route that is live splits the requests"


@pytest.mark.parametrize(
    "made",
    [
        in_steps(0),
        in_steps(1),
        in_steps(2, [{"percent": 10, "bake": "0s"}, STEPS[1]]),
        in_steps(3, [{"percent": 10, "bake": "0s"}, {"percent": 50, "bake": "0s"}]),
        routed(GATEWAY, rollout={"strategy": "blue_green", "previous": PREVIOUS}),
        routed(GATEWAY, rollout={"strategy": "shadow", "previous": PREVIOUS, "promoted": True}),
        routed(GATEWAY),
    ],
)
def test_nothing_is_asked_where_no_step_lies_before_that_has_to_last(made: Plan) -> None:
    assert asked(made) == []


def test_a_step_that_need_not_last_may_still_be_followed_by_one_that_has_to() -> None:
    (found,) = asked(in_steps(3, [{"percent": 10, "bake": "0s"}, STEPS[1]]))
    assert [one.bake_seconds for one in found.steps] == [0.0, 3600.0]


def test_ray_has_names_of_its_own() -> None:
    mode = MODES["Ray, canary"]
    made = Plan.of(mode.deployment.spec, mode.target, "shop", "onprem")
    names = backends(made)
    rollout = made.spec.rollout.model_copy(update={"step": 2})
    spec = made.spec.model_copy(update={"rollout": rollout})
    (found,) = asked(Plan.of(spec, made.target, "shop", "onprem"))
    assert [found.new, found.previous] == names
