"""Log groups: kept as long as CloudWatch can be told, and encrypted."""

import tomllib
from datetime import date

import pytest
from pulumi_aws import cloudwatch

from modelberth.aws.monitoring.logs import TABLE, AwsLogs, AwsLogsArgs, log_group, retention_days
from support.aws_blocks import EXISTING, KEY, AwsRecorder, aws
from support.aws_watched import LOG_GROUP, plan
from support.recording import Registered, run

__all__ = ["aws"]


def unkept(groups: list[Registered]) -> list[str]:
    """Names of groups without a retention, or without a key of ours (row A36)."""
    return [
        one.name
        for one in groups
        if not one.inputs.get("retentionInDays") or not str(one.inputs.get("kmsKeyId", "")).startswith("arn:")
    ]


@pytest.mark.parametrize(
    ("wanted", "kept"), [(1, 1), (2, 3), (30, 30), (31, 60), (366, 400), (3289, 3653), (3653, 3653)]
)
def test_logs_are_kept_for_no_shorter_than_wanted(wanted: int, kept: int) -> None:
    assert retention_days(wanted) == kept
    made = log_group(plan(monitoring={"logs": {"retention_days": wanted}}), LOG_GROUP, EXISTING)
    assert made["retention_in_days"] == kept


def test_every_retention_of_a_spec_can_be_had_and_no_longer_one() -> None:
    days = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert isinstance(days["captured"], date)
    assert days["days"] == sorted(set(days["days"]))
    assert all(retention_days(wanted) in days["days"] for wanted in range(1, 3654))
    with pytest.raises(ValueError, match="CloudWatch keeps logs for 3653 days at most, not for 3654"):
        retention_days(3654)


def test_groups_are_kept_and_encrypted_by_default(aws: AwsRecorder) -> None:
    """Row A36."""
    groups = {"function": LOG_GROUP, "access": "/modelberth/shop-prod-iris/access"}
    run(aws, lambda: AwsLogs("iris-logs", AwsLogsArgs(plan(), groups, EXISTING)))
    found = aws.of("LogGroup")
    assert aws.tree[0] == ("modelberth:index:AwsLogs", "iris-logs", "shop-dev")
    assert {one.name: one.inputs["name"] for one in found} == {
        "iris-logs-function": LOG_GROUP,
        "iris-logs-access": "/modelberth/shop-prod-iris/access",
    }
    assert unkept(found) == []
    for one in found:
        assert (one.inputs["retentionInDays"], one.inputs["kmsKeyId"]) == (30, KEY)
        assert one.inputs["tags"]["modelberth:endpoint"] == "iris"
        assert one.inputs["region"] == "eu-central-1"


def test_a_group_without_an_end_or_a_key_is_noticed(aws: AwsRecorder) -> None:
    """Row A36, the other way round."""

    def program() -> None:
        cloudwatch.LogGroup("no-key", name="a", retention_in_days=30)
        cloudwatch.LogGroup("no-end", name="b", kms_key_id=KEY)

    run(aws, program)
    assert unkept(aws.of("LogGroup")) == ["no-key", "no-end"]
