"""All that a plan does to the callers of one endpoint, from the rules of each resource's type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from modelberth.preview.plan import Op, Plan, Step
from modelberth.preview.standins.imitation import replacements

from . import (
    api_key,
    autoscaling,
    aws,
    aws_exposure,
    aws_guards,
    azure,
    azure_exposure,
    expiry,
    gcp,
    gcp_exposure,
    gcp_guards,
    kubernetes,
    kubernetes_access,
    kubernetes_exposure,
    kubernetes_scaling,
    kubernetes_traffic,
    local,
    network_policies,
    networks,
    permissions,
    pod_security,
    sagemaker_scaling,
    server_settings,
    vertex,
)
from .durations import usual
from .effect import Calls, Effect, Kind, Severity
from .lifecycle import plainly
from .model import new_model
from .protection import protection
from .region import moved
from .rule import matching
from .settings import tell
from .wording import changes, code, listed, name, span

__all__ = ["MODULES", "explain"]

MODULES: Final = (
    aws,
    gcp,
    vertex,
    azure,
    kubernetes,
    kubernetes_traffic,
    kubernetes_access,
    server_settings,
    api_key,
    local,
    autoscaling,
    permissions,
    aws_exposure,
    aws_guards,
    gcp_exposure,
    gcp_guards,
    azure_exposure,
    kubernetes_exposure,
    kubernetes_scaling,
    networks,
    network_policies,
    pod_security,
    sagemaker_scaling,
    expiry,
)
"""What has a table of rules."""

_TELLS_LIFE: Final = frozenset({Kind.REPLACED, Kind.REMOVED, Kind.DATA_DELETED, Kind.CREATED})
_TELLS_THE_END: Final = frozenset({Kind.PERMISSIONS_NARROWED, Kind.NEWLY_PUBLIC})
"""Of what only lets somebody in, or keeps somebody out, that is all that its end means."""
_TELLS_THE_BEGINNING: Final = frozenset({Kind.PERMISSIONS_WIDENED})
"""And all that its beginning does."""
_REQUIREMENTS: Final = "modelberth:kubernetes:Requirements"
_CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
_LABELS: Final = re.compile(r"(metadata\.)?(labels|annotations)\b.*")
_IF_NOT_REPLACED: Final = frozenset({Kind.IN_PLACE, Kind.ROLLING})


def explain(
    plan: Plan, owner: Step | None, steps: Sequence[Step], *, offline: bool = False
) -> tuple[Effect, ...]:
    """The effects of a plan on one endpoint, gravest first, then in the plan's order.

    Args:
        plan: everything that happens, for rules that need another resource.
        owner: the endpoint; None for what stands outside of all endpoints.
        steps: what providers make for it, in the plan's order.
        offline: whether stand-ins made the plan; then a type that the replacement tables do not know is told.

    Returns:
        One effect of kind `unchanged` where nothing happens.
    """
    effects = _telling(list(_effects(plan, owner, steps, offline=offline)))
    if not effects:
        said = f"{name(owner)} is unchanged." if owner else "Nothing outside of the endpoints changes."
        urn = owner.urn if owner else ""
        return (Effect(kind=Kind.UNCHANGED, severity=Severity.NONE, sentence=said, urn=urn),)
    order = {step.urn: place for place, step in enumerate(steps)}
    return tuple(sorted(effects, key=lambda effect: (-effect.severity, order.get(effect.urn, -1))))


def _telling(effects: list[Effect]) -> list[Effect]:
    """Without what only repeats the rest; where there is no rest, with it."""
    telling = [effect for effect in effects if not _is_repetition(effect)]
    return telling or effects


def _is_repetition(effect: Effect) -> bool:
    """Of a cluster: labels and annotations, the question whether it has all, and what is watched, anew."""
    token = (
        effect.urn.rpartition("$")[2].partition("::")[0] if "$" in effect.urn else effect.urn.split("::")[-2]
    )
    if effect.calls is not Calls.SAFE or "kubernetes:" not in token:
        return False
    match effect.kind:
        case Kind.REPLACED | Kind.IN_PLACE if token == _CONFIG_MAP:
            return True
        case Kind.IN_PLACE if token != _REQUIREMENTS:
            return bool(effect.paths) and all(map(_LABELS.fullmatch, effect.paths))
        case _:
            return token == _REQUIREMENTS


def _effects(plan: Plan, owner: Step | None, steps: Sequence[Step], *, offline: bool) -> Iterator[Effect]:
    whole = _whole(owner, steps)
    if whole:
        yield whole
    of_steps = list(chain.from_iterable(_of_step(step, plan, offline=offline) for step in steps))
    is_told = whole or any("modelSha256" in effect.paths for effect in of_steps)
    if any(step.changes for step in steps) and not is_told:
        yield from new_model(owner)
    yield from moved(plan, owner, steps)
    for effect in of_steps:
        # An endpoint that comes or goes as a whole is told once, not by each of its parts.
        if not (whole and effect.kind in {Kind.CREATED, Kind.REMOVED}):
            yield effect
    if owner is not None:
        yield from protection(owner, plan)


def _whole(owner: Step | None, steps: Sequence[Step]) -> Effect | None:
    """An endpoint that is made, or removed, with all that belongs to it."""
    if owner is None or not steps:
        return None
    # What is only looked up is neither made nor removed.
    steps = [step for step in steps if step.op is not Op.READ]
    count = f"{len(steps)} resource{'s' if len(steps) != 1 else ''}"
    if steps and all(step.op is Op.CREATE for step in steps):
        times = [time for time in (usual(step.type) for step in steps) if time]
        ready = f"; it usually serves after {span(max(times)).removeprefix('about ')}" if times else ""
        return Effect(
            kind=Kind.CREATED,
            severity=Severity.CHANGE,
            sentence=f"{name(owner)} is new: {count}{ready}.",
            urn=owner.urn,
            calls=Calls.SAFE,
        )
    if steps and all(step.op is Op.DELETE for step in steps):
        kept = all(step.retain for step in steps)
        if kept:
            fate = f"leaves this stack, and its {count} stay where they are."
        else:
            fate = f"is removed with its {count}: calls to it fail from then on."
        return Effect(
            kind=Kind.REMOVED,
            severity=Severity.CHANGE if kept else Severity.DANGER,
            sentence=f"{name(owner)} {fate}",
            urn=owner.urn,
            calls=Calls.SAFE if kept else Calls.MAY_FAIL,
        )
    return None


def _of_step(step: Step, plan: Plan, *, offline: bool) -> Iterator[Effect]:
    yield from protection(step, plan)
    if not step.changes:
        return
    rules = chain.from_iterable(matching(module.RULES, step.type) or () for module in MODULES)
    effects = [effect for rule in (*rules, tell) for effect in rule(step, plan)]
    if offline and step.op is Op.UPDATE and _is_unknown(step):
        yield _not_known(step)
        yield from (e for e in effects if e.kind not in _IF_NOT_REPLACED or _is_risk(e))
        return
    yield from effects
    if step.op is Op.UPDATE:
        told = {path for effect in effects for path in effect.paths}
        rest = tuple(d for d in step.differences if not any(_lies_in(d.path, path) for path in told))
        if rest or not effects:
            yield plainly(step, plan, rest)
    elif not any(effect.kind in _TELLS_LIFE | _telling_of(step) for effect in effects):
        yield plainly(step, plan, step.differences)


def _telling_of(step: Step) -> frozenset[Kind]:
    """What tells all of a resource that comes or goes, where that is only about who may do what."""
    match step.op:
        case Op.DELETE:
            return _TELLS_THE_END
        case Op.CREATE:
            return _TELLS_THE_BEGINNING
        case _:
            return frozenset()


def _is_risk(effect: Effect) -> bool:
    return effect.kind is Kind.IN_PLACE and effect.calls is Calls.MAY_FAIL


def _is_unknown(step: Step) -> bool:
    if step.package == "modelberth":
        return False
    row = replacements.of(step.type)
    return row is None or any(row.may_replace(difference.path) for difference in step.differences)


def _not_known(step: Step) -> Effect:
    row = replacements.of(step.type)
    paths = [code(d.path) for d in step.differences if row and row.may_replace(d.path)]
    if row is None:
        reason = f"no table has a row for {step.type}"
    elif not row.is_complete:
        reason = f"only a part of what replaces {step.type} is in a table"
    else:
        reason = f"a change of {listed(paths)} does so in some cases only"
    what = f" ({changes(step.differences)})" if step.differences else ""
    open_ = f"whether that replaces it is not known offline, since {reason}"
    return Effect(
        kind=Kind.UNKNOWN,
        severity=Severity.CHANGE,
        sentence=f"{name(step)} changes{what}: {open_}.",
        urn=step.urn,
        paths=tuple(difference.path for difference in step.differences),
    )


def _lies_in(path: str, around: str) -> bool:
    return path == around or path.startswith((f"{around}.", f"{around}["))
