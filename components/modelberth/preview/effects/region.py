"""An endpoint, or a part of it, that moves to another region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Effect, Kind, Severity
from .rule import at
from .wording import listed, name, value

__all__ = ["moved"]

_PLACES: Final = {
    "aws": ("region",),
    "aws-native": ("region",),
    "gcp": ("location", "region"),
    "azure-native": ("location",),
}
"""Inputs that say where a resource is, by package."""

_CONFIGURED: Final = {"aws": "region", "aws-native": "region", "gcp": "region", "azure-native": "location"}
"""Which of them the stack's config gives to what does not state it."""


def moved(plan: Plan, owner: Step | None, steps: Sequence[Step]) -> Iterator[Effect]:
    """One effect for each pair of regions, however many resources move."""
    moves: dict[tuple[str, str], list[tuple[Step, str]]] = {}
    for step in steps:
        for place, pair in (*_moves_of(step), *_by_config(step, plan)):
            moves.setdefault(pair, []).append((step, place))
    for provider in _providers(plan, steps):
        for place, pair in _moves_of(provider):
            moves.setdefault(pair, []).append((provider, place))
    for (old, new), where in moves.items():
        first, _ = where[0]
        who = name(owner) if owner else listed(list(dict.fromkeys(name(step) for step, _ in where)))
        verb = "moves" if owner or len({step.urn for step, _ in where}) == 1 else "move"
        yield Effect(
            kind=Kind.REGION_CHANGED,
            severity=Severity.DANGER,
            sentence=f"{who} {verb} from {value(old)} to {value(new)}: requests and stored data go to "
            "another region.",
            urn=owner.urn if owner else first.urn,
            paths=tuple(dict.fromkeys(place for _, place in where)),
        )


def _moves_of(step: Step) -> Iterator[tuple[str, tuple[str, str]]]:
    package = step.type.rpartition(":")[2] if step.type.startswith("pulumi:providers:") else step.package
    if step.before is None or step.after is None:
        return
    for place in _PLACES.get(package, ()):
        old, new = at(step.before, place), at(step.after, place)
        if isinstance(old, str) and isinstance(new, str) and _plain(old) != _plain(new):
            yield place, (old, new)


def _by_config(step: Step, plan: Plan) -> Iterator[tuple[str, tuple[str, str]]]:
    """A resource that is replaced, without a region of its own, where the stack's config names another."""
    place = _CONFIGURED.get(step.package)
    if place is None or step.op is not Op.REPLACE or "::default" not in step.provider:
        return
    if at(step.before, place) is not None or at(step.after, place) is not None:
        return
    old, new = step.outputs_before.get(place), plan.config.get(f"{step.package}:{place}")
    if isinstance(old, str) and new and _plain(old) != _plain(new):
        yield place, (old, new)


def _providers(plan: Plan, steps: Sequence[Step]) -> Iterator[Step]:
    """The providers of the steps; where a step does not name its own, the only one of its package."""
    used: dict[str, Step] = {}
    for step in steps:
        candidates = plan.by_type.get(f"pulumi:providers:{step.package}", ())
        for provider in candidates:
            if provider.urn == step.provider or (not step.provider and len(candidates) == 1):
                used[provider.urn] = provider
    yield from used.values()


def _plain(region: str) -> str:
    """Azure writes `West Europe` and `westeurope` for the same."""
    return region.replace(" ", "").lower()
