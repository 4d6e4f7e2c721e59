"""Finding the resource that is asked for, choosing what to leave out, and how to turn it off."""

from pathlib import Path
from typing import Any

import pytest

from modelberth.cli.explain import chosen
from modelberth.cli.explanation import Explanation, form, turn_off
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.omitted import MOST_RUNS, Experiment, candidates
from modelberth.cli.stack import Stack
from modelberth.preview.cost import Cost, Scenario
from modelberth.preview.plan import Difference, Marker
from modelberth.preview.provenance import Influence, Keys, Omission
from support.plans import endpoint, plan, step, under, urn

ROLE = "aws:iam/role:Role"
OWNER = endpoint(None, {})
FUNCTION, FIRST, SECOND = under(
    OWNER,
    step("aws:lambda/function:Function", None, {}, name="predict"),
    step(ROLE, None, {}, name="first"),
    step(ROLE, None, {}, name="second"),
)
PLAN = plan(OWNER, FUNCTION, FIRST, SECOND)
STACK = Stack("prod", Path("/shop"), "shop")
PART = "It belongs to ModelEndpoint `scoring` and cannot be turned off alone"
ENTRY: Keys = ("shop:endpoints", 0)


@pytest.mark.parametrize("wanted", ["predict", FUNCTION.type, FUNCTION.urn])
def test_a_resource_goes_by_name_type_and_urn(wanted: str) -> None:
    assert chosen(PLAN, wanted) is FUNCTION


def test_of_several_all_are_named() -> None:
    with pytest.raises(Failure, match="which 2 have") as failure:
        chosen(PLAN, ROLE)
    assert failure.value.status == Exit.USAGE
    assert str(failure.value).splitlines()[1:] == [f"  {urn(ROLE, name)}" for name in ("first", "second")]


def test_of_none_the_nearest_are_named() -> None:
    with pytest.raises(Failure) as failure:
        chosen(PLAN, "predcit")
    assert failure.value.status == Exit.USAGE
    assert str(failure.value).endswith("near is: predict")
    with pytest.raises(Failure, match=r"there are: .*first.*predict.*second"):
        chosen(PLAN, "???")


def entry(**more: Any) -> dict[str, Any]:
    return {"name": "iris", "model": {"uri": "model.onnx"}, "target": {"kind": "local"}, **more}


def tried(config: Any, at: Keys = ENTRY, owner: str = "iris") -> tuple[list[str], dict[str, str]]:
    found, not_tried = candidates(config, "shop", at, owner)
    return [omission.path for omission in found], dict(not_tried)


def test_what_is_required_or_the_default_is_not_tried_and_that_is_said() -> None:
    given = entry(scaling={"min": 2, "max": 2}, limits={"timeout": "60s", "concurrency": 64})
    assert tried({"shop:endpoints": [given]}) == (
        ["shop:endpoints[0].scaling", "shop:endpoints[0].limits.timeout"],
        {
            "shop:endpoints[0].limits.concurrency": "it is the default",
            "shop:endpoints[0].name": "it is required",
            "shop:endpoints[0].model.uri": "it is required",
            "shop:endpoints[0].target.kind": "it is required",
        },
    )


def test_only_the_own_endpoint_counts_and_its_whole_comes_first() -> None:
    config = {"shop:endpoints": [entry(protect=True), {**entry(protect=True), "name": "two"}]}
    found, _ = tried(config)
    assert found == ["shop:endpoints[0]", "shop:endpoints[0].protect"]


def test_what_belongs_to_no_endpoint_may_come_from_anything() -> None:
    found, _ = tried({"aws:region": "x", "shop:endpoints": [entry(protect=True)]}, ())
    assert found == ["aws:region", "shop:endpoints[0].protect"]


def test_a_config_of_another_shape_is_tried_whole_the_owners_part_first() -> None:
    config = {"aws:region": "x", "shop:scoring": {"memory": 1, "canary": {"percent": 5}}}
    found, not_tried = tried(config, (), "scoring")
    assert found == ["shop:scoring.memory", "shop:scoring.canary.percent", "aws:region"]
    assert not_tried == {}


def test_the_number_of_plans_is_bounded_and_the_rest_is_said() -> None:
    config = {f"shop:key{number:02}": number for number in range(MOST_RUNS + 3)}
    found, not_tried = tried(config, (), "")
    assert len(found) == MOST_RUNS
    assert list(not_tried) == [f"shop:key{number}" for number in range(MOST_RUNS, MOST_RUNS + 3)]


def explained(*influences: Influence, own: Keys = ENTRY, owned: bool = True, **more: Any) -> Explanation:
    nothing = Scenario(())
    return Explanation(
        **{"step": FUNCTION, **more},
        place=(),
        owner=OWNER if owned else None,
        purpose=None,
        cost=Cost(least=nothing, expected=nothing, most=nothing),
        experiment=Experiment(influences=influences, endpoint=own),
    )


def made(*keys: str | int) -> Influence:
    return Influence(Omission(keys, None), makes=True)


def test_the_smallest_part_that_removes_it_turns_it_off() -> None:
    explanation = explained(made(*ENTRY), made(*ENTRY, "monitoring", "slo"), made(*ENTRY, "monitoring"))
    assert turn_off(explanation, STACK) == (
        "Leave `shop:endpoints[0].monitoring.slo` out of Pulumi.prod.yaml."
    )


@pytest.mark.parametrize(
    ("explanation", "said"),
    [
        (
            explained(made(*ENTRY)),
            f"{PART}: take `shop:endpoints[0]` out of Pulumi.prod.yaml.",
        ),
        (
            explained(),
            f"{PART}, the stack's only one: `modelberth down --stack prod` removes it.",
        ),
        (
            explained(step=OWNER),
            "It is the whole endpoint, the stack's only one: `modelberth down --stack prod` removes it.",
        ),
        (
            explained(own=()),
            f"{PART}: no setting that was tried removes it.",
        ),
        (explained(owned=False, own=()), "No setting turns it off: it is the program's own."),
    ],
)
def test_what_cannot_be_turned_off_alone(explanation: Explanation, said: str) -> None:
    assert turn_off(explanation, STACK) == said


def test_no_secret_is_told() -> None:
    differences = (
        Difference("environment.TOKEN", "canary-1", "canary-2"),
        Difference("environment", {"password": "canary-3"}, Marker.SECRET),
    )
    config = Omission(("shop:key",), "canary-4")
    told = form(explained(Influence(config, makes=False, differences=differences)), STACK)
    assert "canary" not in str(told)
    assert told["caused_by"][0]["differences"][0] == {
        "path": "environment.TOKEN",
        "with": "(secret)",
        "without": "(secret)",
    }
