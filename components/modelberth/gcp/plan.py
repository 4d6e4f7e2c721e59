"""What every endpoint in Google Cloud begins with: its place, its names and its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from modelberth.cloud_plan import CloudPlan
from modelberth.gcp.place import Place
from modelberth.naming import hyphenated, shortened

if TYPE_CHECKING:
    from modelberth.spec.gcp import GcpTarget

__all__ = ["Plan"]

T = TypeVar("T", bound="GcpTarget")

# Resource Manager, "Requirements for labels".
_LONGEST_LABEL: Final = 63


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
