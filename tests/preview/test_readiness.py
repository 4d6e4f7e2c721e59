from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from modelberth.preview.standins.cluster.readiness import State, state
from modelberth.preview.standins.cluster.symptoms import Object, troubles

READY = State.ready()


@dataclass
class Beside:
    """What lies beside an object."""

    found: Sequence[Object] = ()
    events: Sequence[str] = ()
    line: str = ""
    addresses: int = 0
    late: frozenset[str] = frozenset()
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def pods(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Object]:
        self.asked.append(labels)
        return self.found

    def warnings(self, uid: str, namespace: str) -> Sequence[str]:
        return self.events

    def last_log(self, pod: Object, container: str) -> str:
        return self.line

    def endpoints(self, namespace: str, service: str) -> int:
        return self.addresses

    def waits_for_consumer(self, storage_class: str) -> bool:
        return storage_class in self.late


def live(api_version: str, kind: str, spec: Any = None, generation: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "n", "uid": "u", "generation": generation}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": spec or {},
        "status": status,
    }


def deployment(spec: Any = None, **status: Any) -> dict[str, Any]:
    return live(
        "apps/v1", "Deployment", {"replicas": 2, **(spec or {})}, **{"observedGeneration": 1, **status}
    )


def stateful(spec: Any = None, **status: Any) -> dict[str, Any]:
    return live(
        "apps/v1", "StatefulSet", {"replicas": 2, **(spec or {})}, **{"observedGeneration": 1, **status}
    )


def daemon(spec: Any = None, **status: Any) -> dict[str, Any]:
    return live("apps/v1", "DaemonSet", spec, **{"observedGeneration": 1, **status})


def condition(kind: str, status: str = "True", **more: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": status, **more}]


DONE = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
SETTLED = {"readyReplicas": 2, "updatedReplicas": 2, "currentRevision": "b", "updateRevision": "b"}
MOVING = {"readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"}
QUOTA = condition("ReplicaFailure", reason="FailedCreate", message="exceeded quota")
INGRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (live("v1", "ConfigMap"), READY),
        (live("autoscaling/v2", "HorizontalPodAutoscaler"), READY),
        (live("example.com/v1", "Deployment"), READY),  # another group's kind of the same name
        (deployment(observedGeneration=0), State.waiting("the controller has not seen the change yet")),
        (deployment(**DONE), READY),
        (deployment({"replicas": 0}), READY),
        (deployment({"paused": True}), READY),
        (deployment(updatedReplicas=1), State.waiting("1 of 2 replicas are updated")),
        (
            deployment(updatedReplicas=1, conditions=QUOTA),
            State.waiting("1 of 2 replicas are updated: FailedCreate: exceeded quota"),
        ),
        (deployment(**{**DONE, "replicas": 3}), State.waiting("1 old replicas are still there")),
        (deployment(**{**DONE, "availableReplicas": 1}), State.waiting("1 of 2 replicas are available")),
        (
            deployment(
                conditions=condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="m")
            ),
            State.failed("the rollout made no progress: m"),
        ),
        (stateful(observedGeneration=0), State.waiting("the controller has not seen the change yet")),
        (stateful(**SETTLED), READY),
        (stateful(readyReplicas=1), State.waiting("1 of 2 replicas are ready")),
        (stateful(**MOVING, updatedReplicas=1), State.waiting("1 of 2 replicas are updated")),
        (stateful({"updateStrategy": {"type": "OnDelete"}}, **MOVING), READY),
        (
            stateful({"updateStrategy": {"rollingUpdate": {"partition": 1}}}, **MOVING, updatedReplicas=1),
            READY,
        ),
        (daemon(observedGeneration=0), State.waiting("the controller has not seen the change yet")),
        (daemon(desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2), READY),
        (
            daemon(desiredNumberScheduled=2, updatedNumberScheduled=1),
            State.waiting("1 of 2 pods are updated"),
        ),
        (
            daemon({"updateStrategy": {"type": "OnDelete"}}, desiredNumberScheduled=2, numberAvailable=1),
            State.waiting("1 of 2 pods are available"),
        ),
        (live("batch/v1", "Job", conditions=condition("Complete")), READY),
        (live("batch/v1", "Job", {"suspend": True}), READY),
        (live("batch/v1", "Job", {"completions": 3}, succeeded=1), State.waiting("1 of 3 pods succeeded")),
        (
            live("batch/v1", "Job", conditions=condition("Failed", reason="BackoffLimitExceeded")),
            State.failed("the job failed: BackoffLimitExceeded"),
        ),
        (live("v1", "Pod", phase="Running", conditions=condition("Ready")), READY),
        (live("v1", "Pod", phase="Succeeded"), READY),
        (live("v1", "Pod", phase="Running"), State.waiting("the pod is Running and not ready")),
        (live("v1", "Pod", phase="Failed", reason="Evicted"), State.failed("the pod failed: Evicted")),
        (live("v1", "PersistentVolumeClaim", phase="Bound"), READY),
        (live("v1", "PersistentVolumeClaim", phase="Lost"), State.failed("the volume of the claim is lost")),
        (live("v1", "PersistentVolumeClaim", {"storageClassName": "late"}, phase="Pending"), READY),
        (
            live("v1", "PersistentVolumeClaim", {"storageClassName": "soon"}, phase="Pending"),
            State.waiting("the claim is Pending, with storage class soon"),
        ),
        (live("v1", "Service", {"type": "ExternalName"}), READY),
        (live("v1", "Service", {"clusterIP": "None", "selector": {"a": "b"}}), READY),
        (live("v1", "Service", {"clusterIP": "10.0.0.1"}), READY),
        (live("v1", "Service", {"selector": {"a": "b"}}), State.waiting("no ready pod matches the selector")),
        (live("v1", "Service", {"type": "LoadBalancer"}), State.waiting("the load balancer has no address")),
        (live("v1", "Service", {"type": "LoadBalancer"}, **INGRESS), READY),
        (live("networking.k8s.io/v1", "Ingress", **INGRESS), READY),
        (live("networking.k8s.io/v1", "Ingress"), State.waiting("no ingress controller gave it an address")),
        (live("v1", "Namespace", phase="Active"), READY),
        (live("v1", "Namespace", phase="Terminating"), State.waiting("the namespace is Terminating")),
        (
            live("apiextensions.k8s.io/v1", "CustomResourceDefinition", conditions=condition("Established")),
            READY,
        ),
        (
            live("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            State.waiting("the definition is not established"),
        ),
        (
            live(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                conditions=condition("NamesAccepted", "False", reason="Taken"),
            ),
            State.failed("the names are not accepted: Taken"),
        ),
    ],
)
def test_the_state_of_an_object(found: dict[str, Any], expected: State) -> None:
    assert state(found, Beside(late=frozenset({"late"}))) == expected


