"""Steps of a plan, made by hand, and what they cost."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from modelberth.preview.cost import Cost, Prices, Side, cost_of
from modelberth.preview.plan import Op, Plan, Step
from modelberth.spec import Load
from modelberth.spec.parsing import parse

TODAY = date(2026, 11, 21)
PRICES = Prices.load(today=TODAY)


def step(kind: str, inputs: Mapping[str, Any] | None = None, name: str = "it", **more: Any) -> Step:
    """A resource that is created; `before=` and `op=` make another of it."""
    values = {"op": Op.CREATE, "after": inputs or {}, **more}
    return Step(urn=f"urn:pulumi:dev::shop::{kind}::{name}", **values)


def provider(package: str, **config: Any) -> Step:
    return step(f"pulumi:providers:{package}", config, "default")


def load(requests: int = 1_000_000, time: str = "100ms") -> Load:
    return parse(Load, {"requests_per_month": requests, "request_time": time})


def cost(
    *steps: Step, side: Side = "after", expected: Load | None = None, around: Sequence[Step] = ()
) -> Cost:
    plan = Plan(project="shop", stack="dev", steps=(*around, *steps))
    return cost_of(steps, side, expected or load(), PRICES, plan)


def usd(found: Cost) -> tuple[float, float, float]:
    """The three sums, in cents of cents."""
    return (round(found.least.usd, 4), round(found.expected.usd, 4), round(found.most.usd, 4))


def why(found: Cost) -> list[str]:
    return [part.why for part in found.unpriced]
