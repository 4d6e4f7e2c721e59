"""A report in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console

from modelberth.preview.effects.effect import Severity
from modelberth.preview.plan import Op
from modelberth.preview.report import EndpointReport, Outcome, Report

from .answered import answered
from .bill import LOADS, NOTHING_IDLE, assumptions, idle, idles, rows, unpriced
from .diagram import CLASSES, MOST_NODES, Node, tree
from .failures import Fault, faults
from .money import usd
from .page import Page
from .plain import resource
from .raw_diff import raw_diff
from .summary import basis, headline, label, notes, ranked, verdicts

__all__ = ["terminal"]

_FEW: Final = 12
"""Items of a list that are shown without being asked for."""
_SMALL: Final = 24
"""Lines of a raw diff that are."""

_MARKS: Final = {
    Severity.NONE: ("✓ same    ", "green"),
    Severity.CHANGE: ("● change  ", "yellow"),
    Severity.DANGER: ("▲ danger  ", "bold red"),
}
_OUTCOMES: Final = {
    Outcome.NOTHING: "bold green",
    Outcome.CHANGES: "bold yellow",
    Outcome.DANGEROUS: "bold red",
    Outcome.REFUSED: "bold red",
    Outcome.FAILED: "bold red",
}
_OPS: Final = {
    Op.CREATE: ("+", "green"),
    Op.UPDATE: ("~", "yellow"),
    Op.REPLACE: ("±", "red"),
    Op.DELETE: ("-", "red"),
}
_SIGNS: Final = {"+": "green", "-": "red", "~": "yellow"}


def terminal(report: Report, console: Console, *, verbose: bool = False) -> None:
    """Print a report. `verbose` adds a long raw diff, whole messages and what lists leave out."""
    page = Page(console)
    page.line(f"Modelberth preview of {report.plan.project}/{report.plan.stack}", style="bold")
    page.paragraph(basis(report), style="dim")
    page.gap()
    for sentence in headline(report):
        page.paragraph(sentence, style=_OUTCOMES[report.outcome])
    _errors(report, page, verbose=verbose)
    # Of a plan that broke off nobody knows what is missing.
    if report.outcome is not Outcome.FAILED:
        _endpoints(report, page, verbose=verbose)
        _cost(report, page, verbose=verbose)
        _verdicts(report, page)
        _picture(report, page)
        _raw_diff(report, page, verbose=verbose)
    _notes(report, page)


def _errors(report: Report, page: Page, *, verbose: bool) -> None:
    found = faults(report.errors, explained=report.outcome is Outcome.REFUSED)
    if found:
        page.heading("Errors")
    for fault in found:
        _fault(fault, page, verbose=verbose)


def _fault(fault: Fault, page: Page, *, verbose: bool) -> None:
    place = ", ".join(
        [fault.resource] * bool(fault.resource)
        + [f"property {fault.property}"] * bool(fault.property)
        + [f"at {fault.where}"] * bool(fault.where)
    )
    for number, line in enumerate([place] * bool(place) + fault.message.splitlines()):
        if number == 0:
            page.paragraph(line, indent=2, mark="✗ error  ", mark_style="bold red", wrap=False)
        else:
            page.line(line, indent=11)
    for line in fault.detail.splitlines() if verbose else ():
        page.line(line, style="dim", indent=11)


def _endpoints(report: Report, page: Page, *, verbose: bool) -> None:
    if not report.endpoints:
        return
    page.heading("Endpoints")
    for endpoint in ranked(report):
        if not endpoint.unchanged:
            _endpoint(endpoint, page)
    still = [label(endpoint) for endpoint in ranked(report) if endpoint.unchanged]
    if still:
        mark, style = _MARKS[Severity.NONE]
        page.paragraph(", ".join(_few(still, verbose=verbose)), indent=2, mark=mark, mark_style=style)


def _endpoint(endpoint: EndpointReport, page: Page) -> None:
    place = f" on {endpoint.target}" if endpoint.target else ""
    page.paragraph(f"{label(endpoint)}{place}", "bold", indent=2)
    for effect in sorted(endpoint.effects, key=lambda effect: -effect.severity):
        mark, style = _MARKS[effect.severity]
        page.paragraph(effect.sentence, indent=4, mark=mark, mark_style=style)
    for answer in answered(endpoint):
        page.line(answer.question, indent=4)
        for sentence in answer.sentences:
            page.paragraph(sentence, indent=6, mark="- ")


def _cost(report: Report, page: Page, *, verbose: bool) -> None:
    table = rows(report)
    if not table:
        return
    page.heading("Cost of a month")
    shown = list(table) if verbose or len(table) <= _FEW else [*table[: _FEW - 1], table[-1]]
    page.columns(("", *LOADS), [(row.label, *row.cells) for row in shown])
    if len(shown) < len(table):
        page.line(f"{len(table) - len(shown):,} rows are left out above the last one", "dim", indent=2)
    if idles(report):
        page.paragraph(NOTHING_IDLE, indent=2)
    lists = {
        "Billed without a single request": [
            f"{usd(line.usd)} {name}: {line.what}" for name, line in idle(report)
        ],
        "Not estimated": [f"{resource(one.urn)}: {one.why}" for one in unpriced(report)],
        "Assumed": list(assumptions(report)),
    }
    for title, items in lists.items():
        if items:
            page.line(f"{title}:", indent=2)
        for item in _few(items, verbose=verbose):
            page.paragraph(item, indent=4, mark="- ")


def _verdicts(report: Report, page: Page) -> None:
    found = verdicts(report)
    if found:
        page.heading("Budgets and policies")
    for verdict in found:
        if verdict.holds:
            mark, style = "✓ kept    ", "green"
        else:
            mark, style = ("✗ broken  ", "bold red") if verdict.binding else ("● advice  ", "yellow")
        page.paragraph(verdict.sentence, indent=2, mark=mark, mark_style=style)


def _picture(report: Report, page: Page) -> None:
    if not any(step.changes for step in report.plan.steps):
        return
    page.heading("Picture")
    for lead, text, style in _branches(tree(report.plan, MOST_NODES), "", ""):
        page.line(text, style, indent=2, mark=lead)


def _branches(node: Node, lead: str, below: str) -> Iterator[tuple[str, str, str]]:
    """Lines of a tree as (lines to it, text, style)."""
    sign, style = _OPS.get(node.op, ("", ""))
    kind = f" ({node.type})" if node.type else ""
    happens = node.inside or CLASSES.get(node.op, "")
    said = f"{node.label}{kind}{', ' * bool(happens)}{happens}"
    yield lead, f"{sign}{' ' * bool(sign)}{said}", style
    for child in node.children:
        last = child is node.children[-1]
        yield from _branches(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))


def _raw_diff(report: Report, page: Page, *, verbose: bool) -> None:
    lines = raw_diff(report.plan)
    if not lines:
        return
    page.heading("Raw diff")
    if not verbose and len(lines) > _SMALL:
        resources = sum(line.heading for line in lines)
        page.line(
            f"{resources:,} resource{'s' * (resources != 1)}, {len(lines):,} lines: shown with --diff",
            "dim",
            indent=2,
        )
        return
    for line in lines:
        style = f"{_SIGNS[line.sign]}{' bold' * line.heading}"
        text = line.text.lstrip()
        margin = " " * (len(line.text) - len(text) + 1)
        page.paragraph(text, style, indent=2, mark=f"{line.sign}{margin}", mark_style=style, names=False)


def _notes(report: Report, page: Page) -> None:
    found = notes(report)
    if found:
        page.heading("Notes")
    for note in found:
        page.paragraph(note, indent=2, mark="- ")


def _few(items: list[str], *, verbose: bool) -> list[str]:
    if verbose or len(items) <= _FEW:
        return items
    return [*items[:_FEW], f"and {len(items) - _FEW:,} more"]
