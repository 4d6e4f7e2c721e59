"""When a Kubernetes object counts as ready, and what keeps it from that.

The conditions are those of pulumi-kubernetes 4 (`provider/pkg/await`) and of `kubectl rollout status`; a
kind that is not named here is ready as soon as it is made.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from modelberth.preview.standins.cluster.symptoms import Look, Object, condition, told

__all__ = ["State", "state"]


@dataclass(frozen=True)
class State:
    """Ready, waiting for something, or failed for good."""

    settled: bool
    reason: str = ""

    @classmethod
    def ready(cls) -> Self:
        """Nothing is left to wait for."""
        return cls(settled=True)

    @classmethod
    def waiting(cls, reason: str) -> Self:
        """It may still become ready."""
        return cls(settled=False, reason=reason)

    @classmethod
    def failed(cls, reason: str) -> Self:
        """It will not become ready by itself."""
        return cls(settled=True, reason=reason)

    @property
    def is_ready(self) -> bool:
        """Whether the object works."""
        return self.settled and not self.reason


def state(live: Object, look: Look) -> State:
    """Judge an object as the API server shows it."""
    group = live["apiVersion"].rpartition("/")[0]
    rule = _RULES.get((group, live["kind"]))
    return rule(live, look) if rule else State.ready()


def _not_observed(live: Object) -> bool:
    return bool(
        (live.get("status") or {}).get("observedGeneration", 0) < live["metadata"].get("generation", 0)
    )


def _deployment(live: Object, _look: Look) -> State:
    if _not_observed(live):
        return State.waiting("the controller has not seen the change yet")
    spec, status = live["spec"], live.get("status") or {}
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    available, total = status.get("availableReplicas", 0), status.get("replicas", 0)
    if spec.get("paused"):
        return State.ready()
    progress = condition(live, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return State.failed(f"the rollout made no progress: {progress.get('message', '')}")
    stuck = condition(live, "ReplicaFailure")
    hint = f": {told(stuck)}" if stuck.get("status") == "True" else ""
    if updated < wanted:
        return State.waiting(f"{updated} of {wanted} replicas are updated{hint}")
    if total > updated:
        return State.waiting(f"{total - updated} old replicas are still there{hint}")
    if available < wanted:
        return State.waiting(f"{available} of {wanted} replicas are available{hint}")
    return State.ready()


def _stateful_set(live: Object, _look: Look) -> State:
    if _not_observed(live):
        return State.waiting("the controller has not seen the change yet")
    spec, status = live["spec"], live.get("status") or {}
    strategy, wanted = spec.get("updateStrategy") or {}, spec.get("replicas", 1)
    if status.get("readyReplicas", 0) < wanted:
        return State.waiting(f"{status.get('readyReplicas', 0)} of {wanted} replicas are ready")
    if strategy.get("type") == "OnDelete" or status.get("currentRevision") == status.get("updateRevision"):
        return State.ready()
    to_update = wanted - (strategy.get("rollingUpdate") or {}).get("partition", 0)
    updated = status.get("updatedReplicas", 0)
    if updated < to_update:
        return State.waiting(f"{updated} of {to_update} replicas are updated")
    return State.ready()


def _daemon_set(live: Object, _look: Look) -> State:
    if _not_observed(live):
        return State.waiting("the controller has not seen the change yet")
    status = live.get("status") or {}
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    if updated < wanted and (live["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
        return State.waiting(f"{updated} of {wanted} pods are updated")
    if status.get("numberAvailable", 0) < wanted:
        return State.waiting(f"{status.get('numberAvailable', 0)} of {wanted} pods are available")
    return State.ready()


def _job(live: Object, _look: Look) -> State:
    if condition(live, "Complete").get("status") == "True" or live["spec"].get("suspend"):
        return State.ready()
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return State.failed(f"the job failed: {told(failed)}")
    status = live.get("status") or {}
    return State.waiting(
        f"{status.get('succeeded', 0)} of {live['spec'].get('completions', 1)} pods succeeded"
    )


def _pod(live: Object, _look: Look) -> State:
    status = live.get("status") or {}
    phase = status.get("phase", "Pending")
    if phase == "Succeeded" or condition(live, "Ready").get("status") == "True":
        return State.ready()
    if phase == "Failed":
        return State.failed(f"the pod failed: {told(status)}")
    return State.waiting(f"the pod is {phase} and not ready")


def _claim(live: Object, look: Look) -> State:
    phase = (live.get("status") or {}).get("phase", "Pending")
    if phase == "Bound":
        return State.ready()
    if phase == "Lost":
        return State.failed("the volume of the claim is lost")
    storage_class = live["spec"].get("storageClassName")
    if storage_class and look.waits_for_consumer(storage_class):
        return State.ready()
    return State.waiting(f"the claim is {phase}, with storage class {storage_class or 'none'}")


def _service(live: Object, look: Look) -> State:
    spec = live["spec"]
    if spec.get("type") == "ExternalName":
        return State.ready()
    if spec.get("clusterIP") != "None" and spec.get("selector"):
        metadata = live["metadata"]
        if not look.endpoints(metadata["namespace"], metadata["name"]):
            return State.waiting("no ready pod matches the selector")
    if spec.get("type") == "LoadBalancer" and not _addresses(live):
        return State.waiting("the load balancer has no address")
    return State.ready()


def _ingress(live: Object, _look: Look) -> State:
    return State.ready() if _addresses(live) else State.waiting("no ingress controller gave it an address")


def _addresses(live: Object) -> Sequence[Object]:
    found: Sequence[Object] = ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return found


def _namespace(live: Object, _look: Look) -> State:
    phase = (live.get("status") or {}).get("phase", "unknown")
    return State.ready() if phase == "Active" else State.waiting(f"the namespace is {phase}")


def _definition(live: Object, _look: Look) -> State:
    if condition(live, "Established").get("status") == "True":
        return State.ready()
    names = condition(live, "NamesAccepted")
    if names.get("status") == "False":
        return State.failed(f"the names are not accepted: {told(names)}")
    return State.waiting("the definition is not established")


_RULES: Mapping[tuple[str, str], Callable[[Object, Look], State]] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
}
