"""Grants: that none is too wide, what IAM would refuse of them, and the evaluator that tests ask."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.gcp.grants import Condition, Grant, below, exactly
from modelberth.gcp.needs import Needs
from modelberth.gcp.permissions import grants, problems, wide_problems
from support.gcp_blocks import PLACE, spec
from support.gcp_iam import ROLES, allows, holds

SECRET = "projects/shop-prod/secrets/hub-token"
NEEDS = Needs(spec(), PLACE, "run")
ALL = replace(
    NEEDS,
    spec=spec(monitoring={"tracing": {"percent": 5}}),
    capture="gs://samples/iris",
    secrets=(SECRET,),
)


def test_g19_no_basic_role_is_granted() -> None:
    """G19: every role is one service's, and one that the tests know."""
    roles = {
        one.role for service in ("run", "vertex", "gke") for one in grants(replace(ALL, service=service))
    }
    assert len(roles) == 5
    assert roles <= ROLES.keys()
    assert not [*wide_problems([Grant("x", role, "project", "p") for role in roles], "more")]


@pytest.mark.parametrize(
    "role",
    [
        "roles/owner",
        "roles/editor",
        "roles/viewer",
        "roles/writer",
        "editor",
        "storage.objectViewer",
        "roles/storage.admin",
        "roles/storage.objectAdmin",
        "roles/resourcemanager.projectIamAdmin",
        "roles/iam.serviceAccountKeyAdmin",
        "roles/iam.serviceAccountTokenCreator",
    ],
)
def test_g19_a_role_too_wide_is_noticed(role: str) -> None:
    """G19, the opposite: basic roles, and such as grant themselves the rest."""
    (found,) = problems(replace(NEEDS, more=(Grant("more", role, "project", "shop-prod"),)))
    assert found.path == "needs.more[0].role"
    assert role in found.given


def test_what_else_an_endpoint_needs_is_granted() -> None:
    table = Grant("answers", "roles/bigquery.dataEditor", "project", "shop-prod")
    own = Grant("own", "projects/shop-prod/roles/scorer", "project", "shop-prod")
    needs = replace(NEEDS, more=(table,))
    assert allows(grants(needs), "bigquery.tables.updateData", "projects/shop-prod")
    assert not [*problems(replace(NEEDS, more=(table, own)))]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"secrets": ("hub-token",)}, "needs.secrets[0]"),
        ({"secrets": (SECRET, f"{SECRET}/versions/latest")}, "needs.secrets[1]"),
        ({"secrets": ("projects/shop-prod/secrets/*",)}, "needs.secrets[0]"),
        ({"capture": "gs://samples"}, "needs.capture"),
        ({"capture": "gs://samples/"}, "needs.capture"),
        ({"capture": "s3://samples/iris"}, "needs.capture"),
        ({"more": (Grant("logs", "roles/pubsub.publisher", "project", "p"),)}, "needs.more"),
    ],
)
def test_what_iam_would_refuse_is_noticed(change: dict[str, Any], path: str) -> None:
    (found,) = problems(replace(NEEDS, **change))
    assert found.path == path


def test_twenty_conditions_are_allowed_and_no_more() -> None:
    some = tuple(
        Grant(f"more-{n}", "roles/storage.objectViewer", "bucket", "models", Condition("m", exactly(str(n))))
        for n in range(20)
    )
    assert not [*problems(replace(NEEDS, more=some[:19]))]
    (found,) = problems(replace(NEEDS, more=some))
    assert found.path == "needs"
    assert found.given == "21 conditions for roles/storage.objectViewer on models"


def test_the_evaluator_knows_what_it_does_not_know() -> None:
    assert holds(Condition("t", f"{exactly('a')} || {below('b')}"), "bc")
    assert not holds(Condition("t", f"{exactly('a')} || {below('b')}"), "ac")
    for expression in ("true", 'resource.name.endsWith("a")', f"!{exactly('a')}", f"{exactly('a')} && true"):
        with pytest.raises(AssertionError, match="not known"):
            holds(Condition("t", expression), "a")
