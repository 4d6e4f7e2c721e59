"""`AwsAutoscaling`: how many there are of something, by the load, with Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi_aws import appautoscaling, cloudwatch
from pulumi_aws.appautoscaling import (
    PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationDimensionArgs as Dimension,
)

from modelberth.arguments import clean_errors
from modelberth.aws.place import Place
from modelberth.aws.scaled import CloudWatchMetric, Scaled, Tracking, Waking, wake_alarm
from modelberth.errors import Problem, SpecError
from modelberth.naming import shortened

__all__ = ["AwsAutoscaling", "AwsAutoscalingArgs"]

# Application Auto Scaling, PutScalingPolicy: PolicyName; CloudWatch, PutMetricAlarm: AlarmName.
_LONGEST_NAME: Final = 255


@dataclass(frozen=True)
class AwsAutoscalingArgs:
    """What is scaled, and by what."""

    place: Place
    name: str
    """Beginning of the names of policies and alarms."""
    scaled: Scaled
    policies: Sequence[Tracking | Waking]
    after: Sequence[pulumi.Resource] = ()
    """What has to be there first: Application Auto Scaling takes no target that the service does not know."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """Yield bounds that cannot be, and a zero that nothing leads out of."""
        least, most = self.scaled.least, self.scaled.most
        if not 0 <= least <= most:
            yield Problem("scaled.least", str(least), f"0 to {most}, which is scaled.most")
        roles = [policy.role for policy in self.policies]
        if len(set(roles)) != len(roles):
            yield Problem("policies", ", ".join(roles), "each role once")
        if least == 0 and not any(isinstance(policy, Waking) for policy in self.policies):
            hint = "Tracking compares an average, and of none there is none: it would stay at zero for good."
            yield Problem("policies", "no Waking", "one Waking with scaled.least = 0", hint)


class AwsAutoscaling(pulumi.ComponentResource):
    """A scalable target and its policies. The count is the service's, and no update of these sets it."""

    target: appautoscaling.Target

    def __init__(
        self, name: str, args: AwsAutoscalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:AwsAutoscaling", name, {"resource": args.scaled.resource}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        self._args = args
        self.target = self._target()
        for policy in args.policies:
            match policy:
                case Tracking():
                    self._track(policy)
                case Waking():
                    self._wake(policy)
        self.register_outputs({})

    def _target(self) -> appautoscaling.Target:
        args, scaled = self._args, self._args.scaled
        return appautoscaling.Target(
            f"{self.pulumi_resource_name}-target",
            min_capacity=scaled.least,
            max_capacity=scaled.most,
            resource_id=scaled.resource,
            scalable_dimension=scaled.dimension,
            service_namespace=scaled.service,
            region=args.place.region,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.after]),
        )

    def _track(self, policy: Tracking) -> None:
        tracking = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
            target_value=policy.value,
            scale_in_cooldown=policy.cooldown_seconds,
            scale_out_cooldown=policy.growing_seconds,
            **_measured(policy.metric),
        )
        self._policy(policy.role, "TargetTrackingScaling", tracking=tracking)

    def _wake(self, policy: Waking) -> None:
        steps = appautoscaling.PolicyStepScalingPolicyConfigurationArgs(
            adjustment_type="ChangeInCapacity",
            metric_aggregation_type="Maximum",
            cooldown=policy.cooldown_seconds,
            step_adjustments=[
                appautoscaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArgs(
                    scaling_adjustment=1,
                    # Counted from the alarm's threshold.
                    metric_interval_lower_bound="0",
                )
            ],
        )
        made = self._policy(policy.role, "StepScaling", steps=steps)
        cloudwatch.MetricAlarm(
            f"{self.pulumi_resource_name}-{policy.role}-alarm",
            **wake_alarm(policy),
            name=self._named(policy.role),
            alarm_actions=[made.arn],
            region=self._args.place.region,
            tags=self._args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _policy(
        self,
        role: str,
        kind: str,
        *,
        tracking: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs | None = None,
        steps: appautoscaling.PolicyStepScalingPolicyConfigurationArgs | None = None,
    ) -> appautoscaling.Policy:
        return appautoscaling.Policy(
            f"{self.pulumi_resource_name}-{role}",
            name=self._named(role),
            policy_type=kind,
            # Of the target, so that a policy comes after it.
            resource_id=self.target.resource_id,
            scalable_dimension=self.target.scalable_dimension,
            service_namespace=self.target.service_namespace,
            target_tracking_scaling_policy_configuration=tracking,
            step_scaling_policy_configuration=steps,
            region=self._args.place.region,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _named(self, role: str) -> str:
        return shortened(f"{self._args.name}-{role}", _LONGEST_NAME)


def _measured(metric: str | CloudWatchMetric) -> dict[str, Any]:
    if isinstance(metric, str):
        predefined = (
            appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                predefined_metric_type=metric
            )
        )
        return {"predefined_metric_specification": predefined}
    custom = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationArgs(
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=[Dimension(name=name, value=value) for name, value in metric.dimensions.items()],
        statistic=metric.statistic,
        unit=metric.unit,
    )
    return {"customized_metric_specification": custom}
