"""What a change of an endpoint in a cluster is told as: each thing once, and no false alarm."""

from collections import Counter

import pytest

from modelberth.kubernetes.plan import Plan
from modelberth.preview.effects import Effect, Kind, Severity, explain
from modelberth.preview.effects.effect import Calls
from modelberth.preview.plan import Op
from support.effect_cases.cluster_endpoints import (
    ALONE,
    DONE,
    KEDA,
    NEW,
    SHADOW,
    SWITCHED,
    THREE,
    gateway,
    gpus,
    two,
)
from support.endpoint_changes import told
from support.endpoint_plans import PREVIOUS, plan
from support.plans import endpoint, step, under
from support.plans import plan as planned

RECREATE = {"strategy": "recreate"}
TO_ZERO = tuple(plan({"scaler": KEDA}, scaling={"min": least, "max": 3}) for least in (1, 0))
SAFE_CHANGES = {
    "a canary begins": (ALONE, two(1)),
    "a step": (two(1), two(2)),
    "the last step": (two(2), two(3)),
    "the end of a canary": (two(3), DONE),
    "the end of a canary before its time": (two(1), DONE),
    "the way back": (two(2), two(0)),
    "blue-green": (plan(rollout=SWITCHED[0], scaling=THREE), plan(rollout=SWITCHED[1], scaling=THREE)),
    "blue-green by a route": (gateway(rollout=SWITCHED[0]), gateway(rollout=SWITCHED[1])),
    "a shadow begins": (gateway(model=PREVIOUS, rollout={"strategy": "shadow"}), gateway(rollout=SHADOW)),
    "a shadow is promoted": (gateway(rollout=SHADOW), gateway(rollout={**SHADOW, "promoted": True})),
    "a model, rolling": (plan(scaling=THREE), plan(scaling=THREE, model=NEW)),
    "labels": (plan(), plan(labels={"team": "search"})),
    "what is watched": (plan(), plan(monitoring={"slo": {}})),
}


@pytest.mark.parametrize("name", SAFE_CHANGES)
def test_no_call_fails_and_nothing_is_called_dangerous(name: str) -> None:
    effects = told(*SAFE_CHANGES[name])
    text = "\n".join(effect.sentence for effect in effects)
    assert {effect.calls for effect in effects} == {Calls.SAFE}, text
    assert {effect.severity for effect in effects} == {Severity.CHANGE}, text
    assert max(Counter(effect.sentence for effect in effects).values()) == 1, text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (plan(rollout=RECREATE), plan(rollout=RECREATE, model=NEW)),
        (gpus(scaling={"max": 1}), gpus(scaling={"max": 1}, model=NEW)),
        TO_ZERO,
        (gpus(), gpus(model=NEW)),
    ],
    ids=["recreate", "one replica with GPUs", "to zero", "GPUs without a spare one"],
)
def test_calls_that_may_fail_are_never_called_safe(before: Plan, after: Plan) -> None:
    assert {effect.calls for effect in told(before, after)} - {Calls.SAFE}


def test_who_gets_nothing_at_zero_replicas() -> None:
    (sentence,) = [one.sentence for one in told(*TO_ZERO) if "no replica without calls" in one.sentence]
    assert "the next call waits for a cold start, or fails where nothing holds it" in sentence


def test_what_follows_from_a_model_is_told_once() -> None:
    effects = told(plan(scaling=THREE), plan(scaling=THREE, model=NEW))
    assert [effect.kind for effect in effects] == [Kind.ROLLING]


def test_what_only_watches_is_told_where_it_is_all() -> None:
    effects = told(plan(), plan(monitoring={"slo": {}}))
    assert [effect.kind for effect in effects] == [Kind.REPLACED, Kind.REPLACED]
    assert all("no pod of the endpoint reads it" in effect.sentence for effect in effects)


def of_requirements(*others: str, op: Op = Op.UPDATE) -> tuple[Effect, ...]:
    owner = endpoint(name="iris")
    before, after = {"namespace": "modelberth", "quota": []}, {"namespace": "modelberth"}
    asked = step(
        "modelberth:kubernetes:Requirements",
        None if op is Op.CREATE else before,
        None if op is Op.DELETE else after,
        name="iris-requirements",
    )
    more = [step("kubernetes:core/v1:Service", None, {"metadata": {"name": one}}, name=one) for one in others]
    steps = under(owner, asked, *more)
    return explain(planned(owner, *steps), owner, steps)


@pytest.mark.parametrize("op", [Op.CREATE, Op.UPDATE, Op.DELETE])
def test_a_question_to_the_cluster_is_no_effect(op: Op) -> None:
    effects = of_requirements("other", "more", op=op) if op is not Op.CREATE else of_requirements("other")
    assert not [effect for effect in effects if "iris-requirements" in effect.sentence]


def test_a_question_that_is_all_that_changes_is_told_and_safe() -> None:
    (effect,) = of_requirements()
    assert "iris-requirements" in effect.sentence
    assert effect.calls is Calls.SAFE
