"""What every endpoint in Google Cloud begins with: its place, its names and its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from modelberth.gcp.place import Place
from modelberth.naming import lettered, physical_name, shortened

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import GcpTarget

__all__ = ["Plan"]

T = TypeVar("T", bound="GcpTarget")

# Leaves room for a role within the 63 characters that the shortest of the services' names have.
_LONGEST_NAME = 46


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """An endpoint in a project and a region.

    Attributes:
        spec: what is served
        target: where, and what only Google Cloud has
        program: of Pulumi
        stack: of it
        name: the beginning of every physical name

    """

    spec: EndpointSpec
    target: T
    program: str
    stack: str
    name: str

    @classmethod
    def of(cls, spec: EndpointSpec, target: T, program: str, stack: str) -> Plan[T]:
        """Name an endpoint of a stack.

        Raises:
            SpecError: the stack's name cannot stand in a resource name.

        """
        name = physical_name(program, stack, spec.name, longest=_LONGEST_NAME)
        return cls(spec, target, program, stack, lettered(name))

    @property
    def place(self) -> Place:
        """Project and region."""
        return Place(self.target.project, self.target.project_number, self.target.region)

    def named(self, role: str = "", *, longest: int = 63) -> str:
        """Return the physical name of what has a role in the endpoint, within a service's length."""
        return shortened(f"{self.name}-{role}" if role else self.name, longest)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of everything that has any: whose it is, and the spec's."""
        return {
            **self.spec.labels,
            "modelberth-project": self.program.lower(),
            "modelberth-stack": self.stack,
            "modelberth-endpoint": self.spec.name,
        }
