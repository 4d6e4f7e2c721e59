"""Permissions that somebody gets or loses: which action, on what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from modelberth.preview.plan import Marker, Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .grant_readers import READERS, Reader
from .grants import PUBLIC, Grant, beyond, is_broad, sentence_of
from .rule import Rule, Rules, at, matching
from .wording import code, listed, name

__all__ = ["RULES"]

Side: TypeAlias = Literal["before", "after"]


def _compares(read: Reader) -> Rule:
    def rule(step: Step, plan: Plan) -> Iterator[Effect]:
        unknown = [key for key in _DOCUMENTS if at(step.after, key) is Marker.UNKNOWN]
        if unknown:
            if not _is_new(step, plan):
                yield _not_known(step, unknown)
            return
        before, after = (
            list(read(side, step)) if side else [] for side in (step.before, _same_holder(step, plan))
        )
        more = [grant for grant in beyond(after, before) if grant.principal not in PUBLIC]
        less = list(beyond(before, after))
        # A permission that only moves from one resource to another is no news.
        more = list(beyond(more, _elsewhere(plan, step, "before", more))) if more else []
        less = list(beyond(less, _elsewhere(plan, step, "after", less))) if less else []
        gained = [g for g in more if not g.denies] + [g for g in less if g.denies]
        lost = [g for g in less if not g.denies] + [g for g in more if g.denies]
        if gained:
            yield _widened(step, plan, gained)
        if lost:
            yield _narrowed(step, lost)
        elif step.op is Op.DELETE and before and not gained and not step.retain:
            yield Effect(
                kind=Kind.REMOVED,
                severity=Severity.CHANGE,
                sentence=f"{name(step)} is removed and takes no permission away: another resource gives it.",
                urn=step.urn,
                calls=Calls.SAFE,
            )

    return rule


_DOCUMENTS: Final = (
    "permissions",
    "policy",
    "assumeRolePolicy",
    "policyData",
    "policyArn",
    "member",
    "members",
    "principal",
    "principalId",
    "roleDefinitionId",
)
_HOLDERS: Final = ("role", "user", "group", "function", "bucket", "repository", "scope")


def _same_holder(step: Step, plan: Plan) -> Mapping[str, Any] | None:
    """The inputs as planned; a holder that is replaced, or only known later, is taken for the one it was."""
    if step.before is None or step.after is None:
        return step.after
    gone = _replaced_names(plan.steps)
    same = {
        key: step.before.get(key)
        for key in _HOLDERS
        if step.after.get(key) is Marker.UNKNOWN
        or (step.after.get(key) != step.before.get(key) and str(step.before.get(key)) in gone)
    }
    return {**step.after, **same}


@lru_cache(maxsize=2)
def _replaced_names(steps: tuple[Step, ...]) -> frozenset[str]:
    """What resources that are replaced were called: their inputs and outputs that name one."""
    keys = ("name", "arn", "id", "bucket", "repository")
    return frozenset(
        given
        for step in steps
        if step.op is Op.REPLACE
        for key in keys
        if isinstance(given := step.outputs_before.get(key), str)
    )


def _not_known(step: Step, keys: Sequence[str]) -> Effect:
    return Effect(
        kind=Kind.IN_PLACE,
        severity=Severity.CHANGE,
        sentence=f"Who may do what by {name(step)} is not known before the update: "
        f"{listed([code(key) for key in keys])} {'is' if len(keys) == 1 else 'are'} computed then.",
        urn=step.urn,
        paths=tuple(keys),
    )


def _elsewhere(plan: Plan, step: Step, side: Side, wanted: Iterable[Grant]) -> list[Grant]:
    """What other resources let the same principals do."""
    index = _by_principal(plan.steps, side)
    principals = {grant.principal for grant in wanted} | PUBLIC
    return [grant for who in principals for other, grant in index.get(who, ()) if other is not step]


@lru_cache(maxsize=2)
def _by_principal(steps: tuple[Step, ...], side: Side) -> Mapping[str, Sequence[tuple[Step, Grant]]]:
    """The grants of all resources: read once for a plan, or many endpoints would take quadratic time."""
    index: dict[str, list[tuple[Step, Grant]]] = {}
    for step in steps:
        inputs = step.before if side == "before" else step.after
        reader = matching(READERS, step.type) if inputs is not None else None
        for grant in reader(inputs, step) if reader and inputs is not None else ():
            index.setdefault(grant.principal, []).append((step, grant))
    return index


def _widened(step: Step, plan: Plan, gained: list[Grant]) -> Effect:
    broad = [grant for grant in gained if is_broad(grant)]
    lifted = [grant for grant in gained if grant.denies]
    is_new = _is_new(step, plan)
    shown = broad if is_new and broad else gained
    allowed = [grant for grant in shown if not grant.denies]
    parts = [sentence_of(allowed, "now has")] if allowed else []
    if lifted:
        parts.append(sentence_of(lifted, "is no longer denied"))
    wide = ", which is more than an endpoint needs" if broad else ""
    return Effect(
        kind=Kind.PERMISSIONS_WIDENED,
        severity=Severity.CHANGE if is_new and not broad else Severity.DANGER,
        sentence=f"{name(step)} allows more: {'; '.join(parts)}{wide}.",
        urn=step.urn,
        paths=tuple(difference.path for difference in step.differences),
        calls=Calls.SAFE,
        of_callers=any(grant.calls for grant in gained),
    )


def _narrowed(step: Step, lost: list[Grant]) -> Effect:
    refused = [grant for grant in lost if grant.calls and not grant.denies]
    dropped = [grant for grant in lost if not grant.denies]
    denied = [grant for grant in lost if grant.denies]
    parts = [sentence_of(dropped, "no longer has")] if dropped else []
    if denied:
        parts.append(sentence_of(denied, "is denied"))
    calls = ": such calls are refused from then on" if refused else ""
    return Effect(
        kind=Kind.PERMISSIONS_NARROWED,
        severity=Severity.DANGER if refused else Severity.CHANGE,
        sentence=f"{name(step)} allows less: {'; '.join(parts)}{calls}.",
        urn=step.urn,
        paths=tuple(difference.path for difference in step.differences),
        calls=Calls.MAY_FAIL if refused else Calls.UNKNOWN,
        of_callers=bool(refused),
    )


def _is_new(step: Step, plan: Plan) -> bool:
    """Whether the endpoint, or the stack of what stands alone, is made with it."""
    around = plan.owner(step) or plan.stack_step
    return around is not None and around.op is Op.CREATE


RULES: Rules = {token: (_compares(reader),) for token, reader in READERS.items()}
