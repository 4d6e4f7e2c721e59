"""A project and a region: what resource names and service agents are made of."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where resources lie.

    Attributes:
        project: its id, such as shop-prod
        number: of the project, as text
        region: such as europe-west4

    """

    project: str
    number: str
    region: str

    @property
    def parent(self) -> str:
        """What the full names of regional resources begin with."""
        return f"projects/{self.project}/locations/{self.region}"

    def service_account(self, name: str) -> str:
        """Return the e-mail address of a service account of the project."""
        return f"{name}@{self.project}.iam.gserviceaccount.com"

    def service_agent(self, service: str) -> str:
        """Return the member that a service of Google acts as in the project, as IAM writes it.

        Args:
            service: what stands between the number and the domain in Google's list of service agents, such as
                `serverless-robot-prod` for Cloud Run

        """
        return f"serviceAccount:service-{self.number}@{service}.iam.gserviceaccount.com"
