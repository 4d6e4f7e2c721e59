"""Rules for what guards against a deletion by mistake."""

from __future__ import annotations

from collections.abc import Iterator

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rule, at
from .wording import code, name, value

__all__ = ["forced", "guarded", "lifted", "protection"]


def guarded(path: str, *, on: object = True, default: object = False, refuses: bool = True) -> Rule:
    """Rule for a switch that keeps something from going while it stands at `on`.

    Args:
        path: the switch.
        on: its value while it guards.
        default: what the service takes where nothing is given.
        refuses: whether the service refuses the deletion then, and so the update.
    """

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        before = at(step.before, path, default)
        goes = step.op is Op.REPLACE or (step.op is Op.DELETE and not step.retain)
        if goes and refuses and before == on:
            done = "removed" if step.op is Op.DELETE else "replaced"
            yield Effect(
                kind=Kind.REFUSED,
                severity=Severity.DANGER,
                sentence=f"{name(step)} cannot be {done} while {code(path)} is on: the service refuses that, "
                "and the update stops there.",
                urn=step.urn,
                paths=(path,),
                calls=Calls.SAFE,
            )
        if step.before is None or step.after is None:
            return
        after = at(step.after, path, default)
        if before == on and after != on:
            change = f"{code(path)} {value(before)} → {value(after)}"
            yield lifted(step, f"{name(step)} may be deleted from now on ({change}).", path)
        elif after == on and before != on and step.op is Op.UPDATE:
            change = f"{code(path)} {value(before)} → {value(after)}"
            yield _kept(step, f"{name(step)} is guarded against a deletion from now on ({change}).", path)

    return rule


def forced(path: str, what: str) -> Rule:
    """Rule for a switch that makes a deletion take along what is inside."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.after is None or step.op is Op.CREATE:
            return
        if at(step.after, path) is True and at(step.before, path) is not True:
            sentence = f"{name(step)} may be deleted together with {what} from now on ({code(path)} is on)."
            yield lifted(step, sentence, path)

    return rule


def protection(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Rule for any resource that the engine protects, or keeps when it leaves the stack; to it, no change."""
    if step.op in {Op.CREATE, Op.DELETE, Op.READ}:
        return
    if step.protect_before and not step.protect:
        sentence = f"{name(step)} is no longer protected: the next update may delete it."
        yield lifted(step, sentence, "protect")
    elif step.protect and not step.protect_before:
        yield _kept(step, f"{name(step)} is protected now: an update that would delete it fails.", "protect")
    if step.retain_before and not step.retain:
        sentence = f"{name(step)} is deleted from now on when it leaves this stack; before, it stayed."
        yield lifted(step, sentence, "retainOnDelete")
    elif step.retain and not step.retain_before:
        sentence = f"{name(step)} stays where it is from now on when it leaves this stack."
        yield _kept(step, sentence, "retainOnDelete")


def lifted(step: Step, sentence: str, path: str) -> Effect:
    """Tell that something which held a mistake up is gone."""
    return Effect(
        kind=Kind.PROTECTION_LIFTED,
        severity=Severity.DANGER,
        sentence=sentence,
        urn=step.urn,
        paths=(path,),
        calls=Calls.SAFE,
    )


def _kept(step: Step, sentence: str, path: str) -> Effect:
    return Effect(
        kind=Kind.PROTECTED,
        severity=Severity.CHANGE,
        sentence=sentence,
        urn=step.urn,
        paths=(path,),
        calls=Calls.SAFE,
    )
