"""The pod that serves a revision: one container, and what the rooms of this folder add to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.pods import hardening
from modelberth.kubernetes.pods.draining import Draining, draining
from modelberth.kubernetes.pods.files import config_maps, configuration, writable
from modelberth.kubernetes.pods.part import PodPart, joined
from modelberth.kubernetes.pods.probes import probes
from modelberth.kubernetes.registry.pull import rewritten

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision
    from modelberth.runtimes import Container
    from modelberth.spec import EndpointSpec

__all__ = ["HOSTNAME", "SERVER", "config_maps", "pod_template", "service_account_name"]

_AZURE: Final = "azure.workload.identity/"
SERVER: Final = "server"
"""Name of the serving container."""
HOSTNAME: Final = "kubernetes.io/hostname"
"""Label that every node has, with a value of its own."""


def pod_template(plan: Plan, revision: Revision, parts: Sequence[PodPart]) -> dict[str, Any]:
    """Return the template of a revision's pods: `metadata` and `spec`.

    Raises:
        SpecError: the engine cannot serve the model, or no image is known.
        ValueError: two parts set the same field, variable, volume or path, or one that is set here.

    """
    container = plan.container(revision)
    ending = draining(container, plan.spec, plan.target)
    part = joined(
        [
            PodPart(env={**container.env, **_ports_of_our_own(container), **ending.env}),
            writable(container),
            configuration(plan, revision),
            *parts,
        ]
    )
    _refuse_twice("volume", (volume["name"] for volume in part.volumes))
    _refuse_twice("mount", (mount["mountPath"] for mount in part.mounts))
    annotations = dict(sorted(part.annotations.items()))
    return {
        "metadata": {"labels": _labels(plan, revision), **_present(annotations=annotations)},
        "spec": _pod(plan, revision, part, ending, _server(plan, container, part, ending)),
    }


def _server(plan: Plan, container: Container, part: PodPart, ending: Draining) -> dict[str, Any]:
    return {
        "name": SERVER,
        "image": rewritten(container.image, plan.target.registry),
        "imagePullPolicy": "IfNotPresent",
        **_present(
            command=[_literal(one) for one in container.command],
            args=[_literal(one) for one in container.args],
            env=[{"name": name, "value": _literal(value)} for name, value in sorted(part.env.items())],
        ),
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in sorted(container.ports.items())
        ],
        "volumeMounts": list(part.mounts),
        "resources": _resources(plan.spec, part),
        **probes(container, part.env, plan.spec.limits.startup_timeout),
        **_present(lifecycle=ending.lifecycle),
        "securityContext": hardening.of_container(),
        # The last words of a server that refuses its model are then the pod's own status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _pod(
    plan: Plan, revision: Revision, part: PodPart, ending: Draining, server: dict[str, Any]
) -> dict[str, Any]:
    pod = {
        "serviceAccountName": service_account_name(plan),
        "automountServiceAccountToken": False,
        # Variables for every Service of the namespace: vLLM takes VLLM_PORT for a setting of its own.
        "enableServiceLinks": False,
        "securityContext": hardening.of_pod(),
        "terminationGracePeriodSeconds": ending.grace_seconds,
        **_present(
            initContainers=list(part.init_containers),
            topologySpreadConstraints=_over_nodes(plan, revision),
            priorityClassName=plan.target.priority_class,
        ),
        "containers": [server],
        "volumes": list(part.volumes),
    }
    more = dict(part.pod)
    # Where both name a label the person has the last word: vendors have changed those of GPUs before.
    selector = {**more.pop("nodeSelector", {}), **plan.target.node_selector}
    affinity = {**more.pop("affinity", {}), **_present(podAntiAffinity=_over_places(plan, revision))}
    if both := pod.keys() & more.keys():
        raise ValueError(f"a part sets what the pod itself sets: {', '.join(sorted(both))}")
    placed = _present(nodeSelector=dict(sorted(selector.items())), affinity=affinity)
    return {**pod, **placed, **more}


def _labels(plan: Plan, revision: Revision) -> dict[str, str]:
    labels = plan.labels(revision)
    if any(key.startswith(_AZURE) for key in plan.target.service_account_annotations):
        # Azure's webhook leaves every pod alone that does not ask for it by this label.
        labels[f"{_AZURE}use"] = "true"
    return labels


def service_account_name(plan: Plan) -> str:
    """Return the name of the account that the pods run as."""
    return plan.spec.security.identity or plan.name


def _ports_of_our_own(container: Container) -> dict[str, str]:
    """An image that somebody has built on ours may say otherwise."""
    if container.engine != "onnxruntime":
        return {}
    return {
        "PORT": str(container.ports["http"]),
        "MODELBERTH_ADMIN_PORT": str(container.ports["metrics"]),
    }


def _resources(spec: EndpointSpec, part: PodPart) -> dict[str, Any]:
    """Requests are what the scheduler reserves; memory is bound by the same number, processor time is not.

    A bound on processor time would stop all threads of a server for the rest of each tenth of a second in
    which together they have used up their share: that is latency, while the core may be idle. What a server
    uses at most follows from its threads, one for each whole core that is requested, and under contention
    the kernel gives each container its share by the request. Memory that is not there ends a process, so
    nothing of it is lent.
    """
    memory = str(spec.resources.memory)
    return {
        "requests": {"cpu": str(spec.resources.cpu), "memory": memory},
        "limits": {"memory": memory, **dict(sorted(part.limits.items()))},
        **_present(claims=[{"name": name} for name in part.claims]),
    }


def _over_nodes(plan: Plan, revision: Revision) -> list[dict[str, Any]]:
    """As far as it can be had: a pod that waits for another node serves nobody."""
    if HOSTNAME not in plan.target.spread_over:
        return []
    return [{"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", **_others(plan, revision, HOSTNAME)}]


def _over_places(plan: Plan, revision: Revision) -> dict[str, Any]:
    """Keep away from the others' zone, as far as it can be had.

    No constraint of spread: a node without the label, as all are where nobody says what its zones are, would
    then count for none of a pod's constraints, and replicas would not even be spread over nodes
    (kube-scheduler, `podtopologyspread/scoring.go`: `requireAllTopologies`).
    """
    terms = [_others(plan, revision, key) for key in plan.target.spread_over if key != HOSTNAME]
    preferred = [{"weight": 100, "podAffinityTerm": term} for term in terms]
    return _present(preferredDuringSchedulingIgnoredDuringExecution=preferred)


def _others(plan: Plan, revision: Revision, key: str) -> dict[str, Any]:
    return {
        "topologyKey": key,
        "labelSelector": {"matchLabels": plan.selector(revision)},
        # Only pods of one template count, else those that are about to go push the new ones aside.
        "matchLabelKeys": ["pod-template-hash"],
    }


def _literal(text: str) -> str:
    """The kubelet would put a variable's value in place of `$(NAME)`; `$$` is one dollar to it."""
    return text.replace("$", "$$")


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"two parts of a pod have the {what} {', '.join(twice)}")
