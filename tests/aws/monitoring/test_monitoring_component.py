"""`AwsMonitoring` as it is registered."""

from typing import Any

import pulumi
import pytest
from pulumi_aws import sns

from modelberth.aws.monitoring.component import AwsMonitoring, AwsMonitoringArgs
from support.aws_blocks import EXISTING, KEY, AwsRecorder, aws
from support.aws_watched import LOG_GROUP, PROMISED, TOPIC, WHERE, plan
from support.recording import Registered, run

__all__ = ["aws"]

COMPONENT = "modelberth:index:AwsMonitoring"


def made(
    aws: AwsRecorder, where: dict[str, Any] | None = None, kind: str = "lambda-http-api", **fields: Any
) -> AwsMonitoring:
    asked = plan(**fields)
    args = AwsMonitoringArgs(
        asked, kind, where or WHERE, EXISTING, LOG_GROUP, asked.spec.scaling.max, asked.spec.scaling.min
    )
    found: AwsMonitoring = run(aws, lambda: AwsMonitoring("iris-monitoring", args))
    return found


def unencrypted(topics: list[Registered]) -> list[str]:
    """Names of topics that no key of ours encrypts (row A38)."""
    return [one.name for one in topics if not str(one.inputs.get("kmsMasterKeyId", "")).startswith("arn:")]


def after(one: Registered) -> set[str]:
    return {urn.rpartition("::")[2] for urn in one.dependencies}


def test_with_nothing_asked_for_there_are_alarms_and_a_dashboard(aws: AwsRecorder) -> None:
    made(aws)
    assert aws.tree == [
        (COMPONENT, "iris-monitoring", "shop-dev"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "iris-monitoring-errors", "iris-monitoring"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "iris-monitoring-refusals", "iris-monitoring"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "iris-monitoring-latency", "iris-monitoring"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "iris-monitoring-cold-starts", "iris-monitoring"),
        ("aws:cloudwatch/dashboard:Dashboard", "iris-monitoring-dashboard", "iris-monitoring"),
    ]
    assert all(one.inputs.get("alarmActions", []) == [] for one in aws.of("MetricAlarm"))


def test_with_everything_each_has_its_place_and_tags(aws: AwsRecorder) -> None:
    made(aws, {**WHERE, "version": "7"}, **PROMISED)
    kinds = {kind: len(aws.of(kind)) for kind in ("MetricAlarm", "CompositeAlarm", "Topic", "TopicPolicy")}
    assert kinds == {"MetricAlarm": 14, "CompositeAlarm": 4, "Topic": 1, "TopicPolicy": 1}
    assert [len(aws.of(kind)) for kind in ("TopicSubscription", "Dashboard", "Budget")] == [2, 1, 1]
    for one in aws.resources:
        if one.type.startswith("aws:"):
            assert one.parent.endswith(f"{COMPONENT}::iris-monitoring")
            assert one.name.startswith("iris-monitoring-")
            # A budget is the account's.
            assert (one.inputs.get("region") == "eu-central-1") == (not one.type.endswith(":Budget")), (
                one.name
            )
    tagged = [one for kind in ("MetricAlarm", "CompositeAlarm", "Topic", "Budget") for one in aws.of(kind)]
    assert all(one.inputs["tags"].items() >= plan(**PROMISED).tags.items() for one in tagged)
    ((outputs,),) = [[*aws.outputs.values()]]
    assert outputs == {"dashboard_name": "shop-prod-iris-lambda"}


def test_alarms_come_after_whom_they_tell_and_composite_ones_after_their_windows(aws: AwsRecorder) -> None:
    made(aws, **PROMISED)
    assert {"iris-monitoring-topic", "iris-monitoring-topic-policy"} <= after(
        aws.named("iris-monitoring-latency")
    )
    windows = {"iris-monitoring-burn-1h-long", "iris-monitoring-burn-1h-short"}
    assert windows <= after(aws.named("iris-monitoring-burn-1h"))
    assert "iris-monitoring-topic-policy" in after(aws.named("iris-monitoring-budget"))


def test_a_topic_that_exists_is_told_and_none_is_made(aws: AwsRecorder) -> None:
    made(aws, monitoring={"alerts": {"notify": [TOPIC]}})
    assert aws.of("Topic") == []
    assert {tuple(one.inputs["alarmActions"]) for one in aws.of("MetricAlarm")} == {(TOPIC,)}
    assert {tuple(one.inputs["okActions"]) for one in aws.of("MetricAlarm")} == {(TOPIC,)}


def test_the_topic_is_encrypted_by_our_key(aws: AwsRecorder) -> None:
    """Row A38."""
    made(aws, **PROMISED)
    (topic,) = aws.of("Topic")
    assert unencrypted([topic]) == []
    assert (topic.inputs["kmsMasterKeyId"], topic.inputs["signatureVersion"]) == (KEY, 2)
    assert topic.inputs["name"] == "shop-prod-iris-lambda-alarms"


def test_a_topic_without_a_key_of_ours_is_noticed(aws: AwsRecorder) -> None:
    """Row A38, the other way round: to SNS's own key CloudWatch has no access."""

    def program() -> None:
        sns.Topic("plain", name="plain")
        sns.Topic("services-own", name="services-own", kms_master_key_id="alias/aws/sns")

    run(aws, program)
    assert unencrypted(aws.of("Topic")) == ["plain", "services-own"]


def test_the_address_of_a_webhook_is_a_secret(aws: AwsRecorder) -> None:
    made(aws, **PROMISED)
    endpoints = {one.inputs["protocol"]: one.inputs["endpoint"] for one in aws.of("TopicSubscription")}
    assert endpoints["email"] == "iris@example.com"
    assert "hooks.example.com" in str(endpoints["https"])
    assert endpoints["https"] != "https://hooks.example.com/iris", "not marked as a secret"


def test_what_has_its_name_in_every_region_goes_before_another_comes(aws: AwsRecorder) -> None:
    """Dashboards and budgets are the account's: the end of an old one takes a new one along."""
    made(aws, **PROMISED)
    first = {one.type.rpartition(":")[2] for one in aws.resources if one.deleted_first}
    assert first == {"Dashboard", "Budget"}


def test_ids_that_only_aws_knows_reach_alarms_and_dashboard(aws: AwsRecorder) -> None:
    known_later = {
        **WHERE,
        "api": pulumi.Output.from_input("later"),
        "version": pulumi.Output.from_input("9"),
    }
    made(aws, known_later, **PROMISED)
    latency = aws.named("iris-monitoring-latency").inputs["metricQueries"][0]["metric"]
    assert latency["dimensions"] == {"ApiId": "later", "Stage": "$default"}
    guard = aws.named("iris-monitoring-guard-latency").inputs["metricQueries"][0]["metric"]
    assert guard["dimensions"]["ExecutedVersion"] == "9"
    body = aws.named("iris-monitoring-dashboard").inputs["dashboardBody"]
    assert '"later"' in body
    assert '"9"' not in body


@pytest.mark.parametrize("kind", ["lambda", "lambda-function-url"])
def test_a_kind_brings_only_its_words(aws: AwsRecorder, kind: str) -> None:
    made(aws, {word: WHERE[word] for word in ("function", "alias")}, kind, **PROMISED)
    assert "AWS/ApiGateway" not in str([one.inputs for one in aws.resources])
    assert len(aws.of("MetricAlarm")) == 12
