"""The alarms by which an update is taken back: each that is named is there, and before what names it."""

import pulumi
import pytest
from pulumi_aws_native import sagemaker

from modelberth.aws.monitoring.alarms import alarms
from modelberth.aws.monitoring.component import AwsMonitoring
from modelberth.aws.sagemaker import deployment, watching
from support.aws_blocks import EXISTING
from support.recording import run
from support.sagemaker_rooms import (
    SageMakerRecorder,
    aws,
    plan,
)
from support.sagemaker_watched import CONFIG, MODES, PROMISED

__all__ = ["aws"]


@pytest.mark.parametrize("mode", MODES)
def test_every_alarm_that_is_named_is_made(mode: str) -> None:
    endpoint = MODES[mode]
    names = watching.rollback_alarms(endpoint.plan)
    made = {alarm["name"] for alarm in alarms(endpoint).values()}
    assert set(names) <= made
    guarded = deployment.deployment_config(endpoint.plan.spec, endpoint.plan.target) is not None
    assert bool(names) == (guarded or mode == "components")
    statements = watching.rights(endpoint.plan)
    assert [len(one.resources) for one in statements] == ([len(names)] if names else [])
    for one in statements:
        assert one.actions == ("cloudwatch:DescribeAlarms",)
        assert {arn.rpartition(":alarm:")[2] for arn in one.resources} == set(names)


def test_the_alarms_come_before_the_endpoint_that_names_them(aws: SageMakerRecorder) -> None:
    made = plan(monitoring=PROMISED)

    def program() -> None:
        config = pulumi.Output.from_input(CONFIG)
        monitoring = AwsMonitoring("iris-monitoring", watching.monitoring(made, EXISTING, config))
        sagemaker.Endpoint(
            "iris-endpoint",
            endpoint_config_name=config,
            opts=pulumi.ResourceOptions(depends_on=watching.rollback_resources(made, monitoring)),
        )

    run(aws, program)
    before = {urn.rpartition("::")[2] for urn in aws.named("iris-endpoint").dependencies}
    assert before == {"iris-monitoring-update-errors", "iris-monitoring-update-latency"}
    for name in before:
        alarm = aws.named(name)
        assert alarm.inputs["name"] in watching.rollback_alarms(made)
        assert not any("iris-endpoint" in urn for urn in alarm.dependencies)
    dimensions = aws.named("iris-monitoring-update-latency").inputs["metricQueries"][0]["metric"][
        "dimensions"
    ]
    assert dimensions["EndpointConfigName"] == CONFIG
    body = aws.named("iris-monitoring-dashboard").inputs["dashboardBody"]
    assert "shop-dev-iris" in body


def test_more_variants_than_an_alarm_can_add_up_are_refused() -> None:
    model = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}

    def refused(count: int) -> list[str]:
        several = {f"other-{place}": {"model": model, "weight": 5} for place in range(count)}
        made = plan(variants=several)
        return [str(one) for one in watching.problems(made.spec, made.target)]

    assert refused(4) == []
    (problem,) = refused(5)
    assert "variants: given 6 that answer, allowed: at most 5" in problem
