"""What AWS itself asks of inputs that an SDK takes as any text or number: values, lengths, bounds, forms.

The rules are data, `tables/aws_inputs.json`, which `tools/input_rules.py` writes from CloudFormation's
resource schemas, for the types that endpoints are made of. Names have rules of their own (`names`), and which
inputs must be given is what the SDK says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from modelberth.preview.standins.paths import join
from modelberth.preview.standins.sdk.inputs import InputFailure
from modelberth.preview.standins.sdk.refusals import refusal
from modelberth.preview.standins.sdk.shapes import Choice, Scalar
from modelberth.provider.resource import UNKNOWN

__all__ = ["Rule", "check", "rules"]

_SEPARATORS: Final = re.compile(r"[.\[\]\"]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a service takes as an input; lengths in characters, None for no bound."""

    enum: tuple[str, ...] = ()
    pattern: str = ""
    minLength: int = 0  # noqa: N815 - JSON Schema's own names
    maxLength: int | None = None  # noqa: N815
    minimum: float | None = None
    maximum: float | None = None

    def allowed(self, value: object) -> str:
        """What would be taken instead; empty where the value is. A wrong type is the SDK's matter."""
        number = _number(value)
        if number is not None and (self.minimum is not None or self.maximum is not None):
            is_in = (self.minimum is None or number >= self.minimum) and (
                self.maximum is None or number <= self.maximum
            )
            return "" if is_in else _bounds(self.minimum, self.maximum)
        if not isinstance(value, str) or not value:  # an empty text is as good as none to the provider
            return ""
        if self.enum:
            return "" if value in self.enum else ", ".join(f"'{one}'" for one in self.enum)
        if not self.minLength <= len(value) <= (self.maxLength or len(value)):
            return f"{_bounds(self.minLength, self.maxLength)} characters"
        return "" if re.search(self.pattern, value) else f"a text that {self.pattern} matches"


def check(token: str, inputs: Mapping[str, Any]) -> tuple[InputFailure, ...]:
    """What AWS would refuse of the inputs; nothing for a type without rules."""
    return tuple(
        InputFailure(path, _reason(token, path, rule, value, allowed))
        for pattern, rule in rules().get(token, {}).items()
        for path, value in _values(inputs, pattern)
        if value is not None and value != UNKNOWN and (allowed := rule.allowed(value))
    )


@cache
def rules() -> Mapping[str, Mapping[str, Rule]]:
    """Every rule by type and path of the input; `[]` in it is any index."""
    file = resources.files("modelberth.preview.standins.imitation.tables") / "aws_inputs.json"
    return {
        token: {path: _read(**row) for path, row in rows.items()}
        for token, rows in json.loads(file.read_text(encoding="utf-8"))["types"].items()
    }


def _read(*, enum: tuple[str, ...] = (), **more: Any) -> Rule:
    return Rule(enum=tuple(enum), **more)


def _reason(token: str, path: str, rule: Rule, value: Any, allowed: str) -> str:
    """As of every other refusal, with a value shown only where it cannot be a secret."""
    shape = Choice("", rule.enum) if rule.enum else Scalar.STRING
    told = refusal([token.rpartition(":")[2], *_SEPARATORS.split(path)], shape, value)
    return told if rule.enum else f"{told.partition(', allowed: ')[0]}, allowed: {allowed}"


def _values(inputs: Any, pattern: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values at the paths that a pattern means."""
    step, _, rest = pattern.partition(".")
    key, is_list = step.removesuffix("[]"), step.endswith("[]")
    if not isinstance(inputs, Mapping) or key not in inputs:
        return
    found, here = inputs[key], join(path, key)
    several = found if isinstance(found, list | tuple) else []
    for where, value in (
        [(join(here, index), one) for index, one in enumerate(several)] if is_list else [(here, found)]
    ):
        if rest:
            yield from _values(value, rest, where)
        else:
            yield where, value


def _number(value: object) -> float | None:
    """The value as a number, which the provider also makes of a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _bounds(least: float | None, most: float | None) -> str:
    match least, most:
        case None, _:
            return f"at most {most:g}"
        case _, None:
            return f"{least:g} or more"
    return f"{least:g} to {most:g}" if least else f"at most {most:g}"
