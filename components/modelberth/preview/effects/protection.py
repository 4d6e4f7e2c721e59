"""Rules for what guards against a deletion by mistake."""

from __future__ import annotations

from collections.abc import Iterator

from modelberth.preview.plan import Op, Plan, Step

from .effect import Effect, Kind, Severity
from .rule import Rule, at
from .wording import code, name, value

__all__ = ["forced", "guarded", "unprotected"]


def guarded(path: str, *, on: object = True, default: object = False) -> Rule:
    """Rule for a switch that makes the service refuse a deletion while it stands at `on`."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.before is None or step.after is None:
            return
        before, after = at(step.before, path, default), at(step.after, path, default)
        if before == on and after != on:
            change = f"{code(path)} {value(before)} → {value(after)}"
            yield _lifted(step, f"{name(step)} may be deleted from now on ({change}).", path)

    return rule


def forced(path: str, what: str) -> Rule:
    """Rule for a switch that makes a deletion take along what is inside."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.after is None or step.op is Op.CREATE:
            return
        if at(step.after, path) is True and at(step.before, path) is not True:
            sentence = f"{name(step)} may be deleted together with {what} from now on ({code(path)} is on)."
            yield _lifted(step, sentence, path)

    return rule


def unprotected(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Any resource whose protection by the engine is off now; the engine calls that no change."""
    if step.protect_before and not step.protect and step.op is not Op.DELETE:
        sentence = f"{name(step)} is no longer protected: the next update may delete it."
        yield _lifted(step, sentence, "protect")


def _lifted(step: Step, sentence: str, path: str) -> Effect:
    return Effect(
        kind=Kind.PROTECTION_LIFTED,
        severity=Severity.DANGER,
        sentence=sentence,
        urn=step.urn,
        paths=(path,),
    )
