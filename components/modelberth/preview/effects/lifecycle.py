"""Made, changed, replaced, removed: what that means for callers, by what the resource is to them.

`serves`, `behind` and `holds` make the rules; `plainly` says what happens to a resource that no rule knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelberth.preview.plan import Difference, Op, Plan, Step

from .durations import usual
from .effect import Calls, Effect, Kind, Severity
from .rule import Rule, at
from .settings import calls_after
from .wording import because, changes, code, listed, name, span

__all__ = ["behind", "holds", "needs_gpus", "plainly", "rolling", "serves"]


def serves(*named_by: str, generated: bool = False) -> Rule:
    """Rule for what answers calls.

    Args:
        named_by: inputs that its address is made of.
        generated: whether each new one gets an address that did not exist before.
    """

    def rule(step: Step, plan: Plan) -> Iterator[Effect]:
        if step.op is Op.DELETE and not step.retain:
            sentence = f"{name(step)} is removed: calls to it fail from then on."
            yield Effect(
                kind=Kind.REMOVED,
                severity=Severity.DANGER,
                sentence=sentence,
                urn=step.urn,
                calls=Calls.MAY_FAIL,
            )
        elif step.op is Op.REPLACE:
            yield _replaced(step, plan)
            moved = [d.path for d in step.changed(*named_by)] if named_by else []
            if generated or moved:
                yield _readdressed(step, moved)

    return rule


def behind(consequence: str, *, once_replaced: Calls = Calls.UNKNOWN) -> Rule:
    """Rule for what an endpoint needs.

    Args:
        consequence: what befalls those who still use the old one.
        once_replaced: how calls fare where the new one comes first and the endpoint turns to it.
    """

    def rule(step: Step, plan: Plan) -> Iterator[Effect]:
        if step.op is Op.DELETE and not step.retain:
            sentence = f"{name(step)} is removed: {consequence}."
            yield Effect(
                kind=Kind.REMOVED,
                severity=Severity.DANGER,
                sentence=sentence,
                urn=step.urn,
                calls=calls_after(step, ()),
            )
        elif step.op is Op.REPLACE:
            why = because(step, plan)
            how = "before there is a new one" if step.delete_first else "once the new one is there"
            sentence = (
                f"{name(step)} is replaced{f', because {why}' if why else ''}: "
                f"the old one goes {how}, and {consequence}."
            )
            yield Effect(
                kind=Kind.REPLACED,
                severity=Severity.DANGER if step.delete_first else Severity.CHANGE,
                sentence=sentence,
                urn=step.urn,
                paths=step.replacing_paths,
                calls=Calls.UNKNOWN if step.delete_first else once_replaced,
            )

    return rule


def holds(what: str, force: str = "") -> Rule:
    """Rule for what keeps data.

    Args:
        what: the data, such as `the images in it`.
        force: input without which the service refuses to remove it while it holds data.
    """

    def rule(step: Step, plan: Plan) -> Iterator[Effect]:
        if step.op not in {Op.DELETE, Op.REPLACE}:
            return
        if step.retain:
            sentence = f"{name(step)} leaves this stack and stays where it is, with {what}."
            kind = Kind.REMOVED if step.op is Op.DELETE else Kind.REPLACED
            yield Effect(
                kind=kind,
                severity=Severity.CHANGE,
                sentence=sentence,
                urn=step.urn,
                calls=calls_after(step, ()),
            )
            return
        why = because(step, plan) if step.op is Op.REPLACE else ""
        done = "removed" if step.op is Op.DELETE else "replaced by a new one without them"
        sentence = f"{name(step)} is {done}, and {what} go with it{f', because {why}' if why else ''}"
        if force and at(step.before, force) is not True:
            sentence += f"; the service refuses that while there are any, since {code(force)} is off"
        yield Effect(
            kind=Kind.DATA_DELETED,
            severity=Severity.DANGER,
            sentence=f"{sentence}.",
            urn=step.urn,
            paths=step.replacing_paths,
            calls=calls_after(step, ()),
        )

    return rule


def rolling(
    step: Step,
    sentence: str,
    differences: Iterable[Difference],
    *,
    gpus: int = 0,
    calls: Calls | None = None,
) -> Effect:
    """New replicas take over from old ones, with so many GPUs on top meanwhile.

    Where the rule does not say how calls fare, the table of settings is asked.
    """
    changed = tuple(differences)
    return Effect(
        kind=Kind.ROLLING,
        severity=Severity.CHANGE,
        sentence=sentence,
        urn=step.urn,
        paths=tuple(difference.path for difference in changed),
        extra_gpus=gpus,
        calls=calls_after(step, changed) if calls is None else calls,
    )


def needs_gpus(meanwhile: int, lasting: int = 0) -> str:
    """`; it needs 2 more GPUs for that time`; `lasting` ones stay in use, and nothing is said of none."""
    parts = [(lasting, "from then on"), (meanwhile, "for that time")]
    told = [f"{count} more GPU{'s' if count > 1 else ''} {how}" for count, how in parts if count > 0]
    return f"; it needs {' and '.join(told)}" if told else ""


def plainly(step: Step, plan: Plan, differences: tuple[Difference, ...]) -> Effect:
    """What happens to a resource that no rule says more about; true of any type."""
    kind_of = f"{name(step)} ({step.type})"
    match step.op:
        case Op.CREATE:
            kind, sentence = Kind.CREATED, f"{kind_of} is created."
        case Op.DELETE if step.retain:
            kind, sentence = Kind.REMOVED, f"{kind_of} leaves this stack and stays where it is."
        case Op.DELETE:
            kind, sentence = Kind.REMOVED, f"{kind_of} is removed."
        case Op.REPLACE:
            why = because(step, plan)
            first = "the old one goes first" if step.delete_first else "the new one comes first"
            kind, sentence = (
                Kind.REPLACED,
                f"{kind_of} is replaced, {first}{f', because {why}' if why else ''}.",
            )
        case _:
            what = f": {changes(differences)}" if differences else ""
            kind, sentence = Kind.IN_PLACE, f"{kind_of} is changed in place{what}."
    return Effect(
        kind=kind,
        severity=Severity.CHANGE,
        sentence=sentence,
        urn=step.urn,
        paths=step.replacing_paths if kind is Kind.REPLACED else tuple(d.path for d in differences),
        calls=Calls.SAFE if step.op is Op.DELETE and step.retain else calls_after(step, differences),
    )


def _replaced(step: Step, plan: Plan) -> Effect:
    why = because(step, plan)
    if not step.delete_first:
        sentence = f"{name(step)} is replaced: the new one is there before the old one goes"
        sentence += f", because {why}." if why else "."
        severity, downtime = Severity.CHANGE, None
    else:
        severity, downtime = Severity.DANGER, usual(step.type)
        time = f" for {span(downtime)}" if downtime else ", for how long is not known"
        reason = " and ".join(filter(None, [why, "the old one goes first"]))
        sentence = f"{name(step)} is replaced: it is down{time}, because {reason}."
    return Effect(
        kind=Kind.REPLACED,
        severity=severity,
        sentence=sentence,
        urn=step.urn,
        paths=step.replacing_paths,
        downtime_seconds=downtime,
        calls=Calls.MAY_FAIL if step.delete_first else Calls.UNKNOWN,
    )


def _readdressed(step: Step, moved: list[str]) -> Effect:
    if moved:
        verb = "changes" if len(moved) == 1 else "change"
        why = f"it is made of {listed([code(path) for path in moved])}, which {verb}"
    else:
        why = "each new one gets an address of its own"
    return Effect(
        kind=Kind.ADDRESS_CHANGED,
        severity=Severity.DANGER,
        sentence=f"Callers of {name(step)} must use another URL: {why}.",
        urn=step.urn,
        paths=tuple(moved),
        calls=Calls.MAY_FAIL,
    )
