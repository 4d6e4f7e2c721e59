"""KServe in place of our Deployments: an InferenceService for each revision, for vLLM an LLMInferenceService.

KServe makes the Deployment, of pods that are the same as ours. Everything around them finds them by their
labels and stays ours: the Service, weights, mirroring and header matches of the route, the network policy,
the autoscaler. So nothing of the spec is lost to what KServe does otherwise: its canary has no mirror, no
header and no autoscaling, and takes no container of one's own; its autoscalers drop most of the behaviour;
its Service leads to the container's first port, whatever that speaks; its download checks no digest
(kserve/kserve#5789). Written against the source of the release in `crds.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.pods.rolling import unlike
from modelberth.kubernetes.pods.workload import deployments
from modelberth.kubernetes.roles import role_of
from modelberth.model_address import address
from modelberth.naming import shortened
from modelberth.spec.quantities import Amount

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.kubernetes.pods.part import PodPart
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["deployment_name", "inference_services", "problems", "server_name"]

# KServe makes a label of 63 characters at most of it: isvc.NAME-predictor.
_LONGEST_NAME: Final = 48
# What a Deployment has that says nothing of it, and so each of an LLMInferenceService.
_DEFAULT_SHARE: Final = Amount.parse("25%")


def inference_services(plan: Plan, parts: Mapping[Revision, Sequence[PodPart]]) -> dict[str, Manifest]:
    """Return what KServe makes a Deployment of, for each revision.

    Two settings of a Deployment cannot be told to it: how many old versions are kept, and after how long a
    rollout counts as failed, which is Kubernetes' own 10 minutes; the pods get their whole
    `limits.startup_timeout` all the same.

    Args:
        plan: the endpoint
        parts: what the rooms add to the pods of each revision

    Raises:
        SpecError: the engine cannot serve a model, or no image is known.

    """
    made = deployments(plan, parts)
    return {
        role_of("inference-service", revision): (_llm if _is_llm(plan.spec) else _predictor)(
            plan, revision, made[role_of("deployment", revision)]["spec"]
        )
        for revision in plan.revisions
    }


def deployment_name(plan: Plan, revision: Revision) -> str:
    """Return the name of the Deployment that KServe makes; an autoscaler scales that."""
    return f"{_name(plan, revision)}-{'kserve' if _is_llm(plan.spec) else 'predictor'}"


def server_name(spec: EndpointSpec) -> str:
    """Return the name that KServe knows the serving container by."""
    return "main" if _is_llm(spec) else "kserve-container"


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Name what KServe cannot do of a spec."""
    if target.engine != "kserve" or not _is_llm(spec):
        return
    given = unlike(spec.rollout, _DEFAULT_SHARE, _DEFAULT_SHARE)
    if given is not None:
        yield Problem(
            "rollout",
            given,
            f"rolling with max_surge {_DEFAULT_SHARE} and max_unavailable {_DEFAULT_SHARE}, with "
            "target.engine kserve and runtime.engine vllm",
            "KServe's LLMInferenceService has no other: for up to 3 replicas that is one more pod: its GPUs "
            "have to be free. With target.engine deployment the rollout is yours to choose.",
        )


def _is_llm(spec: EndpointSpec) -> bool:
    return spec.runtime.engine == "vllm"


def _name(plan: Plan, revision: Revision) -> str:
    return shortened(plan.revision_name(revision), _LONGEST_NAME)


def _predictor(plan: Plan, revision: Revision, deployment: Manifest) -> Manifest:
    """In Standard mode, which takes Knative for nothing; the container is ours (a custom predictor).

    It stays within the cluster: otherwise KServe would lead past our route by one of its own.
    """
    metadata = plan.metadata(_name(plan, revision), revision)
    replicas = None if plan.is_autoscaled else deployment["replicas"]
    template = deployment["template"]
    (server,) = template["spec"]["containers"]
    return {
        "apiVersion": api_version("InferenceService"),
        "kind": "InferenceService",
        "metadata": {
            **metadata,
            "labels": {**metadata["labels"], "networking.kserve.io/visibility": "cluster-local"},
            "annotations": {
                # `external`: KServe leaves the number of replicas to an autoscaler that is not its own.
                "serving.kserve.io/autoscalerClass": "external" if replicas is None else "none",
                "serving.kserve.io/deploymentMode": "Standard",
            },
        },
        "spec": {
            "predictor": {
                **({} if replicas is None else {"minReplicas": replicas, "maxReplicas": replicas}),
                "deploymentStrategy": deployment["strategy"],
                **template["metadata"],
                **template["spec"],
                "containers": [
                    {**server, "name": server_name(plan.spec), "resources": _bounded(server["resources"])}
                ],
            }
        },
    }


def _bounded(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Bound processor time, since KServe gives a container that has no bound its own of one core.

    A core above the request: one for each thread that computes, and the rest for the server around them.
    """
    cores = math.ceil(_cores(resources["requests"]["cpu"])) + 1
    return {**resources, "limits": {"cpu": str(cores), **resources["limits"]}}


def _cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _llm(plan: Plan, revision: Revision, deployment: Manifest) -> Manifest:
    """With a pod of ours, which KServe lays over the one of its preset, and without a router of its own.

    The labels are those that never change: KServe makes them part of the Deployment's selector, and with
    `app.kubernetes.io/name` its own would no longer fit.
    """
    replicas = None if plan.is_autoscaled else deployment["replicas"]
    template = deployment["template"]
    (server,) = template["spec"]["containers"]
    return {
        "apiVersion": api_version("LLMInferenceService"),
        "kind": "LLMInferenceService",
        "metadata": plan.metadata(_name(plan, revision), revision),
        "spec": {
            "model": {"name": plan.spec.name, "uri": address(revision.model)},
            # An init container of ours fetches it and checks its digest.
            "storageInitializer": {"enabled": False},
            **({} if replicas is None else {"replicas": replicas}),
            "labels": plan.selector(revision),
            **{key: value for key, value in template["metadata"].items() if key == "annotations"},
            "template": {
                **template["spec"],
                "containers": [
                    {**server, "name": server_name(plan.spec), "lifecycle": _slept(server["lifecycle"])}
                ],
            },
        },
    }


def _slept(lifecycle: Mapping[str, Any]) -> dict[str, Any]:
    """Sleep by a command, as the preset does: laid over it, the two would be one too many for a pod."""
    seconds = lifecycle["preStop"]["sleep"]["seconds"]
    return {**lifecycle, "preStop": {"exec": {"command": ["/bin/sleep", str(seconds)]}}}