def test_a_service_is_ready_with_one_ready_pod() -> None:
    assert state(live("v1", "Service", {"selector": {"a": "b"}}), Beside(addresses=1)).is_ready


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "n"}, "status": status}


def container(state: dict[str, Any], restarts: int = 0) -> list[dict[str, Any]]:
    return [{"name": "c", "restartCount": restarts, "state": state}]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            pod(
                containerStatuses=container(
                    {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
                )
            ),
            "pod p, container c: ImagePullBackOff: no such image",
        ),
        (
            pod(containerStatuses=container({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=2)),
            'pod p, container c: CrashLoopBackOff; its last log line: "out of memory"',
        ),
        (
            pod(initContainerStatuses=container({"terminated": {"reason": "Error", "exitCode": 3}})),
            'pod p, container c: Error, exit code 3; its last log line: "out of memory"',
        ),
        (
            pod(conditions=condition("PodScheduled", "False", reason="Unschedulable", message="no GPU")),
            "pod p: Unschedulable: no GPU",
        ),
    ],
)
def test_what_pods_wait_for_or_died_of(found: dict[str, Any], expected: str) -> None:
    beside = Beside(found=[found], line="out of memory", events=["an event"])
    assert troubles(deployment({"selector": {"matchLabels": {"a": "b"}}}), beside) == (expected,)
    assert beside.asked == [{"a": "b"}]


def test_without_trouble_in_the_pods_the_last_event_is_told() -> None:
    starting = pod(containerStatuses=container({"waiting": {"reason": "ContainerCreating"}}))
    beside = Beside(found=[starting], events=["an old one", "FailedMount: no such secret"])
    assert troubles(deployment(), beside) == ("FailedMount: no such secret",)
    assert troubles(live("v1", "Service"), Beside()) == ()
