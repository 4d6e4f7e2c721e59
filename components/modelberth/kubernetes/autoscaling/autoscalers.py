"""What changes the number of replicas: Kubernetes' own autoscaler, or KEDA.

Each revision follows its own load. A RayService keeps the number of workers that it is given.

From one to the other both are there for a moment, since Pulumi deletes after it has made. Kubernetes then
changes no number (`AmbiguousSelector`), and KEDA's own HorizontalPodAutoscaler has another name than ours, so
that none goes with the other's end.

To scale to zero takes two things beside KEDA. It is told by the requests of the last minutes whether the
endpoint is in use. And something in front of the endpoint has to tell that requests wait: with no replica,
the endpoint itself tells nothing, so by its own metrics it would never start again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.autoscaling.metrics import in_use, offered, query, target_value
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.monitoring.queries import deployment
from modelberth.kubernetes.pods import kserve
from modelberth.kubernetes.pods.pod import SERVER
from modelberth.kubernetes.roles import role_of
from modelberth.spec.kubernetes import Keda

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.spec import EndpointSpec

__all__ = ["autoscalers", "owned"]

# As often as the HorizontalPodAutoscaler looks by itself.
_POLL_SECONDS: Final = 15
# After a minute without an answer of Prometheus.
_FAILURES: Final = 4
_MILLI: Final = 1000
# KEDA's admission webhook takes no ScaledObject for what another autoscaler has, unless that says this (KEDA,
# "Admission Webhooks": Validation Enforcement, and `verifyHpas` in `scaledobject_webhook.go`; since 2.14).
_BESIDE_KEDA: Final = {"validations.keda.sh/hpa-ownership": "false"}


def autoscalers(plan: Plan) -> dict[str, Manifest]:
    """Return an autoscaler for each revision; nothing where the number of replicas is fixed."""
    if plan.target.engine == "ray" or not plan.is_autoscaled:
        return {}
    make = _scaled_object if isinstance(plan.target.scaler, Keda) else _horizontal_pod_autoscaler
    return {role_of("autoscaler", revision): make(plan, revision) for revision in plan.revisions}


def owned(plan: Plan) -> tuple[str, ...]:
    """Return the paths of a Deployment that the autoscaler owns once both are there.

    Left out of the manifest instead, `replicas` would fall to Kubernetes' default of 1 when an autoscaler is
    turned on, until its first turn. Where a change is ignored, pulumi-kubernetes applies the number that is
    there, or none once somebody else has set it (`handleSSAIgnoreFields` in `provider/pkg/await/await.go`).
    """
    return ("spec.replicas",) if plan.is_autoscaled and plan.target.engine == "deployment" else ()


def _horizontal_pod_autoscaler(plan: Plan, revision: Revision) -> Manifest:
    scaling = plan.spec.scaling
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": plan.metadata(plan.revision_name(revision), revision, annotations=_BESIDE_KEDA),
        "spec": {
            "scaleTargetRef": _scale_target(plan, revision),
            "minReplicas": max(1, scaling.min),
            "maxReplicas": scaling.max,
            "metrics": [_metric(plan)],
            "behavior": _behavior(plan.spec),
        },
    }


def _metric(plan: Plan) -> dict[str, Any]:
    """Of the serving container alone: a sidecar that somebody injects has no share in the load."""
    spec = plan.spec
    target = target_value(spec)
    if spec.scaling.metric == "cpu":
        source = {
            "name": "cpu",
            "container": _server(plan),
            "target": {"type": "Utilization", "averageUtilization": int(target)},
        }
        return {"type": "ContainerResource", "containerResource": source}
    name = offered()[spec.runtime.engine][spec.scaling.metric]
    average = {"type": "AverageValue", "averageValue": _quantity(target)}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": average}}


def _scaled_object(plan: Plan, revision: Revision) -> Manifest:
    scaling = plan.spec.scaling
    to_zero: dict[str, Any] = {}
    if scaling.min == 0:
        idle = scaling.idle_to_zero_after or scaling.cooldown
        # The first one also holds from the start on: a new endpoint waits for its first request.
        seconds = math.ceil(idle.seconds)
        to_zero = {"cooldownPeriod": seconds, "initialCooldownPeriod": seconds}
    fallback: dict[str, Any] = {}
    if scaling.metric != "cpu":
        least = max(1, scaling.min)
        fallback = {"failureThreshold": _FAILURES, "replicas": least, "behavior": "currentReplicasIfHigher"}
    return {
        "apiVersion": api_version("ScaledObject"),
        "kind": "ScaledObject",
        "metadata": plan.metadata(plan.revision_name(revision), revision),
        "spec": {
            "scaleTargetRef": _scale_target(plan, revision),
            "pollingInterval": _POLL_SECONDS,
            "minReplicaCount": scaling.min,
            "maxReplicaCount": scaling.max,
            **to_zero,
            **({"fallback": fallback} if fallback else {}),
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(plan.spec)}},
            "triggers": [*_triggers(plan, revision)],
        },
    }


def _triggers(plan: Plan, revision: Revision) -> Iterator[dict[str, Any]]:
    """Yield the load, and for an endpoint that stops what tells that it is in use or should start."""
    scaler = plan.target.scaler
    assert isinstance(scaler, Keda)
    if plan.spec.scaling.metric == "cpu":
        metadata = {"value": str(int(target_value(plan.spec))), "containerName": _server(plan)}
        yield {"type": "cpu", "name": "load", "metricType": "Utilization", "metadata": metadata}
    else:
        load, threshold = query(plan, revision), target_value(plan.spec)
        yield _asked(scaler, "load", load, threshold=threshold, is_told=plan.spec.scaling.min > 0)
    if plan.spec.scaling.min > 0:
        return
    yield _asked(scaler, "in-use", in_use(plan, revision))
    waking = scaler.waking
    if waking is not None:
        yield _asked(scaler, "waking", f"clamp_max({waking}, 1)")


def _asked(
    scaler: Keda, name: str, asked: str, *, threshold: float = 1, is_told: bool = False
) -> dict[str, Any]:
    """Return a trigger that asks Prometheus.

    An empty answer is an error where there is always a replica, and leads to the fallback: were it taken for
    zero, a Prometheus that lost its targets would remove replicas under load.
    """
    trigger: dict[str, Any] = {
        "type": "prometheus",
        "name": name,
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": scaler.prometheus,
            "query": asked,
            "threshold": f"{threshold:.15g}",
            "ignoreNullValues": "false" if is_told else "true",
        },
    }
    if scaler.authentication is not None:
        trigger["authenticationRef"] = {"name": scaler.authentication}
    return trigger


def _scale_target(plan: Plan, revision: Revision) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment(plan, revision)}


def _server(plan: Plan) -> str:
    """Name of the serving container."""
    return kserve.server_name(plan.spec) if plan.target.engine == "kserve" else SERVER


def _behavior(spec: EndpointSpec) -> dict[str, Any]:
    """Add replicas at once, up to twice as many in 15 s; remove them after the cooldown, half in a minute.

    So a short gap in the load, or in its metrics, does not cost what takes minutes to start again.
    """
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 15},
                {"type": "Pods", "value": 4, "periodSeconds": 15},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": math.ceil(spec.scaling.cooldown.seconds),
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 50, "periodSeconds": 60},
                {"type": "Pods", "value": 1, "periodSeconds": 60},
            ],
        },
    }


def _quantity(value: float) -> str:
    """Write a number as the API server does, which keeps thousandths: `45`, `44800m`."""
    thousandths = round(value * _MILLI)
    whole, rest = divmod(thousandths, _MILLI)
    return f"{thousandths}m" if rest else str(whole)
