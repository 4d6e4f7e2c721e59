"""What every endpoint in AWS begins with: its place, its names and its tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from modelberth.aws.place import Place
from modelberth.cloud_plan import CloudPlan

if TYPE_CHECKING:
    from modelberth.spec.aws import AwsTarget

__all__ = ["Plan"]

T = TypeVar("T", bound="AwsTarget")


@dataclass(frozen=True, slots=True)
class Plan(CloudPlan[T], Generic[T]):
    """An endpoint in an account and a region."""

    @property
    def place(self) -> Place:
        """Account and region."""
        return Place(self.target.account, self.target.region)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of everything that has any: whose it is, and the spec's labels."""
        return {
            **self.spec.labels,
            "modelberth:project": self.project,
            "modelberth:stack": self.stack,
            "modelberth:endpoint": self.spec.name,
        }
