"""Ray in place of our Deployments: a RayService for each revision, whose workers serve the model with vLLM.

Ray Serve is made for language models that many GPUs share; it runs vLLM inside its own server, so a model of
another engine has no place in it. KubeRay starts a head, which holds the cluster together, and workers, one
for each replica. Written against the source of the release of KubeRay in `crds.toml` and of Ray 2.52.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.pods.ray_pods import METRICS_PORT, head, worker
from modelberth.kubernetes.pods.rolling import unlike
from modelberth.kubernetes.pods.workload import progress_deadline_seconds
from modelberth.kubernetes.roles import role_of
from modelberth.naming import shortened
from modelberth.spec.quantities import Amount

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.kubernetes.pods.part import PodPart
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["METRICS_PORT", "disruption_budgets", "problems", "ray_services", "service_name"]

# KubeRay's, so that what it makes of the name is still one.
_LONGEST_NAME: Final = 47
# From here on Ray asks for a token, which KubeRay makes; without, whoever reaches the head runs code there.
_OLDEST_RAY: Final = (2, 52, 0)
_VERSION: Final = re.compile(r":(\d+)\.(\d+)\.(\d+)[^:/@]*@sha256:")
_GROUP: Final = "replicas"
_ALL: Final = Amount(100, is_percent=True)
_NONE: Final = Amount(0)
# Bytes of the store for objects, which lies in the pod's shared memory; requests pass it by.
_OBJECT_STORE: Final = str(2**29)
# Ray's are places for actors, no processor time: enough for an engine and what stands in front of it.
_PLACES: Final = "16"


def ray_services(plan: Plan, parts: Mapping[Revision, Sequence[PodPart]]) -> dict[str, Manifest]:
    """Return a RayService for each revision.

    A change starts a second cluster beside the first, which takes over once it serves: GPUs for both have to
    be there. The head is one pod; when it goes, the workers answer on and the cluster is made anew.

    Args:
        plan: the endpoint
        parts: what the rooms add to the pods of each revision

    Raises:
        SpecError: the engine cannot serve a model, or no image is known.

    """
    return {
        role_of("ray-service", revision): _ray_service(plan, revision, parts[revision])
        for revision in plan.revisions
    }


def disruption_budgets(plan: Plan) -> dict[str, Manifest]:
    """Return a budget for each revision's workers, where there is more than one.

    Written as what has to be left: a share of what is wanted cannot be reckoned, since a RayCluster does not
    say how many pods it wants, and a budget in such terms would hold up each node for ever.
    """
    replicas = plan.spec.scaling.min
    if replicas == 1:
        return {}
    return {
        role_of("disruption-budget", revision): {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": plan.metadata(plan.revision_name(revision), revision),
            "spec": {
                "minAvailable": replicas - 1,
                "selector": {"matchLabels": plan.selector(revision)},
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            },
        }
        for revision in plan.revisions
    }


def service_name(plan: Plan, revision: Revision) -> str:
    """Return the name of the Service that KubeRay makes; it leads to a new cluster only when that serves."""
    return f"{_name(plan, revision)}-serve-svc"


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Name what Ray cannot do of a spec."""
    if target.engine != "ray":
        return
    if spec.runtime.engine != "vllm":
        yield Problem(
            "runtime.engine",
            spec.runtime.engine,
            "vllm with target.engine ray",
            "Ray Serve runs no other engine's server: take target.engine deployment or kserve.",
        )
        return
    if _version(spec.runtime.image) is None:
        yield Problem(
            "runtime.image",
            shown(spec.runtime.image) if spec.runtime.image else "nothing",
            "an image of Ray's for language models, with its version, 2.52.0 or newer, as the tag and by "
            "digest: docker.io/rayproject/ray-llm:2.52.0-py311-cu128@sha256:…",
            "KubeRay has to know Ray's version; from 2.52 on Ray asks for a token.",
        )
    if spec.resources.gpu is None:
        yield Problem("resources.gpu", "nothing", "a GPU with target.engine ray")
    if spec.runtime.args:
        yield Problem(
            "runtime.args",
            f"{len(spec.runtime.args)} arguments",
            "none with target.engine ray",
            "There is no command line: Ray starts the engine from Python.",
        )
    yield from _scaling(spec)
    given = unlike(spec.rollout, _ALL, _NONE)
    if given is not None:
        yield Problem(
            "rollout",
            given,
            f"rolling with max_surge {_ALL} and max_unavailable {_NONE}, with target.engine ray",
            "A change starts a whole second cluster, so as many GPUs again have to be free.",
        )
    if spec.monitoring.slo is not None:
        yield Problem(
            "monitoring.slo",
            "a mapping",
            "nothing with target.engine ray",
            "Ray has the engine's metrics under names of its own, which the rules do not know.",
        )


