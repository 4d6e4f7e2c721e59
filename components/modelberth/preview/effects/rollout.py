"""How a Kubernetes workload gets from its old pods to its new ones, and how many more GPUs that takes.

Source: Kubernetes, Deployments, "Rolling Update Deployment": a percentage of `maxSurge` is rounded up, one of
`maxUnavailable` down, both are 25% unless given, and where both come to 0 one pod may be missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelberth.preview.plan import Difference, Op, Plan, Step

from .cluster import gpus_of_pod, is_ours
from .containers import by_name
from .effect import Calls, Effect, Kind, Severity
from .kubernetes_scaling import autoscaler_of
from .lifecycle import needs_gpus, rolling
from .rule import at, found
from .settings import calls_after
from .wording import changes, code, name, value

__all__ = [
    "rolls_deployment",
    "rolls_language_model",
    "rolls_predictor",
    "rolls_ray_service",
    "rolls_stateful_set",
    "scales",
]

_DEFAULT: Final = "25%"
_LABELS: Final = re.compile(r"spec\.(template\.metadata|predictor)\.labels\b.*")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where a type has what decides its rollout."""

    pods: tuple[str, ...]
    """A change there starts new pods."""
    pod: str
    strategy: str
    replicas: str


_DEPLOYMENT: Final = _Shape(("spec.template",), "spec.template.spec", "spec.strategy", "spec.replicas")
_PREDICTOR: Final = _Shape(
    ("spec.predictor",), "spec.predictor", "spec.predictor.deploymentStrategy", "spec.predictor.minReplicas"
)
# KServe gives its Deployment no strategy, so it is Kubernetes' own: there is nothing at the path.
_LANGUAGE: Final = _Shape(
    ("spec.template", "spec.model", "spec.annotations"), "spec.template", "spec.strategy", "spec.replicas"
)
# The size of what serves is not what serves.
_NUMBERS: Final = re.compile(
    r"spec\.predictor\.(?:canaryTrafficPercent|minReplicas|maxReplicas|scale\w+|deploymentStrategy)\b.*"
)
_WORKERS: Final = "spec.rayClusterConfig.workerGroupSpecs[]"


def rolls_deployment(step: Step, plan: Plan) -> Iterator[Effect]:
    """A Deployment whose pod template changes."""
    yield from _rolls(step, plan, _DEPLOYMENT)


def rolls_predictor(step: Step, plan: Plan) -> Iterator[Effect]:
    """An InferenceService that is a Deployment (mode Standard), by the strategy that it gives that."""
    yield from _rolls(step, plan, _PREDICTOR)


def rolls_language_model(step: Step, plan: Plan) -> Iterator[Effect]:
    """An LLMInferenceService."""
    yield from _rolls(step, plan, _LANGUAGE)


def rolls_ray_service(step: Step, plan: Plan) -> Iterator[Effect]:
    """A RayService, which starts a whole cluster beside the one that serves."""
    differences = step.changed("spec.rayClusterConfig", "spec.serveConfigV2")
    if step.op is not Op.UPDATE or not differences:
        return
    before, after = (_gpus_of_workers(side, plan) for side in (step.before, step.after))
    sentence = (
        f"{name(step)} starts a second cluster beside the first, which takes over once it serves"
        f"{needs_gpus(min(before, after), after - before)} ({changes(by_name(step, differences))})."
    )
    yield rolling(step, sentence, differences, gpus=min(before, after), calls=Calls.UNKNOWN)


def _gpus_of_workers(inputs: Mapping[str, Any] | None, plan: Plan) -> int:
    return sum(
        gpus_of_pod(at(group, "template.spec", {}), plan) * at(group, "replicas", 1)
        for _, group in found(inputs, _WORKERS)
    )


def _rolls(step: Step, plan: Plan, shape: _Shape) -> Iterator[Effect]:
    differences = tuple(d for d in step.changed(*shape.pods) if not _NUMBERS.fullmatch(d.path))
    if step.op is not Op.UPDATE or not differences:
        return
    replicas, most = _replicas(step, plan, shape)
    what = changes(by_name(step, differences))
    if most == 0:
        yield rolling(step, f"{name(step)} has no replica now; new ones will have {what}.", differences)
    elif at(step.after, f"{shape.strategy}.type") == "Recreate":
        sentence = (
            f"All replicas of {name(step)} stop before new ones start, since its strategy is Recreate: "
            f"it is down until they are ready, for how long is not known ({what})."
        )
        yield _down(step, sentence, differences)
    else:
        yield _rolled(step, plan, shape, differences, replicas, most)


