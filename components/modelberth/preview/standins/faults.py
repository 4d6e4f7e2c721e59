"""What goes wrong on demand, so that a test can see what a program and its people make of it."""

# ruff: noqa: A002 - `type` is the word for it in a journal's calls and in Pulumi itself

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.paths import steps

__all__ = [
    "Delay",
    "Drift",
    "Effect",
    "Fail",
    "Fault",
    "Gone",
    "Hang",
    "NotReady",
    "NotVisible",
    "Operation",
    "Throttle",
]

Operation = Literal["check", "diff", "create", "read", "update", "delete", "invoke"]


@dataclass(frozen=True)
class Fail:
    """Ends with an error."""

    message: str


@dataclass(frozen=True)
class Throttle:
    """Ends with the error of a client that has given up repeating its request."""


@dataclass(frozen=True)
class Delay:
    """Takes longer."""

    seconds: float


@dataclass(frozen=True)
class Hang:
    """Does not end by itself."""


@dataclass(frozen=True)
class NotReady:
    """Makes the resource, which does not become ready."""

    reason: str


@dataclass(frozen=True)
class NotVisible:
    """Makes the resource, which so many operations that refer to it do not find."""

    times: int


@dataclass(frozen=True)
class Drift:
    """Finds other values, by path; None for a property that is not there any more."""

    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Gone:
    """Finds nothing."""


Effect = Fail | Throttle | Delay | Hang | NotReady | NotVisible | Drift | Gone


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `type` and `name` are shell patterns: `aws:lambda/*`, `iris-*`.

    A preview makes nothing, so that faults of `create`, `update` and `delete` wait for the real operation.
    `times` is how often it goes wrong; None for always. Raises `ValueError` naming what was given.
    """

    on: Operation
    effect: Effect
    type: str = "*"
    name: str = "*"
    times: int | None = None

    def __post_init__(self) -> None:
        if self.on not in get_args(Operation):
            raise ValueError(f"on: given {self.on!r}, allowed: {', '.join(get_args(Operation))}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times: given {self.times}, allowed: 1 or more, or None for always")

    @classmethod
    def fail(
        cls,
        on: Operation = "create",
        type: str = "*",
        name: str = "*",
        *,
        message: str = "the stand-in was asked to fail",
        times: int | None = None,
    ) -> Fault:
        """The operation fails with a message; nothing was done."""
        return cls(on, Fail(message), type, name, times)

    @classmethod
    def throttle(cls, on: Operation = "create", type: str = "*", name: str = "*", *, times: int = 2) -> Fault:
        """The operation fails as with a client that has given up repeating what the cloud throttles."""
        return cls(on, Throttle(), type, name, times)

    @classmethod
    def delay(
        cls,
        seconds: float,
        on: Operation = "create",
        type: str = "*",
        name: str = "*",
        *,
        times: int | None = None,
    ) -> Fault:
        """The operation takes so many seconds longer, and goes well."""
        if seconds <= 0:
            raise ValueError(f"seconds: given {seconds}, allowed: more than 0")
        return cls(on, Delay(seconds), type, name, times)

    @classmethod
    def hang(cls, on: Operation = "create", type: str = "*", name: str = "*", *, times: int = 1) -> Fault:
        """The operation does not end until the engine cancels or the stand-ins are closed; then it fails."""
        return cls(on, Hang(), type, name, times)

    @classmethod
    def partial(
        cls,
        reason: str,
        on: Literal["create", "update"] = "create",
        type: str = "*",
        name: str = "*",
        *,
        times: int = 1,
    ) -> Fault:
        """The resource is made or changed, and does not become ready."""
        return cls(on, NotReady(reason), type, name, times)

    @classmethod
    def eventually_consistent(cls, type: str, name: str = "*", *, times: int = 1) -> Fault:
        """After its create, so many creates or updates that refer to the resource do not find it yet."""
        if times < 1:
            raise ValueError(f"times: given {times}, allowed: 1 or more")
        return cls("create", NotVisible(times), type, name)

    @classmethod
    def drift(cls, type: str = "*", name: str = "*", *, changes: Mapping[str, Any]) -> Fault:
        """A read finds other values, by path such as `environment.variables.MODE`; None takes one away."""
        if not changes:
            raise ValueError("changes: given none, allowed: at least one path with its value")
        for path in changes:
            steps(path)
        return cls("read", Drift(dict(changes)), type, name)

    @classmethod
    def gone(cls, type: str = "*", name: str = "*") -> Fault:
        """A read does not find the resource any more."""
        return cls("read", Gone(), type, name)

    def concerns(self, operation: str, request: Request) -> bool:
        """Tell whether an operation on a resource is one that goes wrong."""
        return (
            operation == self.on
            and not (request.preview and operation in ("create", "update", "delete"))
            and fnmatchcase(request.type, self.type)
            and fnmatchcase(request.name, self.name)
        )
