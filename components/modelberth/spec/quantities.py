"""Sizes, durations and CPU shares as people write them: `512Mi`, `1h30m`, `500m`.

Each is an exact value object: `parse(str(quantity)) == quantity`. A text that is nearly right is refused with
what was probably meant, because `512m` of memory is half a byte to Kubernetes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic_core import core_schema

from modelberth.errors import Problem, SpecError, shown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["Amount", "Bytes", "Cpu", "Duration", "Quantity"]

# Far above every bound; keeps the arithmetic on a hostile number short.
_TOO_MUCH = 10**30


class Quantity(ABC):
    """A value with a unit: how pydantic reads it, JSON Schema shows it and JSON holds it."""

    __slots__ = ()

    _pattern: ClassVar[str]
    _number: ClassVar[str]
    _examples: ClassVar[tuple[str | int | float, ...]]

    @classmethod
    @abstractmethod
    def parse(cls, value: object) -> Self:
        """Read the value as a person writes it; raises `SpecError`."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text: JsonSchemaValue = {"type": "string", "pattern": f"^{cls._pattern}$"}
        examples = list(cls._examples)
        if handler.mode == "serialization":
            return {**text, "examples": [example for example in examples if isinstance(example, str)]}
        return {"anyOf": [text, {"type": cls._number, "minimum": 0}], "examples": examples}


def _number(value: object) -> Fraction | None:
    """Return a finite, non-negative number exactly as it is written, else None; a bool is no number here."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _TOO_MUCH:
        return None
    # by way of the text, so that 0.1 is a tenth and not the nearest binary fraction
    return Fraction(repr(value))


def _whole(number: Fraction | None) -> int | None:
    return int(number) if number is not None and number.denominator == 1 else None


class Bytes(int, Quantity):
    """A size in bytes. Reads `512Mi`, `1.5Gi`, `1M` and a plain number; suffixes as in Kubernetes."""

    _units: ClassVar[dict[str, int]] = {
        "": 1,
        **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)},
        **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P"), start=1)},
    }
    _pattern: ClassVar[str] = r"[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?"
    _number: ClassVar[str] = "integer"
    _examples: ClassVar[tuple[str | int | float, ...]] = ("512Mi", "2Gi", "1M", 1500)

    def __new__(cls, value: int) -> Self:
        """Make a size of `value` bytes; raises `SpecError` if it is negative."""
        if value < 0:
            raise cls._refusal(value)
        return super().__new__(cls, value)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a size; raises `SpecError` for what is none or no whole number of bytes."""
        if isinstance(value, cls):
            return value
        number = _number(value)
        if isinstance(value, str) and (
            match := re.fullmatch(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)([A-Za-z]*)", value.strip())
        ):
            digits, unit = match.groups()
            if unit not in cls._units:
                raise cls._refusal(value, hint=cls._meant(digits, unit))
            number = Fraction(digits) * cls._units[unit]
        count = _whole(number)
        if count is None:
            raise cls._refusal(value)
        return cls(count)

    @classmethod
    def _meant(cls, digits: str, unit: str) -> str:
        first = unit[0].upper()
        if first not in "KMGTP":
            return ""
        decimal = "k" if first == "K" else first
        return f"Did you mean `{digits}{first}i` (binary) or `{digits}{decimal}` (decimal)?"

    @staticmethod
    def _refusal(value: object, hint: str = "") -> SpecError:
        allowed = "a size such as 512Mi, 2Gi, 1M or a whole number of bytes, not negative"
        return SpecError(Problem("", shown(value), allowed, hint))

    def __str__(self) -> str:
        # the first of the shortest: binary units stand before decimal ones
        exact = (f"{self // size}{unit}" for unit, size in self._units.items() if self % size == 0)
        return min(exact, key=len)

    def __repr__(self) -> str:
        return f"Bytes({int(self)})"


