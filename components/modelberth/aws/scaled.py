"""What has a number that follows the load, and by which policies: values, for any service of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["CloudWatchMetric", "Scaled", "Tracking", "Waking", "wake_alarm"]

_WAKE_PERIOD_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Scaled:
    """What there is a number of: a scalable target.

    Attributes:
        service: namespace of Application Auto Scaling
        resource: as the service names it there, such as `endpoint/iris/variant/main`; another name is another
            target, whose count begins anew
        dimension: what is counted, such as `sagemaker:variant:DesiredInstanceCount`
        least: always
        most: while the load asks for them

    """

    service: Literal["lambda", "sagemaker"]
    resource: str
    dimension: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class CloudWatchMetric:
    """A metric by its own name; `dimensions` are name → value."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Tracking:
    """Keep a metric near a value: above it there are more, well below it fewer.

    Attributes:
        role: ends the policy's name
        metric: predefined by Application Auto Scaling, or of CloudWatch
        value: in the metric's unit
        cooldown_seconds: after which there may be fewer again
        growing_seconds: after which there may be more again; what is being added meanwhile counts as there

    """

    role: str
    metric: str | CloudWatchMetric
    value: float
    cooldown_seconds: int
    growing_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Waking:
    """Take the first step from zero, which tracking cannot: of none there is no average.

    Attributes:
        role: ends the names of the policy and of the alarm that calls it
        metric: 1 or more while somebody waits and there is none
        periods: minutes that it has to say so
        cooldown_seconds: that the one is given to start before another is asked for
        description: of the alarm

    """

    role: str
    metric: CloudWatchMetric
    periods: int
    cooldown_seconds: int
    description: str


def wake_alarm(policy: Waking) -> dict[str, Any]:
    """Return the alarm that calls a `Waking`, as arguments of `MetricAlarm`: up from the first that waits.

    AWS's own examples ask for more: two failures within a minute with `NoCapacityInvocationFailures`, above
    1 (SageMaker AI developer guide, "Scale an endpoint to zero instances"); who tries once would never be
    heard.
    """
    metric = policy.metric
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": dict(metric.dimensions),
        "statistic": metric.statistic,
        "period": _WAKE_PERIOD_SECONDS,
        "evaluation_periods": policy.periods,
        "datapoints_to_alarm": policy.periods,
        "comparison_operator": "GreaterThanOrEqualToThreshold",
        "threshold": 1,
        "treat_missing_data": "notBreaching",
        "alarm_description": policy.description,
    }
