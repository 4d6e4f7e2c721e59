"""How objects of a cluster belong together, before and after: pods, what leads to them, their GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelberth.preview.plan import Op, Plan, Step

from .rule import at, found
from .wording import name, value

__all__ = ["Cluster", "Pods", "gpus_of_pod", "instance_of", "is_ours", "is_ready", "place_of", "pod_of"]

Inputs = Mapping[str, Any]

_INSTANCE: Final = "app.kubernetes.io/instance"
_OURS: Final = ("app.kubernetes.io/managed-by", "modelberth")
_VERSION: Final = "app.kubernetes.io/version"
_WORKERS: Final = "spec.rayClusterConfig.workerGroupSpecs[0].template"
_SERVICE: Final = "kubernetes:core/v1:Service"
_CLAIMS: Final = "kubernetes:resource.k8s.io/v1:ResourceClaimTemplate"
_GPU_DOMAINS: Final = ("nvidia.com/", "amd.com/", "gpu.intel.com/", "habana.ai/")
# Where each type has the labels of its pods, and their spec.
_PODS: Final[Mapping[str, tuple[str, str]]] = {
    "kubernetes:apps/v1:Deployment": ("spec.template.metadata.labels", "spec.template.spec"),
    "kubernetes:apps/v1:StatefulSet": ("spec.template.metadata.labels", "spec.template.spec"),
    "kubernetes:apps/v1:DaemonSet": ("spec.template.metadata.labels", "spec.template.spec"),
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": ("spec.predictor.labels", "spec.predictor"),
    "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService": ("spec.labels", "spec.template"),
    "kubernetes:ray.io/v1:RayService": (f"{_WORKERS}.metadata.labels", f"{_WORKERS}.spec"),
}


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods that something leads to, as those of one or more workloads."""

    workloads: tuple[Step, ...]
    fallback: str
    """What they are called where no workload of the plan has them."""

    @property
    def key(self) -> object:
        """What two sides have in common where they lead to the same pods."""
        return tuple(step.urn for step in self.workloads) or self.fallback

    def told(self, side: Literal["before", "after"]) -> str:
        """By the name of the workload, with the model's version where a label tells it."""
        if not self.workloads:
            return self.fallback
        parts = []
        for step in self.workloads:
            inputs = step.before if side == "before" else step.after
            version = _label(inputs, _VERSION)
            parts.append(f"{name(step)} (version {value(version)})" if version else name(step))
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One side of a plan."""

    plan: Plan
    side: Literal["before", "after"]

    def inputs(self, step: Step) -> Inputs | None:
        """Of a resource on this side; None where it is not there."""
        return step.before if self.side == "before" else step.after

    def of_type(self, *tokens: str) -> Iterator[tuple[Step, Inputs]]:
        """Resources of these types that are there on this side."""
        for token in tokens:
            for step in self.plan.by_type.get(token, ()):
                if (inputs := self.inputs(step)) is not None:
                    yield step, inputs

    def selected(self, selector: Any, place: Any) -> tuple[Step, ...]:
        """Workloads of a namespace whose pods have these labels."""
        if not isinstance(selector, Mapping) or not selector:
            return ()
        return tuple(
            step
            for step, inputs in self.of_type(*_PODS)
            if place_of(inputs) == place and _fits(selector, at(inputs, _PODS[step.type][0], {}))
        )

    def behind(self, service: Any, place: Any) -> Pods:
        """Pods that a Service of this name leads to."""
        fallback = f"backend {value(service)}"
        for _, inputs in self.of_type(_SERVICE):
            if at(inputs, "metadata.name") == service and place_of(inputs) == place:
                return Pods(self.selected(at(inputs, "spec.selector"), place), fallback)
        return Pods((), fallback)


def place_of(inputs: Inputs | None) -> Any:
    """Namespace of an object."""
    return at(inputs, "metadata.namespace", "default")


def pod_of(step: Step, inputs: Inputs | None) -> Any:
    """Spec of the pods of a workload."""
    return at(inputs, _PODS[step.type][1], {}) if step.type in _PODS else {}


def is_ours(inputs: Inputs | None) -> bool:
    """Whether an object is part of a component of Modelberth, which knows all that leads to it."""
    return bool(_label(inputs, _OURS[0]) == _OURS[1])


def instance_of(inputs: Inputs | None) -> Any:
    """Name of the endpoint that an object is part of."""
    return _label(inputs, _INSTANCE)


def is_ready(step: Step) -> bool:
    """Whether pods of a workload are there before calls are sent to them.

    Those that nothing happens to serve already. A component of Modelberth waits for its Deployments before it
    changes what leads to them; for what another operator makes pods of it cannot.
    """
    if step.after is None or at(step.after, "spec.replicas") == 0:
        return False
    return step.op is Op.SAME or (is_ours(step.after) and step.type == "kubernetes:apps/v1:Deployment")


def gpus_of_pod(pod: Any, plan: Plan | None = None) -> int:
    """GPUs that one pod holds: the sum of its containers' limits, and of its claims of devices."""
    total = 0
    for path in ("containers[].resources.limits", "initContainers[].resources.limits"):
        of_each = [_gpus(limits) for _, limits in found(pod, path)]
        # Init containers run one after another and before the others.
        total = max(total, sum(of_each) if path.startswith("containers") else max(of_each, default=0))
    claims = [template for _, template in found(pod, "resourceClaims[].resourceClaimTemplateName")]
    return total + sum(_claimed(template, plan) for template in claims if plan is not None)


def _claimed(template: Any, plan: Plan) -> int:
    """Devices of a claim of a class of GPUs, such as `gpu.nvidia.com`."""
    for step in plan.by_type.get(_CLAIMS, ()):
        for inputs in (step.after, step.before):
            if at(inputs, "metadata.name") == template:
                exactly = (one for _, one in found(inputs, "spec.spec.devices.requests[].exactly"))
                return sum(
                    count
                    for one in exactly
                    if "gpu" in str(at(one, "deviceClassName"))
                    and isinstance(count := at(one, "count", 1), int)
                )
    return 0


def _gpus(limits: Any) -> int:
    if not isinstance(limits, Mapping):
        return 0
    return sum(
        int(count)
        for resource, count in limits.items()
        if resource.startswith(_GPU_DOMAINS) and str(count).isdigit()
    )


def _fits(selector: Mapping[str, Any], labels: Any) -> bool:
    return isinstance(labels, Mapping) and all(labels.get(key) == given for key, given in selector.items())


def _label(inputs: Inputs | None, key: str) -> Any:
    labels = at(inputs, "metadata.labels", {})
    return labels.get(key) if isinstance(labels, Mapping) else None
