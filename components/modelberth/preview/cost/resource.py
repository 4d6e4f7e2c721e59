"""One resource of one side of a plan, as those see it who price it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelberth.errors import SpecError, shown
from modelberth.preview.plan import Marker, Op, Plan, Step
from modelberth.spec import Bytes, Cpu, Load

from .prices import Prices
from .traffic import Amounts

__all__ = [
    "Assumed",
    "Charge",
    "Gap",
    "Pricer",
    "Properties",
    "Resource",
    "Side",
    "Undecided",
    "each_serves_all",
    "fixed",
    "inputs_of",
    "kind_of",
    "outputs_of",
    "present",
]

Side = Literal["before", "after"]
_GIB: Final = 2**30
_VERSION: Final = re.compile(r"/v\d\w*(?=:)")


class Undecided(Exception):  # noqa: N818 - nothing is wrong, it only cannot be told
    """A property that decides a price is unknown, secret, missing or not of its type."""


class Properties:
    """Inputs of a resource, or a part of them: what is missing has a default, what cannot be known raises."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values, self._path = values, path

    def get(self, name: str) -> Any:
        """A property, None where there is none; raises `Undecided` for an unknown or a secret one."""
        value = self._values.get(name)
        if isinstance(value, Marker) and value is not Marker.ABSENT:
            raise Undecided(f"{self._path}{name} decides the price and is {_WHY[value]}")
        return None if value is Marker.ABSENT else value

    def has(self, name: str) -> bool:
        """Whether the property is set, to whatever."""
        value = self._values.get(name)
        return value is not None and value is not Marker.ABSENT

    def peek(self, name: str) -> Any:
        """A property as it is, a marker where it cannot be known."""
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """A text."""
        value = self._given(name, default)
        if isinstance(value, str):
            return value
        raise self._wrong(name, value, "a text")

    def number(self, name: str, default: float | None = None) -> float:
        """A number; a text that holds one is one."""
        value = self._given(name, default)
        if isinstance(value, bool):
            raise self._wrong(name, value, "a number")
        try:
            return float(value)
        except (TypeError, ValueError):
            raise self._wrong(name, value, "a number") from None

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self._given(name, default)
        if isinstance(value, bool):
            return value
        raise self._wrong(name, value, "true or false")

    def cores(self, name: str, default: float | None = None) -> float:
        """A share of processors such as `500m`, in cores."""
        return self._quantity(name, default, lambda value: Cpu.parse(value).cores)

    def gib(self, name: str, default: str | None = None) -> float:
        """A size such as `512Mi`, in GiB."""
        return self._quantity(name, default, lambda value: Bytes.parse(value) / _GIB)

    def part(self, name: str) -> Properties:
        """What lies below a property; nothing where there is none."""
        value = self.get(name)
        return Properties(value if isinstance(value, Mapping) else {}, f"{self._path}{name}.")

    def parts(self, name: str) -> list[Properties]:
        """The entries of a list of mappings."""
        return [
            Properties(item, f"{self._path}{name}[{index}].")
            for index, item in enumerate(self.items(name))
            if isinstance(item, Mapping)
        ]

    def items(self, name: str) -> Sequence[Any]:
        """The entries of a list; none where there is none. Raises `Undecided` for one that is unknown."""
        value = self.get(name)
        items = value if isinstance(value, list | tuple) else []
        for index, item in enumerate(items):
            if isinstance(item, Marker):
                raise Undecided(f"{self._path}{name}[{index}] decides the price and is {_WHY[item]}")
        return items

    def _given(self, name: str, default: Any) -> Any:
        value = self.get(name)
        if value is None and default is None:
            raise Undecided(f"{self._path}{name} decides the price and is not set")
        return default if value is None else value

    def _quantity(self, name: str, default: Any, read: Callable[[Any], float]) -> float:
        value = self._given(name, default)
        try:
            return read(value)
        except SpecError as error:
            raise self._wrong(name, value, error.problems[0].allowed) from None

    def _wrong(self, name: str, value: Any, allowed: str) -> Undecided:
        return Undecided(f"{self._path}{name} decides the price: given {shown(value)}, allowed: {allowed}")


_WHY: Final = {Marker.UNKNOWN: "known after the update only", Marker.SECRET: "secret"}


