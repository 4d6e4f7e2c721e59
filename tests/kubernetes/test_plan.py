import re
from typing import Any

import pytest

from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.part import PodPart, joined
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from support.endpoint_plans import IMAGE, PREVIOUS, PREVIOUS_IMAGE, REMOTE, canary, plan


def shares(**spec: Any) -> list[tuple[str, int, int]]:
    return [
        (revision.model.version, revision.weight, revision.mirrored) for revision in plan(**spec).revisions
    ]


BLUE_GREEN = {"strategy": "blue_green", "previous": PREVIOUS}
SHADOW = {"strategy": "shadow", "previous": PREVIOUS, "percent": 25}


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        ({"strategy": "rolling"}, [("3", 100, 0)]),
        ({"strategy": "recreate"}, [("3", 100, 0)]),
        ({"strategy": "canary"}, [("3", 100, 0)]),
        (canary(0), [("3", 0, 0), ("2", 100, 0)]),
        (canary(1), [("3", 10, 0), ("2", 90, 0)]),
        (canary(2), [("3", 50, 0), ("2", 50, 0)]),
        (canary(3), [("3", 100, 0), ("2", 0, 0)]),
        (BLUE_GREEN, [("3", 100, 0), ("2", 0, 0)]),
        ({**BLUE_GREEN, "active": "previous"}, [("3", 0, 0), ("2", 100, 0)]),
        (SHADOW, [("3", 0, 25), ("2", 100, 0)]),
        ({**SHADOW, "promoted": True}, [("3", 100, 0), ("2", 0, 0)]),
    ],
)
def test_a_rollout_decides_who_answers(rollout: dict[str, Any], expected: list[tuple[str, int, int]]) -> None:
    assert shares(rollout=rollout) == expected
    assert sum(weight for _, weight, _ in expected) == 100


def test_variants_share_what_is_left_over() -> None:
    small = {"uri": "s3://models/iris/small.onnx", "sha256": "c" * 64, "version": "small"}
    variants = {
        "small": {"model": small, "weight": 20},
        "try": {"model": PREVIOUS, "weight": 5, "shadow": True},
    }
    assert shares(variants=variants) == [("3", 80, 0), ("small", 20, 0), ("2", 0, 5)]
    assert [plan(variants=variants).revision_name(one) for one in plan(variants=variants).revisions] == [
        "shop-onprem-iris",
        "shop-onprem-iris--small",
        "shop-onprem-iris--try",
    ]


@pytest.mark.parametrize(("active", "expected"), [("new", (80, 0, 20)), ("previous", (0, 80, 20))])
def test_variants_keep_their_share_while_sets_switch(active: str, expected: tuple[int, ...]) -> None:
    small = {"uri": "s3://models/iris/small.onnx", "sha256": "c" * 64}
    told = shares(
        rollout={**BLUE_GREEN, "active": active}, variants={"small": {"model": small, "weight": 20}}
    )
    assert tuple(weight for _, weight, _ in told) == expected


def test_a_model_keeps_its_pods_through_a_rollout() -> None:
    """What is promoted, and later what the next rollout comes from, is the same Deployment."""
    alone = plan(rollout={"strategy": "canary"})
    beside = plan(rollout=canary(1))
    newer = plan(
        model={"uri": "s3://models/iris/4.onnx", "sha256": "d" * 64, "version": "4"},
        rollout={"strategy": "canary", "previous": REMOTE},
    )
    names = [
        {one.model.version: made.revision_name(one) for one in made.revisions}
        for made in (alone, beside, newer)
    ]
    assert names[0]["3"] == names[1]["3"] == names[2]["3"]
    assert len({name for made in names for name in made.values()}) == 3


def test_the_service_leads_to_who_answers_most() -> None:
    assert [plan(rollout=canary(step)).main.model.version for step in (0, 1, 2, 3)] == ["2", "2", "3", "3"]


def test_names_are_names_of_services() -> None:
    variants = {"x" * 32: {"model": PREVIOUS, "weight": 60}}
    deployment = parse(
        EndpointDeployment,
        {"name": "y" * 32, "model": REMOTE, "variants": variants, "target": {"kind": "kubernetes"}},
    )
    assert isinstance(deployment.target, KubernetesTarget)
    for project in ("shop", "3-shops", "a-long-name-of-a-project" * 3):
        made = Plan.of(deployment.spec, deployment.target, project, "production")
        names = [made.revision_name(revision) for revision in made.revisions]
        assert len({*names}) == 2
        assert all(re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])", name) for name in names)
        assert made.main.key == "main"


def test_every_object_tells_whose_it_is() -> None:
    made = plan(labels={"team": "search"})
    (revision,) = made.revisions
    labels = made.metadata("x", revision)["labels"]
    assert made.selector(revision).items() <= labels.items()
    assert labels["team"] == "search"
    assert labels["app.kubernetes.io/managed-by"] == "modelberth"
    assert labels["app.kubernetes.io/version"] == "3"


def test_each_model_of_images_has_its_image() -> None:
    made = plan(
        target={"previous_image": PREVIOUS_IMAGE},
        model={"uri": "models/iris.onnx", "version": "3"},
        rollout={"strategy": "canary", "previous": {"uri": "models/iris.onnx", "version": "2"}},
    )
    assert [made.container(one).image for one in made.revisions] == [IMAGE, PREVIOUS_IMAGE]


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [({}, False), ({"min": 2, "max": 2}, False), ({"min": 1, "max": 3}, True), ({"min": 0}, True)],
)
def test_who_owns_the_number_of_replicas(scaling: dict[str, int], expected: bool) -> None:
    assert plan(scaling=scaling).is_autoscaled is expected


def test_parts_of_a_pod_join_and_never_overwrite() -> None:
    one = PodPart(env={"A": "1"}, volumes=({"name": "a"},), limits={"nvidia.com/gpu": "1"})
    two = PodPart(env={"B": "2"}, volumes=({"name": "b"},), pod={"nodeSelector": {}})
    both = joined([one, two])
    assert (both.env, [volume["name"] for volume in both.volumes]) == ({"A": "1", "B": "2"}, ["a", "b"])
    for part in (one, two):
        with pytest.raises(ValueError, match=r"two parts of a pod set (env: [AB]|limits|pod)"):
            joined([one, two, part])