def _rolled(
    step: Step, plan: Plan, shape: _Shape, differences: Sequence[Difference], replicas: int, most: int
) -> Effect:
    what = changes(by_name(step, differences))
    settings = at(step.after, f"{shape.strategy}.rollingUpdate", {})
    surge = _amount(at(settings, "maxSurge", _DEFAULT), most, math.ceil)
    missing = _amount(at(settings, "maxUnavailable", _DEFAULT), replicas, math.floor)
    if surge is None or missing is None:
        sentence = f"{name(step)} rolls to new replicas: {what}."
        return rolling(step, sentence, differences, calls=Calls.UNKNOWN)
    probed = _is_probed(step, shape)
    early = "" if probed else "; nothing asks whether a new one is ready before it gets calls"
    before, after = (gpus_of_pod(at(side, shape.pod, {}), plan) for side in (step.before, step.after))
    if surge > 0:
        gpus = surge * min(before, after)
        needs = needs_gpus(gpus, most * (after - before))
        if most > replicas:
            needs = needs.replace("needs ", "needs up to ")
        if 0 < missing < replicas:
            needs += f"; at least {replicas - missing} of {_count(replicas)} serve meanwhile"
        sentence = f"{name(step)} rolls to new replicas before old ones stop{needs}{early} ({what})."
        calls = Calls.UNKNOWN if missing else _calls(step, differences)
        return rolling(step, sentence, differences, gpus=gpus, calls=calls if probed else Calls.MAY_FAIL)
    missing = max(missing, 1)
    # What it costs to need no GPU that is free.
    so = (
        ", so no further GPU has to be free"
        if 0 < after <= before
        else needs_gpus(0, most * (after - before))
    )
    if missing < replicas:
        sentence = (
            f"{name(step)} rolls to new replicas without a spare one{so}: it serves with "
            f"{replicas - missing} of {_count(replicas)} meanwhile{early} ({what})."
        )
        calls = Calls.UNKNOWN if probed else Calls.MAY_FAIL
        return rolling(step, sentence, differences, calls=calls)
    sentence = (
        f"{name(step)} rolls without a spare replica{so}, and it has only {_count(replicas)}: it is down "
        f"until the new one is ready, for how long is not known ({what})."
    )
    return _down(step, sentence, differences)


def _calls(step: Step, differences: Sequence[Difference]) -> Calls:
    """Where new pods come first. What Services of ours select pods by never changes."""
    if not is_ours(step.after):
        return calls_after(step, differences)
    others = [d for d in differences if not _LABELS.fullmatch(d.path)]
    return calls_after(step, others) if others else Calls.SAFE


def rolls_stateful_set(step: Step, plan: Plan) -> Iterator[Effect]:
    """A StatefulSet whose pod template changes: each pod is stopped before its successor starts."""
    differences = step.changed("spec.template")
    if step.op is not Op.UPDATE or not differences:
        return
    replicas, most = _replicas(step, plan, _DEPLOYMENT)
    what = changes(by_name(step, differences))
    if at(step.after, "spec.updateStrategy.type") == "OnDelete":
        sentence = f"{name(step)} gives {what} to its replicas only when somebody deletes the old ones."
        yield rolling(step, sentence, differences)
    elif most == 0:
        yield rolling(step, f"{name(step)} has no replica now; new ones will have {what}.", differences)
    elif replicas <= 1:
        sentence = (
            f"The only replica of {name(step)} is stopped before the new one starts: it is down until that "
            f"one is ready, for how long is not known ({what})."
        )
        yield _down(step, sentence, differences)
    else:
        meanwhile = f"{replicas - 1} of {_count(replicas)} serve meanwhile"
        sentence = f"{name(step)} rolls one replica at a time: {meanwhile} ({what})."
        yield rolling(step, sentence, differences, calls=Calls.UNKNOWN)


def scales(step: Step, plan: Plan) -> Iterator[Effect]:
    """A workload that is left without a replica."""
    before, after = at(step.before, "spec.replicas", 1), at(step.after, "spec.replicas", 1)
    if step.op is Op.UPDATE and after == 0 and before != 0 and autoscaler_of(step, plan) is None:
        change = f"{code('spec.replicas')} {value(before)} → 0"
        yield Effect(
            kind=Kind.REMOVED,
            severity=Severity.DANGER,
            sentence=f"{name(step)} is left without a replica: calls to it fail from then on ({change}).",
            urn=step.urn,
            paths=("spec.replicas",),
            calls=Calls.MAY_FAIL,
        )


def _is_probed(step: Step, shape: _Shape) -> bool:
    return any(probe for _, probe in found(step.after, f"{shape.pod}.containers[].readinessProbe"))


def _replicas(step: Step, plan: Plan, shape: _Shape) -> tuple[int, int]:
    """Fewest and most replicas: as stated, or the bounds of the autoscaler that sets them."""
    stated = at(step.after, shape.replicas)
    scaler = autoscaler_of(step, plan)
    if scaler is None:
        count = stated if isinstance(stated, int) else 1
        return count, count
    low = _first_int(scaler, "spec.minReplicas", "spec.minReplicaCount", default=1)
    high = _first_int(scaler, "spec.maxReplicas", "spec.maxReplicaCount", default=max(low, 1))
    return low, high


def _first_int(step: Step, *paths: str, default: int) -> int:
    values = (at(step.after, path) for path in paths)
    return next((found for found in values if isinstance(found, int)), default)


def _amount(given: Any, replicas: int, rounded: Callable[[float], int]) -> int | None:
    """A count, or a percentage of the replicas; None where it is not known."""
    text = str(given)
    if text.endswith("%") and text[:-1].isdigit():
        return rounded(int(text[:-1]) * replicas / 100)
    return int(text) if text.isdigit() else None


def _count(replicas: int) -> str:
    return f"{replicas} replica{'s' if replicas != 1 else ''}"


def _down(step: Step, sentence: str, differences: Sequence[Difference]) -> Effect:
    return Effect(
        kind=Kind.REPLACED,
        severity=Severity.DANGER,
        sentence=sentence,
        urn=step.urn,
        paths=tuple(difference.path for difference in differences),
        calls=Calls.MAY_FAIL,
    )