@dataclass(frozen=True, order=True, slots=True)
class Duration(Quantity):
    """A span of time in milliseconds. Reads `30s`, `1h30m`, `7d`, `250ms` and a plain number of seconds."""

    milliseconds: int

    _units: ClassVar[dict[str, int]] = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    _pattern: ClassVar[str] = (
        r"([0-9]+(\.[0-9]+)?|(?=[0-9])"
        + "".join(rf"([0-9]+(\.[0-9]+)?{unit})?" for unit in ("d", "h", "m", "s", "ms"))
        + ")"
    )
    _number: ClassVar[str] = "number"
    _examples: ClassVar[tuple[str | int | float, ...]] = ("30s", "15m", "1h30m", "250ms", 30)

    def __post_init__(self) -> None:
        if self.milliseconds < 0:
            raise self._refusal(self.milliseconds)

    @property
    def seconds(self) -> float:
        """The same span in seconds."""
        return self.milliseconds / 1000

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a duration; raises `SpecError` for what is none or finer than a millisecond."""
        if isinstance(value, cls):
            return value
        number = _number(value)
        if number is not None:
            number *= 1000
        elif isinstance(value, str):
            number = cls._text(value.strip())
        count = _whole(number)
        if count is None:
            raise cls._refusal(value)
        return cls(count)

    @classmethod
    def _text(cls, text: str) -> Fraction | None:
        digits = r"([0-9]{1,30}(?:\.[0-9]{1,30})?)"
        if bare := re.fullmatch(digits, text):
            return Fraction(bare[0]) * 1000
        match = re.fullmatch("".join(f"(?:{digits}{unit})?" for unit in cls._units), text)
        if not text or match is None:
            return None
        pairs = zip(match.groups(), cls._units.values(), strict=True)
        return sum((Fraction(part) * size for part, size in pairs if part), Fraction(0))

    @staticmethod
    def _refusal(value: object) -> SpecError:
        allowed = "a duration such as 250ms, 30s, 15m, 1h30m or a number of seconds, no finer than 1ms"
        return SpecError(Problem("", shown(value), allowed))

    def __str__(self) -> str:
        rest, text = self.milliseconds, ""
        for unit, size in self._units.items():
            count, rest = divmod(rest, size)
            text += f"{count}{unit}" if count else ""
        return text or "0s"


@dataclass(frozen=True, order=True, slots=True)
class Cpu(Quantity):
    """A share of processor time in thousandths of a core. Reads `0.5`, `500m` (both half a core) and `2`."""

    millicores: int

    _pattern: ClassVar[str] = r"[0-9]+(\.[0-9]+|m)?"
    _number: ClassVar[str] = "number"
    _examples: ClassVar[tuple[str | int | float, ...]] = ("500m", 0.5, 2)

    def __post_init__(self) -> None:
        if self.millicores < 0:
            raise self._refusal(self.millicores)

    @property
    def cores(self) -> float:
        """The same share in cores."""
        return self.millicores / 1000

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a share; raises `SpecError` for what is none or finer than a thousandth of a core."""
        if isinstance(value, cls):
            return value
        number = _number(value)
        if isinstance(value, str) and (
            match := re.fullmatch(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)(m?)", value.strip())
        ):
            number = Fraction(match[1]) / (1000 if match[2] else 1)
        count = _whole(number * 1000 if number is not None else None)
        if count is None:
            raise cls._refusal(value)
        return cls(count)

    @staticmethod
    def _refusal(value: object) -> SpecError:
        allowed = "cores such as 0.5, 2 or 500m (thousandths of a core), no finer than 1m, not negative"
        return SpecError(Problem("", shown(value), allowed))

    def __str__(self) -> str:
        whole, rest = divmod(self.millicores, 1000)
        return f"{self.millicores}m" if rest else str(whole)


@dataclass(frozen=True, slots=True)
class Amount(Quantity):
    """A number of replicas, or a share of them. Reads `1` and `25%`, as Kubernetes' rolling update does."""

    count: int
    is_percent: bool = False

    _pattern: ClassVar[str] = r"[0-9]+%?"
    _number: ClassVar[str] = "integer"
    _examples: ClassVar[tuple[str | int | float, ...]] = (1, "25%")

    def __post_init__(self) -> None:
        if not 0 <= self.count <= (100 if self.is_percent else 1000):
            raise self._refusal(str(self))

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a count or a percentage; raises `SpecError` for what is neither."""
        if isinstance(value, cls):
            return value
        number = _number(value)
        count = _whole(number)
        if count is not None:
            return cls(count)
        if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,4})(%?)", value.strip())):
            return cls(int(match[1]), is_percent=bool(match[2]))
        raise cls._refusal(value)

    @staticmethod
    def _refusal(value: object) -> SpecError:
        return SpecError(
            Problem("", shown(value), "a whole number from 0 to 1000, or a share such as 25%, up to 100%")
        )

    def __str__(self) -> str:
        return f"{self.count}%" if self.is_percent else str(self.count)
