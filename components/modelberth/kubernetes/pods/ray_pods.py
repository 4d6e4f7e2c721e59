"""The pods of a Ray cluster: the head, which holds it together, and workers, which serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.pods.pod import pod_template
from modelberth.kubernetes.registry.pull import pull
from modelberth.kubernetes.secret_provider import secret_provider
from modelberth.spec.quantities import Bytes, Cpu

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision
    from modelberth.kubernetes.pods.part import PodPart

__all__ = ["HEAD_CPU", "HEAD_MEMORY", "METRICS_PORT", "head", "worker"]

METRICS_PORT: Final = 8080
"""Of each pod: Ray's own metrics, and those of the engine under Ray's names, at /metrics."""

_HEAD_PORTS: Final = {
    "client": 10001,
    "dashboard": 8265,
    "gcs": 6379,
    "metrics": METRICS_PORT,
}
# It computes nothing. Ray recommends 8 GiB: https://docs.ray.io/en/latest/cluster/kubernetes/user-guides/config.html
HEAD_CPU: Final = Cpu(1000)
HEAD_MEMORY: Final = Bytes(8 * 2**30)


def worker(plan: Plan, revision: Revision, parts: Sequence[PodPart]) -> dict[str, Any]:
    """Return the template of the pods that serve: those of our Deployments, with Ray for their command."""
    template = pod_template(plan, revision, parts)
    ports = {**plan.container(revision).ports, "metrics": METRICS_PORT}
    return _started_by_ray(template, "ray-worker", ports)


def head(plan: Plan, revision: Revision) -> dict[str, Any]:
    """Return the template of the head, without the model and without GPUs.

    It answers no requests, so it is no pod of the revision.
    """
    # It starts first, and its image may be pulled with a Secret that only a mounted class makes.
    template = pod_template(plan, revision, [pull(plan, revision), secret_provider(plan, revision)])
    (server,) = template["spec"]["containers"]
    own = {**server, "resources": _head_resources()}
    spread = {"affinity", "topologySpreadConstraints"}
    pod = {key: value for key, value in template["spec"].items() if key not in spread}
    ports = {**_HEAD_PORTS, "serve": plan.container(revision).ports["http"]}
    return _started_by_ray(
        {"metadata": {"labels": plan.labels()}, "spec": {**pod, "containers": [own]}}, "ray-head", ports
    )


def _head_resources() -> dict[str, Any]:
    memory = str(HEAD_MEMORY)
    return {"requests": {"cpu": str(HEAD_CPU), "memory": memory}, "limits": {"memory": memory}}


def _started_by_ray(template: Mapping[str, Any], name: str, ports: Mapping[str, int]) -> dict[str, Any]:
    """Leave to KubeRay what it writes itself: the command, and probes that ask Ray's own processes."""
    (server,) = template["spec"]["containers"]
    own = {"command", "args", "startupProbe", "readinessProbe", "livenessProbe"}
    container = {key: value for key, value in server.items() if key not in own}
    container |= {
        "name": name,
        "env": [*server["env"], {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"}],
        "ports": [
            {"name": port, "containerPort": number, "protocol": "TCP"}
            for port, number in sorted(ports.items())
        ],
    }
    metadata = dict(template["metadata"])
    if "prometheus.io/port" in metadata.get("annotations", {}):
        metadata["annotations"] = {**metadata["annotations"], "prometheus.io/port": str(METRICS_PORT)}
    return {"metadata": metadata, "spec": {**template["spec"], "containers": [container]}}
