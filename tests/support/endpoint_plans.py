"""Plans of an endpoint in a cluster, as the tests of every room make them."""

from typing import Any, Final

from modelberth.kubernetes.plan import Plan
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse

IMAGE: Final = f"registry.example.com/models/iris@sha256:{'1' * 64}"
PREVIOUS_IMAGE: Final = f"registry.example.com/models/iris@sha256:{'0' * 64}"
REMOTE: Final = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
PREVIOUS: Final = {"uri": "s3://models/iris/2.onnx", "sha256": "b" * 64, "version": "2"}


def plan(target: dict[str, Any] | None = None, **spec: Any) -> Plan:
    """The plan of `iris`, with fields of its spec and target as a person writes them."""
    data = {"name": "iris", "model": REMOTE, **spec}
    data["target"] = {"kind": "kubernetes", "image": IMAGE, **(target or {})}
    deployment = parse(EndpointDeployment, data)
    assert isinstance(deployment.target, KubernetesTarget)
    return Plan.of(deployment.spec, deployment.target, "shop", "onprem")


def canary(step: int = 1, **more: Any) -> dict[str, Any]:
    """A rollout in steps of 10 and 50 percent, from an older model."""
    return {"strategy": "canary", "previous": PREVIOUS, "step": step, **more}
