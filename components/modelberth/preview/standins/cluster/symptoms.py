"""What else of a cluster is to be seen beside an object, and what its pods wait for or died of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from modelberth.kubernetes.api.api_server import ApiServer
from modelberth.kubernetes.api.connection import RefusedError
from modelberth.provider.resource import ResourceError

__all__ = ["Look", "Neighbours", "Object", "condition", "told", "troubles"]

Object = Mapping[str, Any]
"""A Kubernetes object as the API server shows it."""

_MOST_PODS = 5
_STARTING = {"ContainerCreating", "PodInitializing"}


class Look(Protocol):
    """What else of the cluster is to be seen."""

    def pods(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Object]:
        """The pods that carry all of the labels."""

    def warnings(self, uid: str, namespace: str) -> Sequence[str]:
        """Messages of the warning events about an object, oldest first."""

    def last_log(self, pod: Object, container: str) -> str:
        """The last line that a container wrote before it ended; empty when there is none."""

    def endpoints(self, namespace: str, service: str) -> int:
        """How many ready addresses a service has."""

    def waits_for_consumer(self, storage_class: str) -> bool:
        """Whether a storage class makes a volume only when a pod wants it."""


class Neighbours:
    """Looks at the objects beside one, through the API server."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def pods(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Object]:
        """The pods that carry all of the labels; none without labels, which would be every pod."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        path = f"/api/v1/namespaces/{namespace}/pods"
        return self._server.items(path, labelSelector=selector) if selector else ()

    def warnings(self, uid: str, namespace: str) -> Sequence[str]:
        """Messages of the warning events about an object, oldest first."""
        path = f"/api/v1/namespaces/{namespace or 'default'}/events"
        events = self._server.items(path, fieldSelector=f"involvedObject.uid={uid},type=Warning")
        events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return [told(event) for event in events]

    def last_log(self, pod: Object, container: str) -> str:
        """The last line that a container wrote; of the run before, when it has been started again."""
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"
        for previous in ("true", "false"):
            query = {"container": container, "tailLines": "1", "previous": previous}
            try:
                lines = self._server.text(path, query).strip().splitlines()
            except RefusedError:  # there was no run before, or logs may not be read
                continue
            if lines:
                return lines[-1]
        return ""

    def endpoints(self, namespace: str, service: str) -> int:
        """How many ready addresses a service has."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        slices = self._server.items(path, labelSelector=f"kubernetes.io/service-name={service}")
        return sum(
            (endpoint.get("conditions") or {}).get("ready") is not False
            for piece in slices
            for endpoint in piece.get("endpoints") or ()
        )

    def waits_for_consumer(self, storage_class: str) -> bool:
        """Whether a storage class makes a volume only when a pod wants it."""
        try:
            found = self._server.request("GET", f"/apis/storage.k8s.io/v1/storageclasses/{storage_class}")
        except RefusedError as error:
            if error.status == 404:
                return False
            raise
        return bool(found.get("volumeBindingMode") == "WaitForFirstConsumer")


def troubles(live: Object, look: Look) -> tuple[str, ...]:
    """What the object's pods wait for or died of, else its last warning; nothing if not to be seen."""
    try:
        return _troubles(live, look)
    except ResourceError:  # whoever may make an object may still be forbidden to read pods or events
        return ()


def _troubles(live: Object, look: Look) -> tuple[str, ...]:
    namespace = live["metadata"].get("namespace", "")
    if live["kind"] == "Pod":
        pods: Sequence[Object] = (live,)
    elif live["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
        pods = look.pods(namespace, (live["spec"].get("selector") or {}).get("matchLabels") or {})
    else:
        pods = ()
    found = [trouble for pod in pods[:_MOST_PODS] for trouble in _of_pod(pod, look)]
    return tuple(found) or tuple(look.warnings(live["metadata"].get("uid", ""), namespace)[-1:])


def _of_pod(pod: Object, look: Look) -> Iterator[str]:
    name = pod["metadata"]["name"]
    status = pod.get("status") or {}
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or ():
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting and waiting.get("reason") not in _STARTING:
                reason = f"pod {name}, container {container['name']}: {told(waiting)}"
                yield reason + _last_words(pod, container, look)
            ended = (container.get("state") or {}).get("terminated") or {}
            if ended.get("exitCode"):
                reason = f"pod {name}, container {container['name']}: {ended.get('reason', 'ended')}"
                yield reason + f", exit code {ended['exitCode']}" + _last_words(pod, container, look)
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield f"pod {name}: {told(scheduled)}"


def _last_words(pod: Object, container: Object, look: Look) -> str:
    if not (container.get("restartCount") or "terminated" in (container.get("state") or {})):
        return ""  # it has not run
    line = look.last_log(pod, container["name"])
    return f'; its last log line: "{line}"' if line else ""


def told(about: Object) -> str:
    """A reason and its message in one line."""
    reason, message = about.get("reason", ""), about.get("message", "")
    return f"{reason}: {message}" if reason and message else reason or message or "no reason given"


def condition(live: Object, kind: str) -> Object:
    """A condition of the object's status; empty when it is not there."""
    found: Sequence[Object] = (live.get("status") or {}).get("conditions") or ()
    return next((condition for condition in found if condition["type"] == kind), {})
