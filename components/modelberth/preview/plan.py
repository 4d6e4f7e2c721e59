"""What an update would do: one step for each resource, before and after, without the engine's wire format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, Final

__all__ = ["Diagnostic", "Difference", "Marker", "Op", "Plan", "Step", "Violation", "differences"]

_ENDPOINT: Final = re.compile(r"modelberth:index:\w*Endpoint")
_STACK: Final = "pulumi:pulumi:Stack"


class Marker(Enum):
    """Stands where a value cannot be shown."""

    UNKNOWN = "known after the update"
    SECRET = "secret"  # noqa: S105 - the word that is shown in place of one
    ABSENT = "unset"

    def __repr__(self) -> str:
        return f"({self.value})"


class Op(StrEnum):
    """What happens to a resource."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    READ = "read"
    """Looked up, not managed."""


@dataclass(frozen=True)
class Difference:
    """One property that changes. `Marker.ABSENT` stands for a side that does not have it."""

    path: str
    """Such as `template.containers[0].image`, with the wire names of the resource."""
    before: Any
    after: Any
    replaces: bool = False
    """Whether this change is what takes a replacement."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One resource of the plan. Inputs hold plain values and `Marker`s."""

    urn: str
    op: Op
    parent: str = ""
    """URN of the parent; empty for the stack itself."""
    custom: bool = True
    """Whether a provider makes it; a component is not custom."""
    before: Mapping[str, Any] | None = None
    """Inputs as deployed; None where there is nothing."""
    after: Mapping[str, Any] | None = None
    """Inputs as planned; None where it goes."""
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    outputs_after: Mapping[str, Any] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    delete_first: bool = False
    """Of a replacement: whether the old one goes before the new one is there."""
    protect: bool = False
    protect_before: bool = False
    """Whether the deployed one is protected from deletion."""
    provider: str = ""
    """URN of the provider that makes it, where the engine says so."""
    retain: bool = False
    """Whether a deletion leaves the real thing where it is."""
    retain_before: bool = False
    """Whether that is so of the deployed one."""

    @property
    def type(self) -> str:
        """Type token, such as `aws:lambda/function:Function`."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """Name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def package(self) -> str:
        """Package of the type, such as `aws`."""
        return self.type.partition(":")[0]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Inputs as planned, or as deployed where the resource goes."""
        return self.after if self.after is not None else self.before or {}

    @property
    def changes(self) -> bool:
        """Whether anything happens to it."""
        return self.op not in {Op.SAME, Op.READ}

    @property
    def replacing_paths(self) -> tuple[str, ...]:
        """Paths of the properties whose change is what takes a replacement."""
        return tuple(difference.path for difference in self.differences if difference.replaces)

    def changed(self, *prefixes: str) -> tuple[Difference, ...]:
        """The differences at or below the paths."""
        return tuple(
            difference
            for difference in self.differences
            if any(re.match(rf"{re.escape(prefix)}($|[.\[])", difference.path) for prefix in prefixes)
        )


@dataclass(frozen=True)
class Diagnostic:
    """A message of the engine, a provider or the program."""

    severity: str
    """`error`, `warning` or `info`."""
    message: str
    urn: str = ""


@dataclass(frozen=True)
class Violation:
    """What a policy pack has against the plan."""

    policy: str
    message: str
    mandatory: bool
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that an update of one stack would do; each resource below its parent, siblings by name."""

    project: str
    stack: str
    steps: tuple[Step, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    violations: tuple[Violation, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict)
    """The stack's config as planned, such as `aws:region`; a secret is not in it."""

    @cached_property
    def by_urn(self) -> Mapping[str, Step]:
        """The steps by URN."""
        return {step.urn: step for step in self.steps}

    @cached_property
    def by_type(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps by type token."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.type, []).append(step)
        return {token: tuple(steps) for token, steps in found.items()}

    @property
    def resources(self) -> Iterator[Step]:
        """The steps of what a provider makes, without components and providers."""
        return (s for s in self.steps if s.custom and not s.type.startswith("pulumi:providers:"))

    @property
    def stack_step(self) -> Step | None:
        """The stack itself: its outputs are those that the program exports."""
        return next((step for step in self.steps if step.type == _STACK), None)

    def owner(self, step: Step) -> Step | None:
        """The endpoint that a step belongs to: the outermost one around it, else its outermost component.

        None where no component is around it.
        """
        around = [s for s in (step, *self._ancestors(step)) if not s.custom and s.type != _STACK]
        endpoints = [s for s in around if _ENDPOINT.fullmatch(s.type)]
        return next(reversed(endpoints or around), None)

    def groups(self) -> Mapping[Step | None, tuple[Step, ...]]:
        """What a provider makes, by `owner`, in that order; under None what stands alone.

        An owner without any such resource has an entry as well.
        """
        groups: dict[str, list[Step]] = {}
        for step in self.steps:
            owner = self.owner(step)
            if owner is step:
                groups.setdefault(owner.urn, [])
        for step in self.resources:
            owner = self.owner(step)
            groups.setdefault(owner.urn if owner else "", []).append(step)
        return {self.by_urn.get(urn): tuple(steps) for urn, steps in groups.items()}

    def _ancestors(self, step: Step) -> Iterator[Step]:
        while (parent := self.by_urn.get(step.parent)) is not None:
            yield parent
            step = parent


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Where two plain values differ, leaf by leaf.

    Unknown against anything is a difference: the value may change. Secret against secret is none: whether it
    changed cannot be seen here.
    """
    if before is Marker.UNKNOWN or after is Marker.UNKNOWN:
        yield Difference(path, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            below = f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) and path else _key(path, key)
            yield from differences(before.get(key, Marker.ABSENT), after.get(key, Marker.ABSENT), below)
    elif _is_list(before) and _is_list(after):
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else Marker.ABSENT
            new = after[index] if index < len(after) else Marker.ABSENT
            yield from differences(old, new, f"{path}[{index}]")
    elif before != after or (type(before) is not type(after) and bool in (type(before), type(after))):
        yield Difference(path, before, after)


_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def _key(path: str, key: str) -> str:
    return key if not path and _PLAIN_KEY.fullmatch(key) else f'{path}["{key}"]'


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
