"""What changes of an endpoint's API key in a cluster mean for those who hold it."""

from __future__ import annotations

from collections.abc import Iterator

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .kubernetes_access import server_asks
from .rule import Rules, at
from .wording import code, name, value

__all__ = ["RULES"]


def _goes(step: Step, plan: Plan) -> Iterator[Effect]:
    """Without a server that still asks for a key nobody is refused."""
    if step.op is Op.DELETE and not step.retain and not server_asks(plan):
        yield Effect(
            kind=Kind.REMOVED,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} goes, and its key with it: no server asks for one any more.",
            urn=step.urn,
            calls=Calls.SAFE,
        )
    elif step.op is Op.REPLACE or (step.op is Op.DELETE and not step.retain):
        done = "goes, and its key with it" if step.op is Op.DELETE else "is made anew, with another key"
        yield Effect(
            kind=Kind.PERMISSIONS_NARROWED,
            severity=Severity.DANGER,
            sentence=f"{name(step)} {done}: calls with the key of now are refused.",
            urn=step.urn,
            paths=step.replacing_paths,
            calls=Calls.MAY_FAIL,
            of_callers=True,
        )


def _rotates(step: Step, _plan: Plan) -> Iterator[Effect]:
    rotation = at(step.after, "rotation")
    if step.op is Op.UPDATE and step.changed("rotation") and rotation is not None:
        change = f"{code('rotation')} {value(at(step.before, 'rotation'))} → {value(rotation)}"
        yield Effect(
            kind=Kind.KEY_CHANGED,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} gets a new key ({change}): the one of now is valid until the next "
            "rotation, and those before it no longer.",
            urn=step.urn,
            paths=("rotation",),
            calls=Calls.SAFE,
        )


def _mends(step: Step, _plan: Plan) -> Iterator[Effect]:
    if step.op is Op.UPDATE and step.changed("status"):
        yield Effect(
            kind=Kind.KEY_CHANGED,
            severity=Severity.DANGER,
            sentence=f"{name(step)} gets a new key, since the server does not take the one that it has.",
            urn=step.urn,
            paths=("status",),
            calls=Calls.MAY_FAIL,
        )


RULES: Rules = {"modelberth:kubernetes:ApiKey": (_goes, _rotates, _mends)}
