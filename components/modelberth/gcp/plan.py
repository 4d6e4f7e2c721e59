"""What every endpoint in Google Cloud begins with: its place, its names and its labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from modelberth.cloud_plan import CloudPlan
from modelberth.errors import Problem, shown
from modelberth.gcp.place import Place
from modelberth.naming import hyphenated, shortened

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import GcpTarget

__all__ = ["Plan", "problems"]

T = TypeVar("T", bound="GcpTarget")

# Resource Manager, "Requirements for labels".
_LONGEST_LABEL: Final = 63
# What `labels` and alerts say themselves: whose it is, and how urgent.
_OWN: Final = "modelberth-"


@dataclass(frozen=True, slots=True)
class Plan(CloudPlan[T], Generic[T]):
    """An endpoint in a project and a region."""

    @property
    def place(self) -> Place:
        """Project and region."""
        return Place(self.target.project, self.target.project_number, self.target.region)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of everything that has any: whose it is, and the spec's."""
        whose = {
            "modelberth-project": hyphenated(self.project),
            "modelberth-stack": self.stack,
            "modelberth-endpoint": self.spec.name,
        }
        return {**self.spec.labels, **{key: shortened(value, _LONGEST_LABEL) for key, value in whose.items()}}


def problems(spec: EndpointSpec, target: GcpTarget) -> Iterator[Problem]:
    """Yield labels that would be lost: those that say whose a resource is have their keys."""
    del target  # Every project has the same.
    for key, value in spec.labels.items():
        if key.startswith(_OWN):
            hint = "It says whose a resource is, and the budget counts by it."
            yield Problem(f"labels.{key}", shown(value), f"a key that does not begin with {_OWN}", hint)
