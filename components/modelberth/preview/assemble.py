"""From a plan to a report: for each endpoint what happens to its callers and to the bill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from .cost import Prices, Side, budget_of, cost_of, load_of
from .cost.estimate import Cost
from .cost.prices import key
from .effects import explain
from .plan import Op, Plan, Step
from .report import EndpointReport, Report
from .review import answers

__all__ = ["assemble"]


def assemble(
    plan: Plan,
    prices: Prices,
    *,
    offline: bool,
    today: date,
    before: str,
    after: str = "the program",
    notes: Sequence[str] = (),
) -> Report:
    """Explain and price every endpoint of a plan, and what stands outside of all endpoints."""
    endpoints = [
        _endpoint(plan, owner, steps, prices, offline=offline)
        for owner, steps in plan.groups().items()
        if owner is not None or steps
    ]
    return Report(
        plan=plan,
        endpoints=tuple(endpoints),
        before=before,
        after=after,
        offline=offline,
        notes=(*notes, *prices.notes(today, _used(endpoints))),
    )


def _used(endpoints: Sequence[EndpointReport]) -> set[str]:
    """The prices that something was billed with: the age of the others is nobody's concern."""
    costs = [cost for endpoint in endpoints for cost in (endpoint.before, endpoint.after) if cost is not None]
    return {line.price for cost in costs for line in cost.most.lines}


def _endpoint(
    plan: Plan, owner: Step | None, steps: tuple[Step, ...], prices: Prices, *, offline: bool
) -> EndpointReport:
    existed = any(step.op is not Op.CREATE for step in steps)
    stays = any(step.op is not Op.DELETE for step in steps)
    after = _cost(plan, owner, steps, prices, "after") if stays else None
    return EndpointReport(
        name=owner.name if owner else "",
        urn=owner.urn if owner else "",
        target=_target(owner),
        effects=explain(plan, owner, steps, offline=offline),
        before=_cost(plan, owner, steps, prices, "before") if existed else None,
        after=after,
        budget_usd=budget_of(owner) if owner else None,
        answers=answers(owner, steps) if stays else None,
        priced_on=_days(after, prices),
    )


def _days(cost: Cost | None, prices: Prices) -> tuple[date, date] | None:
    used = {line.price for line in cost.least.lines} if cost is not None else set()
    days = sorted(row.date for row in prices.rows for region in row.regions if key(row.id, region) in used)
    return (days[0], days[-1]) if days else None


def _cost(plan: Plan, owner: Step | None, steps: Sequence[Step], prices: Prices, side: Side) -> Cost:
    return cost_of(steps, side, load_of(owner, side), prices, plan)


def _target(owner: Step | None) -> str | None:
    """The kind of target that an endpoint of ours registers."""
    match owner.inputs if owner else {}:
        case {"target": {"kind": str(kind)}}:
            return kind
    return None
