"""What takes more than one resource to say: who gives a permission now, what guarded or causes what."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.preview.effects import Effect, Kind, Severity, explain
from modelberth.preview.effects.effect import Calls
from modelberth.preview.plan import Marker, Op, Step
from modelberth.preview.report import EndpointReport, Outcome, Report
from support.effect_cases.policy_inputs import PERMISSION, POLICY, inline, statement
from support.plans import endpoint, plan, step, under

NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
BUCKET, BLOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"


def of(*steps: Step) -> tuple[Effect, ...]:
    return explain(plan(*steps), None, steps)


def kinds(effects: tuple[Effect, ...]) -> list[Kind]:
    return [effect.kind for effect in effects]


def permission(who: str) -> dict[str, Any]:
    return {"function": "f", "action": "lambda:InvokeFunction", "principal": who}


def test_a_caller_that_everybody_covers_is_not_refused() -> None:
    effects = of(
        step(PERMISSION, permission("arn:a"), None, name="one"),
        step(PERMISSION, None, permission("*"), name="all"),
    )
    assert Kind.PERMISSIONS_NARROWED not in kinds(effects)
    (removed,) = [effect for effect in effects if effect.kind is Kind.REMOVED]
    assert (removed.severity, removed.calls) == (Severity.CHANGE, Calls.SAFE)
    assert removed.sentence == "`one` is removed and takes no permission away: another resource gives it."


def test_a_caller_that_goes_is_told_once() -> None:
    (effect,) = of(step(PERMISSION, permission("arn:a"), None))
    assert (effect.kind, effect.severity, effect.calls) == (
        Kind.PERMISSIONS_NARROWED,
        Severity.DANGER,
        Calls.MAY_FAIL,
    )


def test_a_permission_on_what_is_replaced_is_taken_for_the_same() -> None:
    function = step(
        "aws:lambda/function:Function",
        {"name": "f-1"},
        {"name": "f-2"},
        name="function",
        replaces=["name"],
        outputs_before={"name": "f-1"},
    )
    sides = ({**permission("arn:a"), "function": name} for name in ("f-1", "f-2"))
    moved = step(PERMISSION, *sides, name="one", replaces=["function"])
    effects = of(function, moved)
    assert not {Kind.PERMISSIONS_NARROWED, Kind.PERMISSIONS_WIDENED} & set(kinds(effects))
    alone = of(moved)
    assert {Kind.PERMISSIONS_NARROWED, Kind.PERMISSIONS_WIDENED} <= set(kinds(alone))


def test_a_policy_that_is_not_known_is_said_to_be_so() -> None:
    effects = of(
        step(POLICY, inline(statement("s3:GetObject")), {"role": "scoring", "policy": Marker.UNKNOWN})
    )
    assert not {Kind.PERMISSIONS_NARROWED, Kind.PERMISSIONS_WIDENED} & set(kinds(effects))
    (effect,) = effects
    assert effect.sentence == (
        "Who may do what by `scoring` is not known before the update: `policy` is computed then."
    )
    assert (effect.severity, effect.calls) == (Severity.CHANGE, Calls.UNKNOWN)


def test_a_role_that_is_not_known_yet_is_the_one_that_it_was() -> None:
    before = inline(statement("s3:GetObject"))
    effects = of(step(POLICY, before, {**before, "role": Marker.UNKNOWN}, replaces=["role"]))
    assert kinds(effects) == [Kind.REPLACED]


def pods(app: str, namespace: str = "ml") -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace},
        "spec": {"template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": []}}},
    }


def guard(app: str, namespace: str = "ml") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {"matchLabels": {"app": app}}}}


@pytest.mark.parametrize(
    ("around", "exposed"),
    [
        ([], True),
        ([step(DEPLOYMENT, pods("a"), None, name="pods")], False),
        ([step(DEPLOYMENT, pods("a"), pods("a"), name="pods")], True),
        ([step(DEPLOYMENT, pods("a"), None, name="pods", retain=True)], True),
        ([step(DEPLOYMENT, pods("b"), None, name="pods")], True),
        ([step(DEPLOYMENT, pods("a", "other"), None, name="pods")], True),
        ([step(NETWORK_POLICY, None, guard("a"), name="next")], False),
        ([step(NETWORK_POLICY, None, guard("a", "other"), name="next")], True),
        ([step(NETWORK_POLICY, None, guard("b"), name="next")], True),
    ],
    ids=[
        "alone",
        "with its pods",
        "without its pods",
        "its pods stay where they are",
        "with other pods",
        "with pods elsewhere",
        "for another policy",
        "for a policy elsewhere",
        "for a policy of other pods",
    ],
)
def test_a_policy_that_goes_exposes_the_pods_that_stay(around: list[Step], exposed: bool) -> None:
    gone = step(NETWORK_POLICY, guard("a"), None, name="guard")
    effects = explain(plan(gone, *around), None, [gone])
    assert (Kind.NEWLY_PUBLIC in kinds(effects)) is exposed


@pytest.mark.parametrize("bucket", ["models", "others"])
def test_a_block_that_goes_with_its_bucket_exposes_nothing(bucket: str) -> None:
    closed = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy"), True)
    block = step(BLOCK, {"bucket": "models", **closed}, None, name="block")
    gone = step(BUCKET, {"bucket": bucket}, None, name="bucket", outputs_before={"id": bucket})
    assert (Kind.NEWLY_PUBLIC in kinds(explain(plan(block, gone), None, [block]))) is (bucket == "others")


def test_two_that_name_each_other_do_not_explain_each_other() -> None:
    first = step(
        "a:b:First",
        {"peer": "second-1"},
        {"peer": Marker.UNKNOWN},
        name="first",
        replaces=["peer"],
        outputs_before={"id": "first-1"},
    )
    second = step(
        "a:b:Second",
        {"peer": "first-1"},
        {"peer": Marker.UNKNOWN},
        name="second",
        replaces=["peer"],
        outputs_before={"id": "second-1"},
    )
    assert not any("which is replaced" in effect.sentence for effect in of(first, second))
    root = replace(
        second,
        before={"size": 1},
        differences=step("a:b:C", {"size": 1}, {"size": 2}, replaces=["size"]).differences,
    )
    told = [effect.sentence for effect in of(first, root) if effect.urn == first.urn]
    assert "because `peer` changes with `second`, which is replaced" in told[0]


LOGS = "aws:cloudwatch/logGroup:LogGroup"
DEFAULT = "urn:pulumi:prod::shop::pulumi:providers:aws::default_7"


@pytest.mark.parametrize(
    ("provider", "after", "planned", "moves"),
    [
        (DEFAULT, {}, "eu-central-1", True),
        (DEFAULT, {}, "us-east-1", False),
        (DEFAULT.replace("default_7", "mine"), {}, "eu-central-1", False),
        (DEFAULT, {"region": "us-east-1"}, "eu-central-1", False),
        (DEFAULT, {}, "", False),
    ],
)
def test_a_region_of_the_stacks_config(provider: str, after: Any, planned: str, moves: bool) -> None:
    logs = step(
        LOGS,
        after,
        after,
        op=Op.REPLACE,
        provider=provider,
        outputs_before={"region": "us-east-1"},
        name="logs",
    )
    changed = replace(plan(logs), config={"aws:region": planned} if planned else {})
    told = [e.sentence for e in explain(changed, None, [logs]) if e.kind is Kind.REGION_CHANGED]
    assert bool(told) is moves
    if moves:
        assert told[0].startswith("`logs` moves from 'us-east-1' to 'eu-central-1'")


def test_what_is_protected_from_now_on_is_told_of_the_endpoint_too() -> None:
    owner = replace(endpoint({}, {}), protect=True)
    below = under(owner, step(BUCKET, {}, {}, name="models"))
    (effect,) = explain(plan(owner, *below), owner, below)
    assert (effect.kind, effect.severity, effect.calls) == (Kind.PROTECTED, Severity.CHANGE, Calls.SAFE)


def test_a_whole_endpoint_that_comes_or_goes_has_no_callers_to_fail() -> None:
    owner = endpoint(op=Op.CREATE)
    below = under(owner, step(BUCKET, None, {}, name="models"))
    (made,) = explain(plan(owner, *below), owner, below)
    assert (made.kind, made.calls) == (Kind.CREATED, Calls.SAFE)


def test_a_protection_alone_is_a_change() -> None:
    kept = step(BUCKET, {}, {}, name="models", protect=True)
    found = EndpointReport(name="", effects=explain(plan(kept), None, [kept]))
    assert Report(plan=plan(kept), endpoints=(found,), offline=True).outcome is Outcome.CHANGES
    still = replace(kept, protect_before=True)
    calm = EndpointReport(name="", effects=explain(plan(still), None, [still]))
    assert Report(plan=plan(still), endpoints=(calm,), offline=True).outcome is Outcome.NOTHING
