"""What a spec and its target cannot be together, as far as it shows without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.engine_problems import engine_problems
from modelberth.errors import Problem, SpecError
from modelberth.kubernetes import authentication, encryption
from modelberth.kubernetes.accelerators import placement
from modelberth.kubernetes.autoscaling import rules as autoscaling
from modelberth.kubernetes.models import delivery
from modelberth.kubernetes.monitoring import monitors, notify, watching
from modelberth.kubernetes.network import policies, routing
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods import kserve, ray, workload
from modelberth.rollouts import same_model_problems

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["check"]

_ROOMS = (
    placement,
    authentication,
    autoscaling,
    delivery,
    encryption,
    kserve,
    monitors,
    policies,
    notify,
    ray,
    routing,
    watching,
    workload,
)


def check(spec: EndpointSpec, target: KubernetesTarget, *, has_image: bool = False) -> tuple[Problem, ...]:
    """Name every combination that cannot be had; fields of the target begin with `target`.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    found = [
        *engine_problems(spec, routing.honoured_in_front(target)),
        *_containers(spec, target),
        *_rollout(spec, target),
    ]
    for room in _ROOMS:
        found += room.problems(spec, target)
    return tuple(one for one in dict.fromkeys(found) if not (has_image and one.path == "target.image"))


def _containers(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    plan = Plan.of(spec, target, "project", "stack")
    for revision in plan.revisions:
        try:
            plan.container(revision)
        except SpecError as error:
            for problem in error.problems:
                if problem.path == "runtime.image" and spec.runtime.engine == "onnxruntime":
                    hint = "`make image` builds it and prints its digest, or set runtime.image."
                    yield Problem("target.image", "nothing", problem.allowed, hint)
                else:
                    yield problem


def _rollout(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    # The same model in another image is another revision.
    if target.previous_image in {None, target.image}:
        yield from same_model_problems(spec)
