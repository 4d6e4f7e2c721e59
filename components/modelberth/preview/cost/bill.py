"""From the resources of an endpoint to what a month costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.errors import SpecError
from modelberth.preview.plan import Op, Plan, Step
from modelberth.spec import Load
from modelberth.spec.parsing import parse

from . import aws, azure, gcp, kubernetes, sagemaker, vertex
from .estimate import Cost, Line, Scenario, Unpriced
from .prices import Price, Prices, key, plain_number
from .region import region_of
from .resource import Assumed, Charge, Gap, Pricer, Resource, Side, Undecided, inputs_of, present
from .rules import by_use, free
from .traffic import MONTH_HOURS

__all__ = ["budget_of", "cost_of", "load_of"]

_PRICERS: Final[Mapping[str, Pricer]] = {
    **aws.PRICED,
    **azure.PRICED,
    **gcp.PRICED,
    **kubernetes.PRICED,
    **sagemaker.PRICED,
    **vertex.PRICED,
}
_ALWAYS: Final = (
    f"a month has {MONTH_HOURS:g} hours",
    "list prices on demand: free tiers, discounts, commitments and taxes are left out",
)


def load_of(owner: Step | None, side: Side = "after") -> Load:
    """The load that an endpoint's spec expects; the spec's default where it does not say."""
    spec = _spec(owner, side)
    try:
        return parse(Load, spec.get("load") or {})
    except SpecError:  # a part of it is not known yet, or it is another version's
        return Load()


def budget_of(owner: Step | None) -> float | None:
    """What a month may cost by the spec, in US dollars; None where there is no budget."""
    budget = _spec(owner, "after").get("budget")
    usd = budget.get("monthly_usd") if isinstance(budget, Mapping) else None
    return float(usd) if isinstance(usd, int | float) else None


def cost_of(steps: Sequence[Step], side: Side, load: Load, prices: Prices, plan: Plan | None = None) -> Cost:
    """Price what a provider makes of one endpoint, as it is deployed or as it is planned.

    Args:
        steps: resources of the endpoint.
        side: which of a step's inputs to look at.
        load: what is expected of the endpoint.
        prices: what units cost.
        plan: everything else, for the region of a provider and for what endpoints share; None: nothing else.
    """
    around = plan or Plan(project="", stack="", steps=tuple(steps))
    bill = _Bill(prices)
    for step in steps:
        if present(step, side):
            bill.add(Resource(step, side, load, prices, steps, around))
        elif side == "after" and step.op is Op.DELETE and step.retain:
            bill.unpriced.append(Unpriced(step.urn, "it stays, outside of the stack, and is billed on"))
    said = f"{load.requests_per_month:,} requests a month of {load.request_time} each, spread evenly over it"
    return bill.cost((said, *_ALWAYS) if bill.has_lines else ())


class _Bill:
    """Collects lines, resource by resource."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._scenarios: tuple[list[Line], list[Line], list[Line]] = ([], [], [])
        self._assumptions: list[str] = []
        self.unpriced: list[Unpriced] = []

    @property
    def has_lines(self) -> bool:
        """Whether anything has a price at any load."""
        return any(self._scenarios)

    def cost(self, assumptions: Iterable[str]) -> Cost:
        """Everything that was added."""
        least, expected, most = (Scenario(tuple(lines)) for lines in self._scenarios)
        return Cost(
            least=least,
            expected=expected,
            most=most,
            unpriced=tuple(dict.fromkeys(self.unpriced)),
            assumptions=tuple(dict.fromkeys((*assumptions, *self._assumptions))),
        )

    def add(self, resource: Resource) -> None:
        """One resource: priced, free by a rule, or listed as not estimated."""
        try:
            # All at once: half of a resource's lines would pass for its cost.
            found = list(self._told(resource))
            region = region_of(resource) if any(isinstance(part, Charge) for part in found) else ""
        except Undecided as undecided:
            found, region = [Gap(str(undecided))], ""
        for part in found:
            match part:
                case Gap(why, idle):
                    self.unpriced.append(Unpriced(resource.step.urn, why, idle))
                case Assumed(said):
                    self._assumptions.append(said)
                case Charge():
                    self._charge(resource.step, part, region)

    def _told(self, resource: Resource) -> Iterator[Charge | Gap | Assumed]:
        pricer = _PRICERS.get(resource.kind)
        if pricer is not None:
            yield from pricer(resource)
        elif rule := by_use(resource.kind):
            yield Gap(
                f"billed for {rule.what}, which the program does not tell{self._unit(rule.price, resource)}",
                rule.idle,
            )
        elif free(resource.kind) is None:
            yield Gap(f"no rule for the type {resource.step.type}")

    def _unit(self, price: str, resource: Resource) -> str:
        """What a unit costs, where the price file says so for the region."""
        if not price:
            return ""
        try:
            tiers = self._prices.find(price, region_of(resource))
        except Undecided:
            return ""
        return f": {plain_number(tiers[0].usd)} USD per {tiers[0].unit}" if tiers else ""

    def _charge(self, step: Step, charge: Charge, region: str) -> None:
        if not any(charge.amounts):
            return
        tiers = self._prices.find(charge.price, region)
        if not tiers:
            known = ", ".join(self._prices.regions(charge.price))
            why = f"no price for {charge.subject} in {region}" + (f" (known: {known})" if known else "")
            self.unpriced.append(Unpriced(step.urn, why, idle=charge.amounts.least > 0))
            return
        for lines, quantity in zip(self._scenarios, charge.amounts, strict=True):
            lines.extend(_lines(step, charge, region, tiers, quantity))
        self._assumptions += [f"{charge.subject} in {region}: {tier.doubt}" for tier in tiers if tier.doubt]


def _lines(
    step: Step, charge: Charge, region: str, tiers: Sequence[Price], quantity: float
) -> Iterator[Line]:
    """One line for each tier that the quantity reaches."""
    for index, tier in enumerate(tiers):
        end = tiers[index + 1].above if index + 1 < len(tiers) else quantity
        within = min(quantity, end) - tier.above
        if within > 0:
            yield Line(
                urn=step.urn,
                what=charge.what
                if len(tiers) == 1 or not tier.above
                else f"{charge.what}, above {plain_number(tier.above)} {tier.unit}",
                quantity=within,
                unit=tier.unit,
                usd=within * tier.usd,
                price=key(charge.price, region),
            )


def _spec(owner: Step | None, side: Side) -> Mapping[str, Any]:
    """The spec that an endpoint's component registered, as plain values."""
    spec = (inputs_of(owner, side) or {}).get("spec") if owner is not None else None
    return spec if isinstance(spec, Mapping) else {}
