"""`modelberth doctor`: what is missing on this machine for a stack, and what mends it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typer
from rich.text import Text

from modelberth.cli.checks import CHECKS, Checkup, Finding, State
from modelberth.cli.failure import Exit
from modelberth.cli.options import AsJson, StackName, out
from modelberth.cli.stack import Stack

__all__ = ["doctor", "findings"]

_SIGNS: Final = {
    State.OK: ("✓", "green"),
    State.MISSING: ("✗", "red"),
    State.OPTIONAL: ("\N{EN DASH}", "dim"),
}


def doctor(stack: StackName = "dev", *, as_json: AsJson = False) -> None:
    """Look for what is missing on this machine for the stack; changes nothing and asks no network.

    Exit status: 0 nothing is missing that the stack needs, 3 something is.
    """
    found = findings(Checkup.of(Stack.find(stack, Path.cwd(), file=False)))
    missing = [finding for finding in found if finding.state is State.MISSING]
    if as_json:
        told = {"stack": stack, "ok": not missing, "findings": [asdict(finding) for finding in found]}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(found)
        out.print(
            f"\nStack {stack}: {len(missing)} of {len(found)} checks failed, each with what mends it."
            if missing
            else f"\nStack {stack}: nothing is missing that it needs.",
            markup=False,
        )
    if missing:
        raise typer.Exit(Exit.TOOL)


def findings(checkup: Checkup) -> list[Finding]:
    """Everything that the checks find, in their order."""
    return [finding for check in CHECKS for finding in check(checkup)]


def _show(found: Sequence[Finding]) -> None:
    width = max(len(finding.name) for finding in found)
    for finding in found:
        sign, style = _SIGNS[finding.state]
        first, *more = finding.detail.splitlines() or [""]
        out.print(Text.assemble((sign, style), f" {finding.name:<{width}}  {first}"))
        for line in more:
            out.print(Text(f"  {'':<{width}}  {line}"))
        if finding.fix:
            out.print(Text.assemble(f"  {'':<{width}}  ", (f"fix: {finding.fix}", "bold")))
