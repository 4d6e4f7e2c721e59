"""Versions, revisions and generations: what an update gives another value, and when.

`changes` in `tables/outputs.toml` says it for the types that an AI endpoint uses. All else that a provider
computed stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from modelberth.preview.standins.imitation import tables
from modelberth.preview.standins.imitation.replacements import unversioned

__all__ = ["Rule", "due", "following", "name", "rules"]

_LAST_DIGITS: Final = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which outputs get another value when one of `inputs` changes, or any but those in `but`.

    `only_with` is an input that must be true for it, `otherwise` what the outputs hold where it never was.
    `is_foreseen` tells that the provider makes the outputs unknown in a preview; others show the old value.
    """

    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    only_with: str = ""
    otherwise: str = ""
    is_foreseen: bool = True

    def is_due(self, changed: Iterable[str], inputs: Mapping[str, Any]) -> bool:
        """Tell whether changes at these paths, to these inputs, give the outputs another value."""
        if self.only_with and inputs.get(self.only_with) is not True:
            return False
        if not self.inputs:
            return any(not any(_meet(path, one) for one in self.but) for path in changed)
        return any(_meet(path, one) for path in changed for one in self.inputs)


def due(token: str, changed: Iterable[str], inputs: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a type that apply to an update."""
    paths = tuple(changed)
    return tuple(rule for rule in rules().get(unversioned(token), ()) if rule.is_due(paths, inputs))


def following(token: str, outputs: Mapping[str, Any]) -> int:
    """The number after the one that the state has: the last digits of the first output of the first rule."""
    known = rules().get(unversioned(token))
    digits = _LAST_DIGITS.search(str(outputs.get(known[0].outputs[0], ""))) if known else None
    return int(digits[1]) + 1 if digits else 1


def name(token: str, inputs: Mapping[str, Any], number: int) -> str:
    """What the cloud calls the revision of this number."""
    for rule in rules().get(unversioned(token), ()):
        if rule.otherwise and inputs.get(rule.only_with) is not True:
            return rule.otherwise
    return str(number)


@cache
def rules() -> Mapping[str, tuple[Rule, ...]]:
    """Every rule by type."""
    table = tables.read("outputs")["changes"]
    return {token: tuple(_rule(**row) for row in written) for token, written in table.items()}


def _rule(
    *, outputs: Sequence[str], inputs: Sequence[str] = (), but: Sequence[str] = (), **more: Any
) -> Rule:
    return Rule(tuple(outputs), tuple(inputs), tuple(but), **more)


def _meet(path: str, other: str) -> bool:
    """Tell whether one of two paths is the other or lies below it."""
    shorter, longer = sorted((path, other), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))
