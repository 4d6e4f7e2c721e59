"""The questions of a reviewer: who may call the endpoint, what may it read, what else may it do.

An effect tells what changes; these tell what there will be, whether it changes or not. What it costs
without a request is the bill's first column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelberth.preview.plan import Step

from .callers import callers
from .fragility import takes_down
from .rights import other, reading

__all__ = ["Answers", "answers"]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Each a list of sentences without an end; empty where nothing in the plan says it."""

    callers: tuple[str, ...] = ()
    """Who may call it, and by which way."""
    reads: tuple[str, ...] = ()
    """What its replicas may read, and by which permission."""
    does: tuple[str, ...] = ()
    """What else they may do."""
    takes_down: tuple[str, ...] = ()
    """What alone takes the endpoint down."""


def answers(owner: Step | None, steps: Sequence[Step]) -> Answers | None:
    """Answer for one endpoint as planned; None for what is none, goes, or has nothing that says it.

    Args:
        owner: the endpoint's component
        steps: what providers make for it

    """
    if owner is None:
        return None
    planned = [step for step in steps if step.after is not None]
    found = Answers(
        callers=tuple(dict.fromkeys(callers(owner, planned))),
        reads=tuple(dict.fromkeys(reading(owner, planned))),
        does=tuple(dict.fromkeys(other(planned))),
        takes_down=tuple(dict.fromkeys(takes_down(planned))),
    )
    return found if found != Answers() else None
