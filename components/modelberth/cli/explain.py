"""`modelberth explain`: why a resource is there, what made it so, what it costs, how to turn it off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated

import typer

from modelberth.cli.engine import Engine
from modelberth.cli.explanation import Explanation, form, show
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.omitted import experiment
from modelberth.cli.options import AsJson, StackName, err
from modelberth.cli.planning import planned
from modelberth.cli.price_file import prices_for, today
from modelberth.cli.stack import Stack, open_stack
from modelberth.preview.assemble import assemble
from modelberth.preview.cost import Cost, Scenario
from modelberth.preview.plan import Plan, Step
from modelberth.preview.reasons import reason
from modelberth.preview.render.plain import plain
from modelberth.preview.report import Report

__all__ = ["chosen", "explain"]


def explain(
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Its name, URN or type.")],
    stack: StackName = "dev",
    *,
    as_json: AsJson = False,
) -> None:
    """Tell why a resource is there, which field caused it, what it costs and how to turn it off.

    Runs the program on stand-in providers, once as it is and once without each setting that may matter.
    """
    engine, found = open_stack(stack, passphrase=False)
    prices = prices_for(found.folder)
    with err.status("Planning…"):
        plan = planned(engine, found, offline=True)
    report = assemble(plan, prices, offline=True, today=today(), before="nothing")
    if report.errors:
        raise Failure(Exit.FAILED, f"the program fails: {report.errors[0].message.strip()}")
    explanation = _explained(engine, found, report, chosen(plan, resource))
    if as_json:
        print(json.dumps({"stack": stack, **form(explanation, found)}, indent=2))
    else:
        show(explanation, found)


def chosen(plan: Plan, wanted: str) -> Step:
    """The one resource of that name, URN or type.

    Raises:
        Failure: there is none, or there are several.
    """
    for key in ("urn", "name", "type"):
        found = [step for step in plan.steps if getattr(step, key) == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            names = "\n".join(f"  {plain(step.urn)}" for step in found)
            raise Failure(
                Exit.USAGE, f"RESOURCE: given {wanted!r}, which {len(found)} have; one URN of\n{names}"
            )
    known = sorted({text for step in plan.steps for text in (step.name, step.type)})
    near = get_close_matches(wanted, known, n=5, cutoff=0.6)
    names = ", ".join(map(plain, near or known[:20]))
    raise Failure(
        Exit.USAGE,
        f"RESOURCE: given {wanted!r}, which no resource of the stack has as its name, URN or type; "
        f"{'near is' if near else 'there are'}: {names}",
    )


def _explained(engine: Engine, stack: Stack, report: Report, step: Step) -> Explanation:
    plan = report.plan
    owner = plan.owner(step)
    with err.status("Leaving settings out…") as status:
        tried = experiment(
            engine,
            stack,
            plan,
            step,
            seen=lambda done, all_: status.update(f"Leaving settings out… {done} of {all_}"),
        )
    return Explanation(
        step=step,
        place=tuple(_around(plan, step))[::-1],
        owner=owner,
        purpose=reason(step.type),
        cost=_cost(report, {part.urn for part in plan.steps if step in {part, *_around(plan, part)}}),
        experiment=tried,
    )


def _around(plan: Plan, step: Step) -> Iterator[Step]:
    """What the resource is in, innermost first, the stack last."""
    above = plan.by_urn.get(step.parent)
    while above is not None:
        yield above
        above = plan.by_urn.get(above.parent)


def _cost(report: Report, urns: set[str]) -> Cost:
    """The part of the bill that some resources are."""
    total = Cost.total(endpoint.after for endpoint in report.endpoints if endpoint.after is not None)
    least, expected, most = (
        Scenario(tuple(line for line in scenario.lines if line.urn in urns))
        for scenario in (total.least, total.expected, total.most)
    )
    unpriced = tuple(found for found in total.unpriced if found.urn in urns)
    return Cost(least=least, expected=expected, most=most, unpriced=unpriced)
