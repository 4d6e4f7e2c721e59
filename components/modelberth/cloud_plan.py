"""What every endpoint in a cloud begins with: what is served and where, and the names of all that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from modelberth.model_mirrors import mirrored
from modelberth.naming import lettered, physical_name, shortened

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import AwsTarget
    from modelberth.spec.gcp import GcpTarget

__all__ = ["CloudPlan"]

T = TypeVar("T", bound="AwsTarget | GcpTarget")

# Leaves room for a role within the 63 characters that the shortest of the services' names have.
_LONGEST_NAME = 46


@dataclass(frozen=True, slots=True)
class CloudPlan(Generic[T]):
    """An endpoint of a stack; each cloud adds its place and how it labels what it has.

    Attributes:
        spec: what is served
        target: where, and what only that cloud has
        project: of the Pulumi program
        stack: of it
        name: the beginning of every physical name

    """

    spec: EndpointSpec
    target: T
    project: str
    stack: str
    name: str

    @classmethod
    def of(cls, spec: EndpointSpec, target: T, project: str, stack: str) -> Self:
        """Name an endpoint of a stack.

        Raises:
            SpecError: the stack's name cannot stand in a resource name.

        """
        name = physical_name(project, stack, spec.name, longest=_LONGEST_NAME)
        return cls(mirrored(spec, target), target, project, stack, lettered(name))

    def named(self, role: str = "", *, longest: int = 63) -> str:
        """Return the physical name of what has a role in the endpoint, within a service's length."""
        return shortened(f"{self.name}-{role}" if role else self.name, longest)

    def named_by_kind(self, role: str = "", *, longest: int = 63) -> str:
        """Return the physical name of what another kind of endpoint has as well, such as an alarm.

        Where the kind of an endpoint changes, the new one is made before the old one goes, and two of a name
        cannot be: AWS would refuse a key's alias, and delete the new alarm with the old endpoint.
        """
        kind = self.target.kind.replace("_", "-")
        return self.named(f"{kind}-{role}" if role else kind, longest=longest)
