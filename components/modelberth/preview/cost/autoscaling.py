"""Application Auto Scaling: the bounds and the aim of what it scales."""

from __future__ import annotations

from typing import Final

from .resource import Properties, Resource

__all__ = ["requests_at_once", "target_of"]

_TARGET: Final = "aws:appautoscaling/target:Target"
_POLICY: Final = "aws:appautoscaling/policy:Policy"
_PER_MINUTE: Final = "SageMakerVariantInvocationsPerInstance"
_AT_ONCE: Final = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
_MINUTE: Final = 60


def target_of(resource: Resource, namespace: str, part: str) -> tuple[float, float] | None:
    """Least and greatest number by the target whose `resourceId` holds `part`; None where nothing scales it.

    A target of the service whose `resourceId` is not known yet counts where it is the only one.
    """
    targets = [
        target
        for target in resource.beside(_TARGET)
        if target.properties.text("serviceNamespace", namespace) == namespace
    ]
    found = [target for target in targets if part in _known(target.properties)]
    if not found and len(targets) == 1 and not _known(targets[0].properties):
        found = targets
    if not found:
        return None
    properties = found[0].properties
    return properties.number("minCapacity"), properties.number("maxCapacity")


def requests_at_once(resource: Resource) -> float | None:
    """Requests at a time that one instance of a SageMaker variant is scaled for; None: no policy says."""
    for policy in resource.beside(_POLICY):
        tracking = policy.properties.part("targetTrackingScalingPolicyConfiguration")
        metric = tracking.part("predefinedMetricSpecification").text("predefinedMetricType", "")
        if metric == _AT_ONCE:
            return tracking.number("targetValue")
        if metric == _PER_MINUTE:
            return tracking.number("targetValue") / _MINUTE * resource.load.request_time.seconds
    return None


def _known(properties: Properties) -> str:
    """The `resourceId`, or nothing while it is unknown."""
    value = properties.peek("resourceId")
    return value if isinstance(value, str) else ""
