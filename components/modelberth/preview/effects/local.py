"""What changes of a process on the machine at hand mean for its callers.

New server processes start beside the old ones on the same port and take over; on failure the old ones go on
(`modelberth.local.supervisor`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .lifecycle import rolling, serves
from .rule import Rules, at, known
from .wording import changes, code, name, value

__all__ = ["RULES"]

_UNSEEN: Final = {"configPath"}
"""Inputs that decide nothing of what is served."""


def _hand_over(step: Step, _plan: Plan) -> Iterator[Effect]:
    differences = [d for d in step.differences if d.path not in {"port", "status", *_UNSEEN}]
    if step.op is not Op.UPDATE or not differences:
        return
    model = "a new model: " if any(d.path == "modelSha256" for d in differences) else ""
    shown = [d for d in differences if d.path != "model" or not model]
    text = changes(shown, 4).replace(code("modelSha256"), "sha256")
    sentence = f"{name(step)} hands over to new processes at the same address without a failed request"
    yield rolling(step, f"{sentence}: {model}{text}.", differences, calls=Calls.SAFE)


def _port(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A port that is asked for and is not the one that it has; unasked, only a new process gets another."""
    had, wanted = at(step.outputs_before, "port", at(step.before, "port")), at(step.after, "port")
    if step.op is Op.UPDATE and known(wanted) and known(had) and wanted != had:
        change = f"{code('port')} {value(had)} → {value(wanted)}"
    elif step.op is Op.REPLACE and not (known(wanted) and wanted == had):
        change = "the new process gets a port of its own"
    else:
        return
    yield Effect(
        kind=Kind.ADDRESS_CHANGED,
        severity=Severity.DANGER,
        sentence=f"Callers of {name(step)} must use another URL: {change}.",
        urn=step.urn,
        paths=("port",),
        calls=Calls.MAY_FAIL,
    )


def _keeps_port(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A port that is no longer asked for, or now asked for as it is: nothing moves."""
    had, wanted = at(step.outputs_before, "port", at(step.before, "port")), at(step.after, "port")
    if step.op is Op.UPDATE and step.changed("port") and (wanted is None or wanted == had):
        asked = "no longer fixed" if wanted is None else "fixed now"
        yield Effect(
            kind=Kind.IN_PLACE,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} keeps its address: {code('port')} is {asked}, and stays {value(had)}.",
            urn=step.urn,
            paths=("port",),
            calls=Calls.SAFE,
        )


def _unwell(step: Step, _plan: Plan) -> Iterator[Effect]:
    if step.op is Op.UPDATE and step.changed("status"):
        status = value(at(step.outputs_before, "status"))
        yield Effect(
            kind=Kind.IN_PLACE,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} was found unwell, {status}: it is started afresh.",
            urn=step.urn,
            paths=("status",),
        )


RULES: Rules = {
    "modelberth:local:Process": (serves(), _hand_over, _port, _keeps_port, _unwell),
}
