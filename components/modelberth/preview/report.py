"""What `modelberth preview` and `modelberth diff` found, whichever way it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from .cost.estimate import Cost
from .effects.effect import Effect, Kind, Severity
from .plan import Diagnostic, Plan
from .review import Answers

__all__ = ["VERSION", "EndpointReport", "Outcome", "Report"]

VERSION: Final = 1
"""Version of the JSON form. A field may be added within a version; nothing is renamed or removed."""


class Outcome(StrEnum):
    """What a machine needs to know; each has an exit status of its own."""

    NOTHING = "nothing"
    CHANGES = "changes"
    DANGEROUS = "dangerous"
    REFUSED = "refused"
    """A policy or a budget is broken."""
    FAILED = "failed"
    """The program, or a provider's check of it, failed."""


@dataclass(frozen=True, kw_only=True)
class EndpointReport:
    """One endpoint, or what stands outside of all endpoints (`name` is empty then)."""

    name: str
    urn: str = ""
    target: str | None = None
    """Kind of the target, where the program says so."""
    effects: tuple[Effect, ...] = ()
    before: Cost | None = None
    """Monthly cost as deployed; None where there is nothing."""
    after: Cost | None = None
    budget_usd: float | None = None
    """What a month may cost at the expected load."""
    answers: Answers | None = None
    """What a reviewer asks of it, as it will be; None where nothing in the plan says."""
    priced_on: tuple[date, date] | None = None
    """The first and the last day on which the prices of a month without a request were read."""

    @property
    def over_budget(self) -> bool:
        """Whether the expected cost exceeds the budget."""
        return (
            self.budget_usd is not None
            and self.after is not None
            and self.after.expected.usd > self.budget_usd
        )

    @property
    def severity(self) -> Severity:
        """The gravest of its effects."""
        return max((effect.severity for effect in self.effects), default=Severity.NONE)

    @property
    def unchanged(self) -> bool:
        """Whether nothing happens to it."""
        return all(effect.kind is Kind.UNCHANGED for effect in self.effects)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole answer. Money in US dollars a month."""

    plan: Plan
    endpoints: tuple[EndpointReport, ...]
    before: str = "the state"
    """What is compared with: the stack's state, nothing, or a revision."""
    after: str = "the program"
    offline: bool
    """Whether stand-ins took the providers' place."""
    notes: tuple[str, ...] = ()
    """What the reader has to know: assumptions, the age of prices, what was not looked at."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Why the program failed, where it did."""
        return tuple(d for d in self.plan.diagnostics if d.severity == "error")

    @property
    def outcome(self) -> Outcome:
        """The one word for machines."""
        broken = [violation for violation in self.plan.violations if violation.mandatory]
        if self.errors and not broken:
            return Outcome.FAILED
        if broken or any(endpoint.over_budget for endpoint in self.endpoints):
            return Outcome.REFUSED
        if any(endpoint.severity is Severity.DANGER for endpoint in self.endpoints):
            return Outcome.DANGEROUS
        if any(step.changes for step in self.plan.steps) or self.outputs_change:
            return Outcome.CHANGES
        if not all(endpoint.unchanged for endpoint in self.endpoints):
            return Outcome.CHANGES  # such as a protection, which the engine calls no change
        return Outcome.NOTHING

    @property
    def outputs_change(self) -> bool:
        """Whether what the stack exports changes, which no resource's step shows."""
        stack = self.plan.stack_step
        return stack is not None and stack.outputs_before != stack.outputs_after
