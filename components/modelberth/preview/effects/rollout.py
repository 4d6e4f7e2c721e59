"""How a Kubernetes workload gets from its old pods to its new ones, and how many more GPUs that takes.

Source: Kubernetes, Deployments, "Rolling Update Deployment": a percentage of `maxSurge` is rounded up, one of
`maxUnavailable` down, both are 25% unless given, and where both come to 0 one pod may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.preview.plan import Difference, Op, Plan, Step

from .autoscaling import autoscaler_of
from .effect import Calls, Effect, Kind, Severity
from .lifecycle import needs_gpus, rolling
from .rule import at, found
from .wording import changes, code, name, value

__all__ = ["gpus_of_pod", "rolls_deployment", "rolls_stateful_set", "scales"]

_DEFAULT: Final = "25%"
_POD: Final = "spec.template.spec"
_GPU_DOMAINS: Final = ("nvidia.com/", "amd.com/", "gpu.intel.com/", "habana.ai/")


def rolls_deployment(step: Step, plan: Plan) -> Iterator[Effect]:
    """A Deployment whose pod template changes."""
    differences = step.changed("spec.template")
    if step.op is not Op.UPDATE or not differences:
        return
    replicas, most = _replicas(step, plan)
    what = changes(differences)
    if most == 0:
        yield rolling(step, f"{name(step)} has no replica now; new ones will have {what}.", differences)
    elif at(step.after, "spec.strategy.type") == "Recreate":
        sentence = (
            f"All replicas of {name(step)} stop before new ones start, since its strategy is Recreate: "
            f"it is down until they are ready, for how long is not known ({what})."
        )
        yield _down(step, sentence, differences)
    else:
        yield _rolled(step, differences, replicas, most)


def _rolled(step: Step, differences: Sequence[Difference], replicas: int, most: int) -> Effect:
    what = changes(differences)
    settings = at(step.after, "spec.strategy.rollingUpdate", {})
    surge = _amount(at(settings, "maxSurge", _DEFAULT), most, math.ceil)
    missing = _amount(at(settings, "maxUnavailable", _DEFAULT), replicas, math.floor)
    if surge is None or missing is None:
        sentence = f"{name(step)} rolls to new replicas: {what}."
        return rolling(step, sentence, differences, calls=Calls.UNKNOWN)
    probed = _is_probed(step)
    early = "" if probed else "; nothing asks whether a new one is ready before it gets calls"
    if surge > 0:
        before, after = (gpus_of_pod(at(side, _POD, {})) for side in (step.before, step.after))
        gpus = surge * min(before, after)
        needs = needs_gpus(gpus, most * (after - before))
        if most > replicas:
            needs = needs.replace("needs ", "needs up to ")
        if 0 < missing < replicas:
            needs += f"; at least {replicas - missing} of {_count(replicas)} serve meanwhile"
        sentence = f"{name(step)} rolls to new replicas before old ones stop{needs}{early} ({what})."
        calls = Calls.UNKNOWN if missing else None
        return rolling(step, sentence, differences, gpus=gpus, calls=calls if probed else Calls.MAY_FAIL)
    missing = max(missing, 1)
    if missing < replicas:
        sentence = (
            f"{name(step)} rolls to new replicas without a spare one: it serves with {replicas - missing} of "
            f"{_count(replicas)} meanwhile{early} ({what})."
        )
        calls = Calls.UNKNOWN if probed else Calls.MAY_FAIL
        return rolling(step, sentence, differences, calls=calls)
    sentence = (
        f"{name(step)} rolls without a spare replica, and it has only {_count(replicas)}: it is down until "
        f"the new one is ready, for how long is not known ({what})."
    )
    return _down(step, sentence, differences)


def rolls_stateful_set(step: Step, plan: Plan) -> Iterator[Effect]:
    """A StatefulSet whose pod template changes: each pod is stopped before its successor starts."""
    differences = step.changed("spec.template")
    if step.op is not Op.UPDATE or not differences:
        return
    replicas, most = _replicas(step, plan)
    what = changes(differences)
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


def _is_probed(step: Step) -> bool:
    return any(probe for _, probe in found(step.after, f"{_POD}.containers[].readinessProbe"))


def gpus_of_pod(pod: Any) -> int:
    """GPUs that one pod holds: the sum of its containers' limits."""
    total = 0
    for path in ("containers[].resources.limits", "initContainers[].resources.limits"):
        of_each = [_gpus(limits) for _, limits in found(pod, path)]
        # Init containers run one after another and before the others.
        total = max(total, sum(of_each) if path.startswith("containers") else max(of_each, default=0))
    return total


def _gpus(limits: Any) -> int:
    if not isinstance(limits, Mapping):
        return 0
    return sum(
        int(count)
        for resource, count in limits.items()
        if resource.startswith(_GPU_DOMAINS) and str(count).isdigit()
    )


def _replicas(step: Step, plan: Plan) -> tuple[int, int]:
    """Fewest and most replicas: as stated, or the bounds of the autoscaler that sets them."""
    stated = at(step.after, "spec.replicas")
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
