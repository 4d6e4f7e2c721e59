"""Whom alarms and budgets tell, and who may use the topic."""

import json
from dataclasses import replace
from typing import Any

import pytest

from modelberth.aws.monitoring.budget import COST_TAGS, budget
from modelberth.aws.monitoring.notify import (
    Receivers,
    problems,
    subscriptions,
    topic_arn,
    topic_policy,
)
from support.aws_watched import ACCOUNT, REGION, TARGET, TOPIC, plan, spec
from support.iam import allows, denies

MAIL, HOOK = "mailto:iris@example.com", "https://hooks.example.com/iris"
OWN = f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-prod-iris-lambda-alarms"
CLOUDWATCH = ("Service", "cloudwatch.amazonaws.com")
BUDGETS = ("Service", "budgets.amazonaws.com")
MONEY = {"monthly_usd": 50}
FIVE = tuple(f"{TOPIC}-{one}" for one in range(5))


def found(*notify: str, **fields: Any) -> list[str]:
    made = spec(monitoring={"alerts": {"notify": list(notify)}}, **fields)
    return [str(one) for one in problems(made, TARGET)]


def of_budget(*notify: str) -> dict[str, Any]:
    made = budget(plan(budget=MONEY, monitoring={"alerts": {"notify": list(notify)}}))
    assert made is not None
    return made


def test_people_and_webhooks_get_a_topic_and_topics_are_told_directly() -> None:
    receivers = Receivers.of([MAIL, HOOK, TOPIC])
    assert receivers == Receivers(("iris@example.com",), (HOOK,), (TOPIC,))
    assert receivers.actions(OWN) == (OWN, TOPIC)
    assert Receivers.of([TOPIC]).actions(OWN) == (TOPIC,)
    assert Receivers.of([]).actions(OWN) == ()
    assert topic_arn(plan()) == OWN


def test_subscriptions_keep_their_names_and_do_not_tell_the_address() -> None:
    there = subscriptions(Receivers.of([MAIL, HOOK]))
    back = subscriptions(Receivers.of([HOOK, MAIL]))
    assert there == back
    assert set(there.values()) == {("email", "iris@example.com"), ("https", HOOK)}
    assert not any("example" in role for role in there)


def test_only_this_endpoints_alarms_may_send_to_the_topic() -> None:
    document = json.loads(topic_policy(plan()))
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:shop-prod-iris-lambda-errors"
    own = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": alarm, "aws:SecureTransport": "true"}
    may = allows(document, "sns:Publish", OWN, CLOUDWATCH)
    assert may(own)
    assert not may({**own, "aws:SourceAccount": "210987654321"})
    assert not may({**own, "aws:SourceArn": alarm.replace("iris", "mnist")})
    assert not allows(document, "sns:Subscribe", OWN, CLOUDWATCH)(own)
    assert not allows(document, "sns:Publish", OWN, BUDGETS)({**own, "aws:SourceArn": "arn:aws:budgets::1:b"})
    assert denies(document, "sns:Publish", OWN, {"aws:SecureTransport": "false"})


def test_budgets_may_send_only_where_there_is_one() -> None:
    document = json.loads(topic_policy(plan(budget=MONEY)))
    source = f"arn:aws:budgets::{ACCOUNT}:budget/shop-prod-iris-lambda-budget"
    may = allows(document, "sns:Publish", OWN, BUDGETS)
    assert may({"aws:SourceAccount": ACCOUNT, "aws:SourceArn": source})
    assert not may({"aws:SourceAccount": "210987654321", "aws:SourceArn": source})


@pytest.mark.parametrize("notify", [(), (MAIL,), (MAIL, HOOK, TOPIC), FIVE, (MAIL, *FIVE[1:])])
def test_what_can_be_told_is_taken(notify: tuple[str, ...]) -> None:
    assert found(*notify) == []


