"""A report as the comment of a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from modelberth.preview.effects.effect import Severity
from modelberth.preview.report import EndpointReport, Outcome, Report

from .answered import Answer, answered
from .diagram import MOST_NODES, mermaid
from .failures import Fault, faults
from .markdown_cost import cost_section
from .markdown_text import code, details, escaped, fenced, prose, within
from .plain import name, shortened
from .raw_diff import raw_diff
from .summary import basis, headline, label, notes, ranked, verdicts

__all__ = ["LIMIT", "markdown", "marker"]

LIMIT: Final = 65_000
"""Bytes. GitHub takes comments of up to 65,536 characters, of which there are never more than bytes."""

# Shares of the limit that leave some of it for the raw diff, whatever the plan is.
_ERRORS: Final = 8_000
_ENDPOINTS: Final = 18_000
_VERDICTS: Final = 5_000
_PICTURE: Final = 10_000
_NOTES: Final = 3_000
_LEAST_DIFF: Final = 500

_MARKS: Final = {Severity.NONE: "✅", Severity.CHANGE: "⚠️", Severity.DANGER: "🛑"}
_OUTCOMES: Final = {
    Outcome.NOTHING: "✅",
    Outcome.CHANGES: "⚠️",
    Outcome.DANGEROUS: "🛑",
    Outcome.REFUSED: "❌",
    Outcome.FAILED: "❌",
}
_LONGEST: Final = 600
"""Characters of one sentence or message."""


def markdown(report: Report) -> str:
    """A report of at most `LIMIT` bytes; what does not fit is left out, with a word that it is."""
    plan = report.plan
    sections = [
        marker(plan.project, plan.stack),
        f"### {_OUTCOMES[report.outcome]} Modelberth preview of {code(f'{plan.project}/{plan.stack}')}",
        *(f"**{prose(sentence)}**" for sentence in headline(report)),
        escaped(basis(report)),
        *_errors(report),
    ]
    after = list(_notes(report))
    # Of a plan that broke off nobody knows what is missing.
    if report.outcome is not Outcome.FAILED:
        sections += [*_endpoints(report), *cost_section(report), *_verdicts(report), *_picture(report)]
        taken = sum(len(section.encode()) + 2 for section in [*sections, *after])
        sections += _raw_diff(report, LIMIT - taken)
    return "\n\n".join([*sections, *after]) + "\n"


def marker(project: str, stack: str) -> str:
    """The hidden first line by which a stack's comment is found again."""
    return f"<!-- modelberth-preview: {_safe(project)}/{_safe(stack)} -->"


def _safe(name: str) -> str:
    """The engine allows no other characters in these names; should it ever, none of them ends the line."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _errors(report: Report) -> Iterator[str]:
    found = faults(report.errors, explained=report.outcome is Outcome.REFUSED)
    if found:
        yield "#### Errors"
        yield within(map(_fault, found), _ERRORS, lambda more: f"{more:,} more errors.", between="\n\n")


def _fault(fault: Fault) -> str:
    place = ", ".join(
        [code(fault.resource)] * bool(fault.resource)
        + [f"property {code(fault.property)}"] * bool(fault.property)
        + [f"at {code(fault.where)}"] * bool(fault.where)
    )
    message = shortened(fault.message, _LONGEST)
    lead = f"❌ {place}:" if place else "❌"
    told = f"{lead}\n\n{fenced(message)}" if "\n" in message else f"{lead} {escaped(message)}"
    if not fault.detail:
        return told
    return f"{told}\n\n{details('The whole message', fenced(fault.detail[-3 * _LONGEST :]))}"


def _endpoints(report: Report) -> Iterator[str]:
    changed = [endpoint for endpoint in ranked(report) if not endpoint.unchanged]
    still = [label(endpoint) for endpoint in ranked(report) if endpoint.unchanged]
    if changed or still:
        yield "#### Endpoints"
    if changed:
        yield within(
            map(_endpoint, changed),
            _ENDPOINTS,
            lambda more: f"{more:,} more endpoints change, none of them graver than those above.",
            between="\n\n",
        )
    if still:
        names = within(map(prose, still), _NOTES, lambda more: f"{more:,} more", between=", ")
        yield f"{_MARKS[Severity.NONE]} unchanged: {names}"


def _endpoint(endpoint: EndpointReport) -> str:
    place = f" on {code(name(endpoint.target))}" if endpoint.target else ""
    effects = sorted(endpoint.effects, key=lambda effect: -effect.severity)
    sentences = [
        f"- {_MARKS[effect.severity]} {prose(shortened(effect.sentence, _LONGEST))}" for effect in effects
    ]
    return "\n".join(
        [
            f"**{prose(label(endpoint))}**{place}",
            "",
            within(sentences, _ENDPOINTS // 4, lambda more: f"- {more:,} more effects."),
            *map(_answer, answered(endpoint)),
        ]
    )


def _answer(answer: Answer) -> str:
    sentences = [f"  - {prose(shortened(sentence, _LONGEST))}" for sentence in answer.sentences]
    told = within(sentences, _ENDPOINTS // 8, lambda more: f"  - {more:,} more.")
    return f"- **{answer.question}**\n{told}"


def _verdicts(report: Report) -> Iterator[str]:
    found = verdicts(report)
    if found:
        yield "#### Budgets and policies"
        yield within(
            (
                f"- {'✅' if verdict.holds else '❌' if verdict.binding else '⚠️'} "
                f"{prose(shortened(verdict.sentence, _LONGEST))}"
                for verdict in found
            ),
            _VERDICTS,
            lambda more: f"- {more:,} more.",
        )


def _picture(report: Report) -> Iterator[str]:
    if not any(step.changes for step in report.plan.steps):
        return
    yield "#### Picture"
    # Names in other scripts take many bytes each: fewer nodes then.
    for most in (MOST_NODES, MOST_NODES // 2, MOST_NODES // 6):
        drawn = mermaid(report.plan, most)
        if len(drawn.encode()) <= _PICTURE:
            yield fenced(drawn.rstrip("\n"), "mermaid")
            return
    yield "The names in the stack are too long for a picture."


def _raw_diff(report: Report, room: int) -> Iterator[str]:
    lines = raw_diff(report.plan)
    if not lines:
        return
    resources = sum(line.heading for line in lines)
    summary = f"Raw diff: {resources:,} resource{'s' * (resources != 1)}"
    word = "Cut to fit into a comment: the command with `--diff` shows all of it."
    if room < _LEAST_DIFF:
        yield f"{summary}. {word}"
        return
    kept = within(map(str, lines), room - _LEAST_DIFF, lambda more: f"… {more:,} more lines")
    cut = kept.endswith(" more lines")
    yield details(summary, fenced(kept, "diff") + f"\n\n{word}" * cut)


def _notes(report: Report) -> Iterator[str]:
    found = notes(report)
    if found:
        yield "#### Notes"
        yield within(
            (f"- {prose(shortened(note, _LONGEST))}" for note in found),
            _NOTES,
            lambda more: f"- {more:,} more.",
        )
