"""What watches the sample: alarms, a dashboard and a budget."""

from __future__ import annotations

import json

from pulumi_aws import budgets, cloudwatch, sns

from modelberth.aws.policies import Statement, policy
from support.aws.sample_data import Shared

__all__ = ["monitoring"]


def monitoring(shared: Shared) -> sns.Topic:
    topic = sns.Topic(
        "alarms",
        region=shared.region,
        name="iris-alarms",
        kms_master_key_id=shared.key.arn,
        signature_version=2,
    )
    publish = Statement(
        "Publish",
        ["sns:Publish"],
        [shared.place.arn("sns", "iris-alarms")],
        {"Service": ["cloudwatch.amazonaws.com"]},
    )
    sns.TopicPolicy("alarms-policy", region=shared.region, arn=topic.arn, policy=policy(publish))
    cloudwatch.MetricAlarm(
        "errors",
        region=shared.region,
        name="iris-errors",
        namespace="AWS/Lambda",
        metric_name="Errors",
        dimensions={"FunctionName": "iris"},
        statistic="Sum",
        period=60,
        evaluation_periods=5,
        comparison_operator="GreaterThanThreshold",
        threshold=0,
        treat_missing_data="notBreaching",
        alarm_actions=[topic.arn],
        ok_actions=[topic.arn],
    )
    cloudwatch.MetricAlarm(
        "error-rate",
        region=shared.region,
        name="iris-error-rate",
        evaluation_periods=5,
        comparison_operator="GreaterThanThreshold",
        threshold=0.01,
        metric_queries=[
            {"id": "rate", "expression": "errors / 2", "label": "half", "return_data": True},
            {
                "id": "errors",
                "metric": {
                    "namespace": "AWS/Lambda",
                    "metric_name": "Errors",
                    "period": 60,
                    "stat": "Sum",
                    "dimensions": {"FunctionName": "iris"},
                },
            },
        ],
    )
    widget = {"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": "iris"}}
    cloudwatch.Dashboard(
        "dashboard",
        region=shared.region,
        dashboard_name="iris",
        dashboard_body=json.dumps({"widgets": [widget]}),
    )
    budgets.Budget(
        "budget",
        name="iris",
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount="100",
        limit_unit="USD",
        cost_filters=[{"name": "TagKeyValue", "values": ["user:modelberth:endpoint$iris"]}],
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": "ACTUAL",
                "threshold": 80,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [topic.arn],
            }
        ],
    )
    return topic
