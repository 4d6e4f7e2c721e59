"""Where an endpoint's alerts go: receivers of Alertmanager, as an object of the Prometheus operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.monitoring.queries import ENDPOINT

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["notifications", "problems"]

_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_RECEIVER: Final = "modelberth"


def notifications(plan: Plan) -> dict[str, Manifest]:
    """Return the AlertmanagerConfig for `monitoring.alerts.notify`; nothing where it is empty.

    Mail goes through the server that Alertmanager itself is configured with, and a message to SNS is signed
    with the identity of Alertmanager's pod.
    """
    receivers = plan.spec.monitoring.alerts.notify
    if not receivers or not plan.target.prometheus.operator:
        return {}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for receiver in receivers:
        kind, config = _receiver(receiver)
        kinds.setdefault(kind, []).append({**config, "sendResolved": True})
    labels = {**plan.labels(), **plan.target.prometheus.labels}
    return {
        "notifications": {
            "apiVersion": api_version("AlertmanagerConfig"),
            "kind": "AlertmanagerConfig",
            "metadata": {"name": plan.name, "namespace": plan.namespace, "labels": labels},
            "spec": {
                "route": {
                    "receiver": _RECEIVER,
                    "groupBy": ["alertname"],
                    "matchers": [{"name": ENDPOINT, "value": plan.name, "matchType": "="}],
                },
                "receivers": [{"name": _RECEIVER, **kinds}],
            },
        }
    }


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Yield the receivers that nobody would send to."""
    receivers = spec.monitoring.alerts.notify
    if receivers and not target.prometheus.operator:
        yield Problem(
            "monitoring.alerts.notify",
            f"{len(receivers)} receiver{'s' if len(receivers) > 1 else ''}",
            "an empty list without target.prometheus.operator",
            "Without the operator receivers are part of Alertmanager's own configuration: route alerts by "
            f"their label {ENDPOINT}.",
        )
        return
    for place, receiver in enumerate(receivers):
        if receiver.startswith("arn:") and _TOPIC.fullmatch(receiver) is None:
            allowed = "the ARN of an SNS topic, arn:aws:sns:REGION:ACCOUNT:TOPIC"
            yield Problem(f"monitoring.alerts.notify[{place}]", shown(receiver), allowed)
        if receiver.startswith("projects/"):
            allowed = "mailto:ADDRESS, an https webhook or the ARN of an SNS topic"
            hint = "Alertmanager tells no notification channel of Google Cloud."
            yield Problem(f"monitoring.alerts.notify[{place}]", shown(receiver), allowed, hint)


def _receiver(receiver: str) -> tuple[str, dict[str, Any]]:
    if receiver.startswith("mailto:"):
        return "emailConfigs", {"to": receiver.removeprefix("mailto:")}
    if (topic := _TOPIC.fullmatch(receiver)) is not None:
        return "snsConfigs", {"topicARN": receiver, "sigv4": {"region": topic["region"]}}
    return "webhookConfigs", {"url": receiver}
