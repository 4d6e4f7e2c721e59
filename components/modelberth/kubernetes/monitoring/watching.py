"""What a pod is told of its watching: scrape annotations, traces, samples of requests, the log's form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.capture_variables import capture_variables
from modelberth.errors import Problem, shown
from modelberth.kubernetes.pods.part import PodPart

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision
    from modelberth.spec import Capture, EndpointSpec, KubernetesTarget

__all__ = ["problems", "watching"]

# Engines that read our server's variables.
_OURS: Final = frozenset({"onnxruntime", "custom"})
_KEY_FOLDER: Final = "/var/run/modelberth/capture"
_KEY_VOLUME: Final = "capture-key"


def watching(plan: Plan, revision: Revision) -> PodPart:
    """Return annotations by which Prometheus finds the pod, and variables of our own server."""
    container = plan.container(revision)
    annotations = {}
    if container.metrics is not None and not plan.target.prometheus.operator:
        annotations = {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(container.metrics.port),
            "prometheus.io/path": container.metrics.path,
        }
    if plan.spec.runtime.engine not in _OURS:
        return PodPart(annotations=annotations)
    capture = plan.target.capture if plan.spec.monitoring.capture is not None else None
    secret = None if capture is None else capture.hash_key
    return PodPart(
        env={
            "MODELBERTH_LOG_FORMAT": "json",
            "MODELBERTH_REVISION": plan.revision_name(revision),
            **_tracing(plan, revision),
            **_capture(plan),
        },
        volumes=() if secret is None else (_key_volume(secret),),
        mounts=() if secret is None else ({"name": _KEY_VOLUME, "mountPath": _KEY_FOLDER, "readOnly": True},),
        annotations=annotations,
    )


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Yield what is asked for without a place to send it to, and places that nothing is sent to."""
    monitoring = spec.monitoring
    if monitoring.tracing is not None and target.otlp is None:
        yield Problem("target.otlp", "nothing", "the address of a collector, since monitoring.tracing is set")
    if monitoring.tracing is None and target.otlp is not None:
        yield Problem("target.otlp", shown(target.otlp), "nothing without monitoring.tracing")
    if monitoring.capture is None:
        if target.capture is not None:
            yield Problem("target.capture", "a mapping", "nothing without monitoring.capture")
    elif target.capture is None:
        yield Problem("target.capture", "nothing", "a mapping with `uri`, since monitoring.capture is set")
    else:
        yield from _key_problems(monitoring.capture, target)


def _key_problems(capture: Capture, target: KubernetesTarget) -> Iterator[Problem]:
    key = None if target.capture is None else target.capture.hash_key
    for name in ("drop_fields", "hash_fields"):
        for place, listed in enumerate(getattr(capture, name)):
            if "," in listed:
                path = f"monitoring.capture.{name}[{place}]"
                yield Problem(path, shown(listed), "a name without a comma: the server's list is split there")
    if capture.hash_fields and key is None:
        allowed = "the name of a Secret, since monitoring.capture.hash_fields are to be hashed"
        yield Problem("target.capture.hash_key", "nothing", allowed)
    if key is not None and not capture.hash_fields:
        yield Problem("target.capture.hash_key", shown(key), "nothing without monitoring.capture.hash_fields")


def _tracing(plan: Plan, revision: Revision) -> dict[str, str]:
    tracing = plan.spec.monitoring.tracing
    if tracing is None or plan.target.otlp is None:
        return {}
    attributes = {
        "service.namespace": plan.namespace,
        "service.version": revision.model.version,
        "k8s.namespace.name": plan.namespace,
        "modelberth.endpoint": plan.name,
        "modelberth.revision": revision.key,
    }
    # https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": plan.target.otlp,
        "OTEL_SERVICE_NAME": plan.spec.name,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{key}={value}" for key, value in attributes.items()),
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{tracing.percent / 100:.9g}",
    }


def _capture(plan: Plan) -> dict[str, str]:
    capture, store = plan.spec.monitoring.capture, plan.target.capture
    if capture is None or store is None:
        return {}
    return capture_variables(capture, store.uri, f"{_KEY_FOLDER}/key")


def _key_volume(secret: str) -> dict[str, object]:
    items = [{"key": "key", "path": "key"}]
    return {"name": _KEY_VOLUME, "secret": {"secretName": secret, "items": items, "defaultMode": 0o440}}
