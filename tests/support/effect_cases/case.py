"""One change of one resource, and what it must, or must not, be called."""

from dataclasses import dataclass, field
from typing import Any

from modelberth.preview.effects import Effect, Kind, Severity, explain
from modelberth.preview.plan import Plan, Step
from support.plans import plan, step

CHANGE, DANGER = Severity.CHANGE, Severity.DANGER


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    step: Step
    others: tuple[Step, ...] = ()
    kind: Kind
    severity: Severity | None = None
    """None: the effect must not be there."""
    says: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    """Fields of the effect."""

    @property
    def plan(self) -> Plan:
        return plan(self.step, *self.others)

    def effects(self) -> tuple[Effect, ...]:
        return explain(self.plan, None, [self.step])

    def check(self) -> None:
        effects = self.effects()
        found = [effect for effect in effects if effect.kind is self.kind]
        told = "\n".join(f"{effect.kind}: {effect.sentence}" for effect in effects)
        if self.severity is None:
            assert not found, told
            return
        assert len(found) == 1, told
        (effect,) = found
        assert effect.severity is self.severity, told
        for words in self.says:
            assert words in effect.sentence, told
        for fact, wanted in self.facts.items():
            assert getattr(effect, fact) == wanted, (fact, getattr(effect, fact), told)
        assert effect.urn == self.step.urn
        assert effect.sentence.endswith(".")
        assert ".." not in effect.sentence.replace("…", "")


def tells(
    name: str,
    token: str,
    before: Any,
    after: Any,
    kind: Kind,
    severity: Severity,
    *says: str,
    others: tuple[Step, ...] = (),
    facts: dict[str, Any] | None = None,
    **options: Any,
) -> Case:
    return Case(
        name=name,
        step=step(token, before, after, **options),
        others=others,
        kind=kind,
        severity=severity,
        says=says,
        facts=facts or {},
    )


def silent(
    name: str,
    token: str,
    before: Any,
    after: Any,
    kind: Kind,
    *,
    others: tuple[Step, ...] = (),
    **options: Any,
) -> Case:
    """The opposite: a change that must not be called so."""
    return Case(name=name, step=step(token, before, after, **options), others=others, kind=kind)