def _scaling(spec: EndpointSpec) -> Iterator[Problem]:
    scaling = spec.scaling
    if scaling.min != scaling.max:
        yield Problem(
            "scaling.max",
            str(scaling.max),
            f"scaling.min ({scaling.min}) with target.engine ray" if scaling.min else "a fixed number",
            "Ray's autoscaler needs an account in the pod that may start and delete pods.",
        )


def _version(image: str | None) -> str | None:
    """Return Ray's version from the tag of an image."""
    found = _VERSION.search(image or "")
    if found is None or tuple(map(int, found.groups())) < _OLDEST_RAY:
        return None
    return ".".join(found.groups())


def _name(plan: Plan, revision: Revision) -> str:
    return shortened(plan.revision_name(revision), _LONGEST_NAME)


def _ray_service(plan: Plan, revision: Revision, parts: Sequence[PodPart]) -> Manifest:
    spec = plan.spec
    timeout = math.ceil(spec.limits.timeout.seconds)
    return {
        "apiVersion": api_version("RayService"),
        "kind": "RayService",
        "metadata": plan.metadata(
            _name(plan, revision),
            revision,
            annotations={"ray.io/initializing-timeout": str(progress_deadline_seconds(plan))},
        ),
        "spec": {
            "serveConfigV2": json.dumps(_serve_config(plan, revision), indent=2) + "\n",
            "upgradeStrategy": {"type": "NewCluster"},
            # What the old cluster has begun, it answers.
            "rayClusterDeletionDelaySeconds": plan.target.drain_delay_seconds + timeout,
            "excludeHeadPodFromServeSvc": True,
            "rayClusterConfig": {
                "rayVersion": _version(plan.container(revision).image),
                "enableInTreeAutoscaling": False,
                "authOptions": {"mode": "token"},
                "headGroupSpec": {
                    "rayStartParams": {
                        "num-cpus": "0",
                        "num-gpus": "0",
                        "object-store-memory": _OBJECT_STORE,
                    },
                    "template": head(plan, revision),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": _GROUP,
                        "replicas": spec.scaling.min,
                        "minReplicas": spec.scaling.min,
                        "maxReplicas": spec.scaling.min,
                        "rayStartParams": {
                            "num-cpus": _PLACES,
                            "num-gpus": str(_gpus(spec)),
                            "object-store-memory": _OBJECT_STORE,
                        },
                        "template": worker(plan, revision, parts),
                    }
                ],
            },
        },
    }


def _serve_config(plan: Plan, revision: Revision) -> dict[str, Any]:
    """Return what Ray Serve runs: an API like OpenAI's in front of vLLM, with the files that are mounted.

    Source: https://docs.ray.io/en/releases-2.52.0/serve/llm/index.html
    """
    spec, container = plan.spec, plan.container(revision)
    engine: dict[str, Any] = {"tensor_parallel_size": _gpus(spec)}
    if (batching := spec.runtime.batching) is not None:
        engine["max_num_seqs"] = batching.max_size
    return {
        "http_options": {"host": "0.0.0.0", "port": container.ports["http"]},  # noqa: S104 -- of the pod
        "applications": [
            {
                "name": spec.name,
                "route_prefix": "/",
                "import_path": "ray.serve.llm:build_openai_app",
                "args": {
                    "llm_configs": [
                        {
                            "model_loading_config": {
                                "model_id": spec.name,
                                "model_source": container.model_mount,
                            },
                            "engine_kwargs": engine,
                            "deployment_config": {"num_replicas": spec.scaling.min},
                        }
                    ]
                },
            }
        ],
    }


def _gpus(spec: EndpointSpec) -> int:
    return 1 if spec.resources.gpu is None else spec.resources.gpu.count