@dataclass(frozen=True)
class Charge:
    """A quantity of something that is billed, in the unit of its price."""

    what: str
    price: str
    """Id in the price file, without the region."""
    amounts: Amounts
    subject: str
    """What has no price where there is none: `ml.g5.xlarge`."""


@dataclass(frozen=True)
class Gap:
    """A part of a resource that is billed and not estimated."""

    why: str
    idle: bool = True
    """Whether it is billed without a single request as well."""


@dataclass(frozen=True)
class Assumed:
    """Something that the estimate takes for granted."""

    said: str


Pricer = Callable[["Resource"], Iterable[Charge | Gap | Assumed]]
"""Prices one resource of one type; may raise `Undecided`."""


def fixed(*parts: Charge | Gap | Assumed) -> Pricer:
    """The pricer of a type that always costs the same."""
    return lambda _: parts


def each_serves_all(resource: Resource, what: str) -> Iterator[Assumed]:
    """That several of one type in one endpoint each have its load: the program does not tell their shares."""
    if resource.beside(resource.kind):
        yield Assumed(f"each {what} of an endpoint with several of them serves the whole load")


@dataclass(frozen=True, eq=False)
class Resource:
    """A resource as it was, or as it will be, with those beside it."""

    step: Step
    side: Side
    load: Load
    prices: Prices
    siblings: Sequence[Step]
    """The resources of the same endpoint."""
    plan: Plan
    """Everything, to look things up: providers, and what several endpoints share."""

    @property
    def kind(self) -> str:
        """Type without the version of the API."""
        return kind_of(self.step.type)

    @property
    def properties(self) -> Properties:
        """Inputs on this side."""
        return Properties(inputs_of(self.step, self.side) or {})

    @property
    def names(self) -> frozenset[str]:
        """What others may call it by: name, id and ARN, as far as they are known."""
        inputs, outputs = inputs_of(self.step, self.side) or {}, outputs_of(self.step, self.side)
        values = [side.get(name) for side in (inputs, outputs) for name in ("name", "id", "arn")]
        return frozenset(value for value in values if isinstance(value, str) and value)

    def beside(self, *kinds: str) -> list[Resource]:
        """The endpoint's other resources of some types, on the same side."""
        return self._seen(self.siblings, kinds)

    def anywhere(self, *kinds: str) -> list[Resource]:
        """The stack's resources of some types, on the same side."""
        steps = (
            step for token, steps in self.plan.by_type.items() if kind_of(token) in kinds for step in steps
        )
        return self._seen(steps, kinds)

    def referred(self, name: str, *kinds: str) -> Resource | None:
        """The resource of some types that a property of this one refers to.

        An unknown reference is to the only one that there is beside; None where there are more or none.
        """
        value = (inputs_of(self.step, self.side) or {}).get(name)
        if isinstance(value, str):
            found = [r for r in self.anywhere(*kinds) if any(_same(value, known) for known in r.names)]
            return found[0] if found else None
        candidates = self.beside(*kinds)
        return candidates[0] if len(candidates) == 1 else None

    def _seen(self, steps: Iterable[Step], kinds: tuple[str, ...]) -> list[Resource]:
        return [
            Resource(step, self.side, self.load, self.prices, self.siblings, self.plan)
            for step in steps
            if kind_of(step.type) in kinds and step is not self.step and present(step, self.side)
        ]


def inputs_of(step: Step, side: Side) -> Mapping[str, Any] | None:
    """A step's inputs on one side."""
    return step.before if side == "before" else step.after


def outputs_of(step: Step, side: Side) -> Mapping[str, Any]:
    """What is known of a resource beside its inputs; a name stays through an update."""
    if side == "after" and (step.outputs_after or step.op not in {Op.SAME, Op.UPDATE}):
        return step.outputs_after
    return step.outputs_before


def present(step: Step, side: Side) -> bool:
    """Whether the stack has the resource on that side as its own."""
    return step.op is not Op.READ and inputs_of(step, side) is not None


def kind_of(token: str) -> str:
    """A type token without the API's version, as in `azure-native:app/v20240301:ContainerApp`."""
    if token.startswith(("kubernetes:", "azure-native:")):
        return _VERSION.sub("", token)
    return token


def _same(reference: str, name: str) -> bool:
    """Whether a reference (a name, an ARN, an id) is to what bears the name."""
    return reference == name or re.split(r"[/:]", reference)[-1] == name or reference in name.split(":")
