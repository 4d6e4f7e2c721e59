"""Who answers in Cloud Run: revisions that are named after what they are made of, and their shares."""

from typing import Any

import pulumi
import pytest

from modelberth.gcp.cloud_run.limits import limits
from modelberth.gcp.cloud_run.names import NEW, PREVIOUS, revision_name, service_name
from modelberth.gcp.cloud_run.traffic import Share, problems, shares
from modelberth.gcp.plan import Plan
from modelberth.spec import parse
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import PLACE, spec

FIELDS = {"project": PLACE.project, "project_number": PLACE.number, "region": PLACE.region}
TARGET = parse(CloudRunTarget, FIELDS)
OLD = {"uri": "gs://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}
SAME = {"uri": "gs://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
CANARY = {"strategy": "canary", "previous": OLD, "steps": [{"percent": 5}, {"percent": 40}]}
SWITCH = {"strategy": "blue_green", "previous": OLD}
CONTENT: dict[str, Any] = {"image": "x@sha256:1", "env": {"B": "2", "A": "1"}, "cpus": 2}


def plan(program: str = "shop", stack: str = "dev") -> Plan[CloudRunTarget]:
    return Plan.of(spec(), TARGET, program, stack)


@pytest.mark.parametrize(
    ("rollout", "new"),
    [
        ({**CANARY, "step": 0}, 0),
        ({**CANARY, "step": 1}, 5),
        ({**CANARY, "step": 2}, 40),
        ({**CANARY, "step": 3}, 100),
        ({**SWITCH, "active": "new"}, 100),
        ({**SWITCH, "active": "previous"}, 0),
    ],
)
def test_a_rollout_gives_the_new_model_its_share(rollout: dict[str, Any], new: int) -> None:
    found = shares(spec(rollout=rollout), "iris-2", "iris-1")
    assert found == (Share("iris-2", new, NEW), Share("iris-1", 100 - new, PREVIOUS))
    assert spec(rollout=rollout).share == new


@pytest.mark.parametrize(
    "rollout", [{"strategy": "rolling"}, {"strategy": "canary"}, {"strategy": "blue_green"}]
)
def test_without_a_previous_model_one_revision_has_every_request(rollout: dict[str, Any]) -> None:
    assert shares(spec(rollout=rollout), "iris-2", None) == (Share("iris-2", 100, NEW),)
    assert spec(rollout=rollout).share == 100


def test_a_share_names_its_revision_and_never_the_latest() -> None:
    assert Share("iris-1", 60, PREVIOUS).inputs == {
        "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
        "revision": "iris-1",
        "percent": 60,
        "tag": "previous",
    }


@pytest.mark.parametrize("rollout", [CANARY, SWITCH])
def test_a_rollout_from_a_model_to_itself_is_refused(rollout: dict[str, Any]) -> None:
    target = parse(CloudRunTarget, {**FIELDS, "previous_revision": "shop-dev-iris-0a1b2c3d"})
    (problem,) = problems(spec(rollout={**rollout, "previous": SAME}), target)
    assert (problem.path, problem.allowed) == ("rollout.previous", "another model than `model`")
    assert not [*problems(spec(rollout=rollout), target)]
    assert not [*problems(spec(), TARGET)]


def test_a_revision_is_named_after_its_content() -> None:
    """The way back to a content that was served before has the name of the revision that is still there."""
    name = revision_name("shop-dev-iris", CONTENT)
    assert name == "shop-dev-iris-0c8b49ef"
    assert name == revision_name("shop-dev-iris", {**CONTENT, "env": {"A": "1", "B": "2"}})
    others = [
        {**CONTENT, "image": "x@sha256:2"},
        {**CONTENT, "env": {"A": "1"}},
        {**CONTENT, "cpus": "2"},
        {**CONTENT, "labels": None},
    ]
    assert len({name, *(revision_name("shop-dev-iris", one) for one in others)}) == 5


def test_a_revision_is_not_named_after_what_is_not_known_yet() -> None:
    with pytest.raises(TypeError):
        revision_name("shop-dev-iris", {"image": pulumi.Output.from_input("x")})


@pytest.mark.parametrize("program", ["shop", "s" * 60, "2-shop"])
def test_names_leave_room_for_tags_and_revisions(program: str) -> None:
    """A tagged revision is at `TAG---SERVICE-NUMBER.REGION.run.app`, whose first part is a DNS label."""
    service = service_name(plan(program))
    assert service[0].isalpha()
    assert not service.endswith("-")
    for tag in (NEW, PREVIOUS):
        assert len(tag) >= 3
        assert len(tag) + len(service) <= limits().tag_and_service
        assert len(f"{tag}---{service}-{PLACE.number}") <= 63
    assert len(revision_name(service, CONTENT)) <= limits().revision


def test_services_of_two_stacks_have_two_names() -> None:
    names = {
        service_name(plan(program, stack)) for program in ("shop", "s" * 60) for stack in ("dev", "prod")
    }
    assert len(names) == 4
    assert service_name(plan()) == "shop-dev-iris"
