"""What every form of a report says first: the one sentence, the order of endpoints, budgets and policies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelberth.preview.cost.comparison import Comparison
from modelberth.preview.effects.wording import listed
from modelberth.preview.report import EndpointReport, Outcome, Report

from .bill_sentence import bill_sentence
from .failures import faults
from .happening import happens, happens_outside
from .money import usd
from .plain import name, one_line, resource

__all__ = ["Verdict", "basis", "headline", "label", "notes", "ranked", "totals", "verdicts"]

_NAMED: Final = 3
"""Endpoints that the headline names."""


@dataclass(frozen=True)
class Verdict:
    """What a budget or a policy says."""

    holds: bool
    binding: bool
    """Whether the update is refused where it does not hold."""
    sentence: str


def headline(report: Report) -> tuple[str, ...]:
    """Sentences: whether it is refused, what happens to callers, the bill. Names stand in backticks."""
    if report.outcome is Outcome.FAILED:
        count = len(faults(report.errors))
        return (f"The preview failed with {_count(count, 'error')}: what would happen is not known.",)
    return tuple(filter(None, (_refused(report), _callers(report), _bill(report))))


def basis(report: Report) -> str:
    """What was compared, and who was asked."""
    compared = f"Compares {name(report.before)} with {name(report.after)}"
    if report.offline:
        return f"{compared}, on stand-ins for the providers: no cloud was asked."
    return f"{compared}, with the providers themselves."


def ranked(report: Report) -> tuple[EndpointReport, ...]:
    """The gravest first, else in the plan's order; what stands outside of endpoints after its equals."""
    return tuple(sorted(report.endpoints, key=lambda endpoint: (-endpoint.severity, not endpoint.name)))


def label(endpoint: EndpointReport) -> str:
    """Name of an endpoint, in backticks."""
    return _quoted(endpoint.name) if endpoint.name else "outside of endpoints"


def totals(report: Report) -> Comparison | None:
    """The bill of all endpoints before and after; None where nothing is to be estimated."""
    sides = [(endpoint.before, endpoint.after) for endpoint in report.endpoints]
    if not any(before or after for before, after in sides):
        return None
    return Comparison.total(Comparison.of(*pair) for pair in sides)


def verdicts(report: Report) -> tuple[Verdict, ...]:
    """Budgets, then what policies have against the plan; what is broken first."""
    found = [*_budgets(report), *_violations(report)]
    return tuple(sorted(found, key=lambda verdict: (verdict.holds, not verdict.binding)))


def notes(report: Report) -> tuple[str, ...]:
    """What the reader has to know, and what the engine and the providers warn of, once each."""
    warnings = [
        f"{_quoted(resource(said.urn))}: {one_line(said.message)}" if said.urn else one_line(said.message)
        for said in report.plan.diagnostics
        if said.severity == "warning"
    ]
    return tuple(dict.fromkeys((*map(one_line, report.notes), *(f"Warning: {said}" for said in warnings))))


def _refused(report: Report) -> str:
    if report.outcome is not Outcome.REFUSED:
        return ""
    over = [label(endpoint) for endpoint in report.endpoints if endpoint.over_budget]
    broken = len([violation for violation in report.plan.violations if violation.mandatory])
    reasons = []
    if over:
        reasons.append(f"{listed(over)} {'exceeds its budget' if len(over) == 1 else 'exceed their budgets'}")
    if broken:
        reasons.append(f"{_count(broken, 'policy', 'policies')} {'is' if broken == 1 else 'are'} broken")
    return f"Refused: {' and '.join(reasons)}."


def _callers(report: Report) -> str:
    changed = [endpoint for endpoint in ranked(report) if not endpoint.unchanged]
    endpoints = [endpoint for endpoint in changed if endpoint.name]
    if not changed:
        others = len([step for step in report.plan.steps if step.changes])
        if others:
            around = f"{_count(others, 'resource')} around them {'does' if others == 1 else 'do'}"
            return f"No endpoint changes, {around}."
        return "Only what the stack exports changes." if report.outputs_change else "Nothing changes."
    if not endpoints:
        return f"No endpoint changes, {happens_outside(changed[0])}."
    told = [f"{label(endpoint)} {happens(endpoint)}" for endpoint in endpoints[:_NAMED]]
    more = len(endpoints) - len(told)
    sentence = "; ".join([*told, *([f"and {more:,} more"] if more else [])])
    return (
        f"{_count(len(endpoints), 'endpoint')} {'changes' if len(endpoints) == 1 else 'change'}: {sentence}."
    )


def _bill(report: Report) -> str:
    together = totals(report)
    existed = any(endpoint.before for endpoint in report.endpoints)
    return bill_sentence(together, existed=existed) if together else ""


def _budgets(report: Report) -> Iterator[Verdict]:
    for endpoint in ranked(report):
        if endpoint.budget_usd is None or endpoint.after is None:
            continue
        expected, missing = usd(endpoint.after.expected.usd), len(endpoint.after.unpriced)
        if missing and not endpoint.after.priced:
            unknown = f"nothing of it is estimated: whether it keeps its budget of {usd(endpoint.budget_usd)}"
            yield Verdict(holds=False, binding=False, sentence=f"{label(endpoint)}: {unknown} is not known")
            continue
        always = len([one for one in endpoint.after.unpriced if one.idle])
        if always and not endpoint.over_budget:
            things = "thing that is" if always == 1 else "things that are"
            told = f"{expected} a month are known of its budget of {usd(endpoint.budget_usd)}"
            unknown = f"and {always:,} {things} billed without a request not estimated: whether it keeps it"
            yield Verdict(
                holds=False, binding=False, sentence=f"{label(endpoint)}: {told}, {unknown} is not known"
            )
            continue
        within = "exceeds" if endpoint.over_budget else "is within"
        sentence = f"{label(endpoint)}: {expected} a month {within} the budget of {usd(endpoint.budget_usd)}"
        if missing:
            sentence += f", and {missing:,} more {'thing is' if missing == 1 else 'things are'} not estimated"
        yield Verdict(not endpoint.over_budget, binding=True, sentence=sentence)


def _violations(report: Report) -> Iterator[Verdict]:
    for violation in dict.fromkeys(report.plan.violations):
        about = f" on {_quoted(resource(violation.urn))}" if violation.urn else ""
        sentence = f"policy {_quoted(violation.policy)}{about}: {one_line(violation.message)}"
        yield Verdict(holds=False, binding=violation.mandatory, sentence=sentence)


def _quoted(text: str) -> str:
    return f"`{name(text).replace('`', chr(39))}`"


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
