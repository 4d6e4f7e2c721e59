"""What a custom resource of this provider implements. Property names are the wire's (camelCase)."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from modelberth.errors import Problem

Properties = Mapping[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine sends, and takes, for a text that is only known after the deployment."""


class ResourceError(Exception):
    """An operation failed for a reason that a person can act on; the message says which."""

    @classmethod
    def about(cls, path: str, given: str, allowed: str, hint: str = "") -> Self:
        """A refused value, told like every other one."""
        return cls(str(Problem(path, given, allowed, hint)))


@dataclass(frozen=True)
class Settings:
    """The provider's own configuration."""

    root: Path
    """Folder that relative paths start from."""
    state_dir: Path
    """Folder that holds a folder for each process."""
    vertex_endpoint: str = ""
    """Address of the Vertex AI API in place of Google's; `{region}` in it is the region."""
    offline: bool = False
    """Nothing outside this machine is asked: what it would say is left open."""
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set when the engine waits no more, or is gone: what takes minutes ends then, with an error."""


@dataclass(frozen=True)
class CheckFailure:
    """An input that is refused."""

    property: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with their defaults filled in, or why they are refused."""

    inputs: Properties
    failures: Sequence[CheckFailure] = ()


@dataclass(frozen=True)
class Change:
    """One property that differs. `from_inputs`: the difference stands in what the program asks for."""

    property: str
    replaces: bool = False
    from_inputs: bool = True


@dataclass(frozen=True)
class Observed:
    """A resource as it is found: its id, its inputs and its outputs."""

    id: str
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)


class UnfinishedError(ResourceError):
    """A resource is there, but not as wanted: the engine keeps it, and the next `up` or `destroy` goes on."""

    def __init__(self, observed: Observed, reason: str) -> None:
        super().__init__(reason)
        self.observed = observed


class CustomResource(Protocol):
    """The life of one resource type. Every operation raises `ResourceError` with what to do about it."""

    def identity(self, inputs: Properties) -> str:
        """The id that a create with these inputs gives."""

    def check(self, news: Properties, olds: Properties) -> Checked:
        """Refuse what cannot work, and fill in defaults; `olds` are the inputs of the last deployment."""

    def diff(self, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Sequence[Change]:
        """What differs from the last deployment."""

    def preview(self, inputs: Properties, old_outputs: Properties) -> Properties:
        """The outputs after a create or update, with `UNKNOWN` for what is only known then."""

    def create(self, inputs: Properties, timeout: float) -> Observed:
        """Make it, or take it over; `timeout` in seconds, 0 for the resource's own."""

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> Observed | None:
        """Find it; None when it is gone. An import knows the id alone, and has neither inputs nor outputs."""

    def update(
        self, resource_id: str, old_outputs: Properties, inputs: Properties, timeout: float
    ) -> Properties:
        """Change it in place; the new outputs."""

    def delete(self, resource_id: str, outputs: Properties, timeout: float) -> None:
        """Remove it; one that is gone already is no error."""
