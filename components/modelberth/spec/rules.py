"""What every part of a spec shares: strictness, bounds, and text rules that say what is allowed in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Strict
from pydantic_core import core_schema

from modelberth.errors import HIDDEN, Problem, SpecError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import CoreSchema

    from .quantities import Quantity

__all__ = ["Between", "Count", "Flag", "Matching", "Number", "Part", "between", "each_once"]

# Strict: YAML's `"3"` and `yes` are texts, and a text that is quietly read as a number hides a mistake.
Count = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]


class Part(BaseModel):
    """A frozen value that knows every key it may have; errors do not echo the input, it may hold a secret."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        defer_build=True,
    )


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a quantity, both included: `Annotated[Bytes, between(Bytes.parse, "64Mi", "1Ti")]`."""

    low: Any
    high: Any

    def __str__(self) -> str:
        return f"between {self.low} and {self.high}"

    def check(self, value: Any) -> Any:
        """Return the value; raise `SpecError` in people's units when it lies outside."""
        if not self.low <= value <= self.high:
            raise SpecError(Problem("", str(value), str(self)))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True, slots=True)
class Matching:
    """A text that matches `pattern` as a whole; `allowed` says it in words. A secret is never echoed."""

    pattern: str
    allowed: str
    hint: str = ""
    is_secret: bool = False

    def __str__(self) -> str:
        return self.allowed

    def matches(self, text: str) -> bool:
        """Tell whether the text is allowed."""
        return re.fullmatch(self.pattern, text) is not None

    def check(self, value: str) -> str:
        """Return the text; raise `SpecError` when it does not match."""
        if not self.matches(value):
            raise SpecError(Problem("", HIDDEN if self.is_secret else shown(value), self.allowed, self.hint))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^{self.pattern}$"}


def between(quantity: type[Quantity], low: str, high: str) -> Between:
    """Bounds in the words of people: `between(Bytes, "64Mi", "1Ti")`."""
    return Between(quantity.parse(low), quantity.parse(high))


def each_once(**lists: Sequence[str]) -> None:
    """Refuse what stands in a field's list a second time.

    Raises:
        SpecError: each repetition, by field and place.

    """
    problems = [
        Problem(f"{name}[{place}]", shown(one), "each one once")
        for name, values in lists.items()
        for place, one in enumerate(values)
        if one in values[:place]
    ]
    if problems:
        raise SpecError(*problems)
