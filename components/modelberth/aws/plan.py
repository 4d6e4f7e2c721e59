"""What every endpoint in AWS begins with: its place, its names and its tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from modelberth.aws.place import Place
from modelberth.naming import lettered, physical_name, shortened

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import AwsTarget

__all__ = ["Plan"]

T = TypeVar("T", bound="AwsTarget")

# Leaves room for a role within the 63 characters that the shortest of the services' names have.
_LONGEST_NAME = 46


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """An endpoint in an account and a region.

    Attributes:
        spec: what is served
        target: where, and what only AWS has
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
    def of(cls, spec: EndpointSpec, target: T, project: str, stack: str) -> Plan[T]:
        """Name an endpoint of a stack.

        Raises:
            SpecError: the stack's name cannot stand in a resource name.

        """
        name = physical_name(project, stack, spec.name, longest=_LONGEST_NAME)
        return cls(spec, target, project, stack, lettered(name))

    @property
    def place(self) -> Place:
        """Account and region."""
        return Place(self.target.account, self.target.region)

    def named(self, role: str = "", *, longest: int = 63) -> str:
        """Return the physical name of what has a role in the endpoint, within a service's length."""
        return shortened(f"{self.name}-{role}" if role else self.name, longest)

    def named_by_kind(self, role: str = "", *, longest: int = 63) -> str:
        """Return the physical name of what another kind of endpoint has as well, such as an alarm.

        Where the kind of an endpoint changes, the new one is made before the old one goes, and two of a name
        cannot be: AWS would refuse a key's alias, and delete the new alarm with the old endpoint.
        """
        kind = self.target.kind
        return self.named(f"{kind}-{role}" if role else kind, longest=longest)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of everything that has any: whose it is, and the spec's labels."""
        return {
            **self.spec.labels,
            "modelberth:project": self.project,
            "modelberth:stack": self.stack,
            "modelberth:endpoint": self.spec.name,
        }
