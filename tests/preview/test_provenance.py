"""What a resource owes to the parts of a config, and what its type is for."""

from typing import Any

import pytest

from modelberth.kubernetes.crds import kinds
from modelberth.kubernetes.plan import Plan as EndpointPlan
from modelberth.kubernetes.stages import stages
from modelberth.preview.cost.resource import kind_of
from modelberth.preview.plan import Difference, Marker, Plan
from modelberth.preview.provenance import Omission, influence, omissions, without
from modelberth.preview.reasons import reason, reasons
from modelberth.preview.standins.sdk.packages import installed
from modelberth.preview.standins.sdk.types import _classes
from support.endpoint_changes import token
from support.endpoint_modes import MODES
from support.plans import plan, step

CONFIG: dict[str, Any] = {
    "shop:endpoints": [
        {"name": "iris", "budget": {"monthly_usd": 3, "alert_percent": 80}, "drop": ["a", "b"]},
        {"name": "other", "labels": {}},
    ],
    "shop:token": {"secure": "v1:x"},
}
FUNCTION = "aws:lambda/function:Function"
# Groups of the kinds that say which nodes a cluster makes.
OF_NODES = {"cloud.google.com", "eks.amazonaws.com", "karpenter.k8s.aws", "karpenter.sh"}


def paths(*arguments: Any) -> list[str]:
    return [omission.path for omission in omissions(CONFIG, *arguments)]


def test_every_value_can_be_left_out_where_nothing_is_required() -> None:
    assert paths() == [
        "shop:endpoints[0].name",
        "shop:endpoints[0].budget.monthly_usd",
        "shop:endpoints[0].budget.alert_percent",
        "shop:endpoints[0].drop",
        "shop:endpoints[1].name",
        "shop:endpoints[1].labels",
        "shop:token",
    ]
    assert paths(("shop:endpoints", 1)) == ["shop:endpoints[1].name", "shop:endpoints[1].labels"]
    assert paths(("shop:nothing",)) == []


def accepts(config: Any) -> bool:
    """As a spec would: an endpoint has a name, a budget an amount, a stack an endpoint."""
    endpoints = config.get("shop:endpoints")
    return bool(endpoints) and all(
        "name" in entry and "monthly_usd" in entry.get("budget", {"monthly_usd": 0}) for entry in endpoints
    )


def test_what_is_required_gives_way_to_the_part_around_it() -> None:
    assert paths(("shop:endpoints", 0), accepts) == [
        "shop:endpoints[0]",  # for its name
        "shop:endpoints[0].budget",  # for its amount
        "shop:endpoints[0].budget.alert_percent",
        "shop:endpoints[0].drop",
    ]


def test_what_the_config_cannot_be_without_is_not_left_out() -> None:
    alone = {"shop:endpoints": CONFIG["shop:endpoints"][1:]}
    found = [omission.path for omission in omissions(alone, (), accepts)]
    assert found == ["shop:endpoints[0].labels"]


def test_leaving_out_changes_a_copy() -> None:
    left = without(CONFIG, ("shop:endpoints", 0, "budget", "monthly_usd"))
    assert left["shop:endpoints"][0]["budget"] == {"alert_percent": 80}
    assert CONFIG["shop:endpoints"][0]["budget"]["monthly_usd"] == 3


def alone(inputs: dict[str, Any], **more: Any) -> Plan:
    return plan(step(FUNCTION, None, inputs, **more))


PART = Omission(("shop:memory",), 2048)
BASE = {"memorySize": 2048, "role": Marker.UNKNOWN, "environment": {"TOKEN": Marker.SECRET}}


def test_a_resource_that_is_gone_without_a_part_is_made_by_it() -> None:
    (_, function) = alone(BASE).steps
    found = influence(PART, function, plan())
    assert found is not None
    assert (found.makes, found.differences) == (True, ())


def test_a_part_decides_the_inputs_that_differ_without_it() -> None:
    (_, function) = alone(BASE).steps
    found = influence(PART, function, alone({**BASE, "memorySize": 128}, protect=True))
    assert found is not None
    assert not found.makes
    assert found.differences == (Difference("memorySize", 2048, 128), Difference("protect", False, True))


def test_what_is_unknown_both_times_is_no_influence() -> None:
    (_, function) = alone(BASE).steps
    assert influence(PART, function, alone(dict(BASE))) is None


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (FUNCTION, "the model server as a function"),
        ("azure-native:app/v20240301:ContainerApp", "the model server as an app"),
        ("kubernetes:apps/v1:Deployment", "the model server's replicas"),
        ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", "in the whole cluster"),
        ("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "in the namespace"),
        ("pulumi:providers:aws", "how the engine reaches"),
    ],
)
def test_what_a_type_is_for(token: str, words: str) -> None:
    assert words in (reason(token) or "")


def test_every_kind_that_an_endpoint_in_a_cluster_has_is_explained() -> None:
    tokens = {
        token(manifest)
        for mode in MODES.values()
        for manifest in stages(EndpointPlan.of(mode.deployment.spec, mode.target, "shop", "dev"))
    }
    custom = {one for one in tokens if one.rpartition(":")[2] in kinds()}
    only_named = {"SecretProviderClass"}
    made = {one.rpartition(":")[2] for one in custom}
    assert (len(MODES) > 30, len(tokens) > 20, made) == (True, True, kinds().keys() - only_named)
    assert [one for one in sorted(tokens) if reason(one) is None] == []
    # a row of its own each: what stands for a whole group would hide one that is missing
    assert [one for one in sorted(custom) if kind_of(one) not in reasons()] == []


def test_an_unknown_type_is_not_guessed_at() -> None:
    assert reason("aws:gamelift/fleet:Fleet") is None


def test_every_row_names_a_type_of_its_sdk() -> None:
    """Custom resources of a cluster have no SDK; ours and the engine's own are no SDK's."""
    custom = {kind.api_version.partition("/")[0] for kind in kinds().values()} | OF_NODES
    known = {
        kind_of(token)
        for name in ("aws", "aws-native", "docker-build", "gcp", "azure-native", "kubernetes")
        for token in _classes(installed()[name])
    }

    def is_known(row: str) -> bool:
        return row in known or (row.endswith("*") and any(t.startswith(row.removesuffix("*")) for t in known))

    checked = [
        row
        for row in reasons()
        if row.partition(":")[0] not in {"pulumi", "modelberth"} and row.split(":")[1] not in custom
    ]
    assert [row for row in checked if not is_known(row)] == []
    assert len(checked) == len(reasons()) - 59
    assert len(checked) > 100
    assert not is_known("aws:lambda/function:Funktion")
    assert not is_known("kubernetes:apps:Nothing*")


def test_sentences_can_begin_and_end_another() -> None:
    for sentence in reasons().values():
        assert sentence[0].islower()
        assert not sentence.endswith(".")
