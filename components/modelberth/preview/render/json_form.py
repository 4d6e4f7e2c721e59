"""A report for machines, in the shape of `forms`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from modelberth.preview.cost.estimate import Cost, Scenario
from modelberth.preview.effects.effect import Effect, Severity
from modelberth.preview.plan import Difference, Marker, Step, differences
from modelberth.preview.report import VERSION, EndpointReport, Outcome, Report

from .answered import idle_sentence
from .failures import faults
from .forms import (
    AnswersForm,
    ChargeForm,
    CostForm,
    DifferenceForm,
    EffectForm,
    EndpointForm,
    ErrorForm,
    LoadForm,
    ReportForm,
    StepForm,
    TotalForm,
    ViolationForm,
)
from .summary import headline, notes, ranked, totals
from .values import concealed

__all__ = ["to_dict"]

_DIGITS: Final = 6
"""Of a dollar: cheap requests cost millionths of one."""
_MARKERS: Final = {Marker.SECRET: "secret", Marker.UNKNOWN: "unknown", Marker.ABSENT: "absent"}
_SEVERITIES: Final[Mapping[Severity, Literal["none", "change", "danger"]]] = {
    Severity.NONE: "none",
    Severity.CHANGE: "change",
    Severity.DANGER: "danger",
}


def to_dict(report: Report) -> ReportForm:
    """The JSON form of a report: plain values that `json.dumps(…, allow_nan=False)` takes, keys in order."""
    plan, stack = report.plan, report.plan.stack_step
    outputs = differences(stack.outputs_before, stack.outputs_after) if stack else ()
    return ReportForm(
        version=VERSION,
        outcome=report.outcome,
        headline=" ".join(headline(report)),
        project=plan.project,
        stack=plan.stack,
        before=report.before,
        after=report.after,
        offline=report.offline,
        errors=[
            ErrorForm(
                message=fault.message,
                resource=fault.resource,
                property=fault.property,
                where=fault.where,
                detail=fault.detail,
            )
            for fault in faults(report.errors, explained=report.outcome is Outcome.REFUSED)
        ],
        endpoints=[_endpoint(endpoint) for endpoint in ranked(report)],
        cost=_total(report),
        violations=[
            ViolationForm(policy=one.policy, message=one.message, mandatory=one.mandatory, urn=one.urn)
            for one in plan.violations
        ],
        steps=[_step(step) for step in plan.steps],
        outputs=_differences(outputs),
        notes=list(notes(report)),
    )


def _endpoint(endpoint: EndpointReport) -> EndpointForm:
    return EndpointForm(
        name=endpoint.name,
        urn=endpoint.urn,
        target=endpoint.target,
        severity=_SEVERITIES[endpoint.severity],
        effects=[_effect(effect) for effect in endpoint.effects],
        answers=_answers(endpoint),
        cost={"before": _cost(endpoint.before), "after": _cost(endpoint.after)},
        budget_usd=endpoint.budget_usd,
        over_budget=endpoint.over_budget,
    )


def _answers(endpoint: EndpointReport) -> AnswersForm | None:
    said = endpoint.answers
    if said is None:
        return None
    return AnswersForm(
        callers=list(said.callers),
        reads=list(said.reads),
        does=list(said.does),
        takes_down=list(said.takes_down),
        idle=idle_sentence(endpoint.after, endpoint.priced_on),
    )


def _effect(effect: Effect) -> EffectForm:
    return EffectForm(
        kind=effect.kind,
        severity=_SEVERITIES[effect.severity],
        sentence=effect.sentence,
        urn=effect.urn,
        paths=list(effect.paths),
        downtime_seconds=list(effect.downtime_seconds) if effect.downtime_seconds else None,
        calls=effect.calls,
        of_callers=effect.of_callers,
        extra_gpus=effect.extra_gpus,
    )


def _total(report: Report) -> TotalForm | None:
    together = totals(report)
    if together is None:
        return None
    return TotalForm(
        before_usd=round(together.before.expected.usd, _DIGITS),
        after_usd=round(together.after.expected.usd, _DIGITS),
        unpriced=len(together.after.unpriced),
        unpriced_before=len(together.before.unpriced),
        comparable=not together.half_priced,
    )


def _cost(cost: Cost | None) -> CostForm | None:
    if cost is None:
        return None
    return CostForm(
        least=_load(cost.least),
        expected=_load(cost.expected),
        most=_load(cost.most),
        unpriced=[{"urn": one.urn, "why": one.why, "idle": one.idle} for one in cost.unpriced],
        assumptions=list(cost.assumptions),
    )


def _load(load: Scenario) -> LoadForm:
    lines = [
        ChargeForm(
            urn=line.urn,
            what=line.what,
            quantity=line.quantity,
            unit=line.unit,
            usd=round(line.usd, _DIGITS),
            price=line.price,
        )
        for line in load.lines
    ]
    return LoadForm(usd=round(load.usd, _DIGITS), lines=lines)


def _step(step: Step) -> StepForm:
    return StepForm(
        urn=step.urn,
        type=step.type,
        name=step.name,
        op=step.op,
        parent=step.parent,
        custom=step.custom,
        delete_first=step.delete_first,
        protect=step.protect,
        retain=step.retain,
        differences=_differences(step.differences),
    )


def _differences(found: Iterable[Difference]) -> list[DifferenceForm]:
    return [
        DifferenceForm(
            path=difference.path,
            before=_plain(concealed(difference.before, difference.path)),
            after=_plain(concealed(difference.after, difference.path)),
            replaces=difference.replaces,
        )
        for difference in found
    ]


def _plain(value: Any) -> Any:
    match value:
        case Marker():
            return {"modelberth:marker": _MARKERS[value]}
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not math.isfinite(value):
            return str(value)  # JSON has no NaN
        case None | bool() | int() | float() | str():
            return value
    return repr(value)