def test_what_nobody_would_be_told_is_refused() -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:iris"
    (no_topic,) = found(MAIL, queue)
    assert no_topic == (
        f"monitoring.alerts.notify[1]: given '{queue}', allowed: the ARN of an SNS topic, "
        f"arn:aws:sns:{REGION}:ACCOUNT:TOPIC"
    )
    (other_cloud,) = found("projects/shop/notificationChannels/42")
    assert "A notification channel of Google Cloud tells of what is watched there." in other_cloud
    (elsewhere,) = found(TOPIC.replace(REGION, "us-east-1"))
    assert (
        "allowed: a topic in eu-central-1 (aws). An alarm tells topics of its own region only." in elsewhere
    )
    (china,) = found(TOPIC.replace("arn:aws:", "arn:aws-cn:"))
    assert "monitoring.alerts.notify[0]" in china
    (many,) = found(MAIL, *FIVE)
    assert "given 5 SNS topics, allowed: 4 of them" in many


def test_a_budget_tells_one_topic_of_its_account() -> None:
    assert found(TOPIC, MAIL, budget=MONEY) == []
    assert found(HOOK, MAIL, budget=MONEY) == []
    (beside,) = found(TOPIC, HOOK, budget=MONEY)
    assert "given 1 SNS topics beside webhooks or mail" in beside
    (two,) = found(TOPIC, f"{TOPIC}2", budget=MONEY)
    assert "given 2 SNS topics, allowed: one SNS topic" in two
    other = TOPIC.replace(ACCOUNT, "210987654321")
    assert found(other) == []
    (foreign,) = found(other, budget=MONEY)
    assert f"allowed: a topic of account {ACCOUNT}, since budget is set" in foreign


def test_a_budget_counts_what_has_the_endpoints_tags() -> None:
    made = of_budget(MAIL)
    tags = plan().tags
    assert made["filter_expression"] == {
        "ands": [{"tags": {"key": key, "values": [tags[key]]}} for key in COST_TAGS]
    }
    assert [tags[key] for key in COST_TAGS] == ["shop", "prod", "iris"]
    assert (made["limit_amount"], made["limit_unit"], made["time_unit"]) == ("50.00", "USD", "MONTHLY")
    assert (made["account_id"], made["name"]) == (ACCOUNT, "shop-prod-iris-lambda-budget")
    assert budget(plan()) is None


def test_a_budget_tells_of_what_is_spent_and_of_what_will_be() -> None:
    made = budget(plan(budget={**MONEY, "alert_percent": 60}, monitoring={"alerts": {"notify": [MAIL]}}))
    assert made is not None
    kinds = {one["notification_type"]: one["threshold"] for one in made["notifications"]}
    assert kinds == {"ACTUAL": 60.0, "FORECASTED": 100.0}


@pytest.mark.parametrize(
    ("notify", "mails", "topics"),
    [
        ((MAIL,), ["iris@example.com"], None),
        ((MAIL, TOPIC), ["iris@example.com"], [TOPIC]),
        ((TOPIC,), None, [TOPIC]),
        # Both subscribe to the endpoint's own topic.
        ((MAIL, HOOK), None, [OWN]),
        (tuple(f"mailto:{one}@example.com" for one in range(11)), None, [OWN]),
    ],
)
def test_a_budget_tells_each_receiver_once(
    notify: tuple[str, ...], mails: list[str] | None, topics: list[str] | None
) -> None:
    for one in of_budget(*notify)["notifications"]:
        assert one.get("subscriber_email_addresses") == mails
        assert one.get("subscriber_sns_topic_arns") == topics


def test_a_budget_that_reaches_nobody_is_in_the_console() -> None:
    assert of_budget()["notifications"] == []


def test_in_another_partition_everything_is_named_after_it() -> None:
    made = plan(budget=MONEY)
    china = replace(made, target=made.target.model_copy(update={"region": "cn-north-1"}))
    assert topic_arn(china) == f"arn:aws-cn:sns:cn-north-1:{ACCOUNT}:shop-prod-iris-lambda-alarms"
    assert f"arn:aws-cn:budgets::{ACCOUNT}:*" in topic_policy(china)
