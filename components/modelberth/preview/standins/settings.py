"""The accounts, projects and places that stand-in providers pretend to work in."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final

__all__ = ["StandInSettings"]

_UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FORMS: Final = {
    "aws_account": (r"[0-9]{12}", "12 digits"),
    "aws_region": (r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "a region such as eu-central-1"),
    "aws_partition": (r"aws(-[a-z]+)*", "a partition such as aws or aws-us-gov"),
    "gcp_project": (
        r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "a project id of 6 to 30 lowercase letters, digits and hyphens",
    ),
    "gcp_project_number": (r"[0-9]{6,20}", "6 to 20 digits"),
    "gcp_region": (r"[a-z]+-[a-z]+[0-9]+", "a region such as europe-west4"),
    "azure_subscription": (_UUID, "a lowercase UUID"),
    "azure_tenant": (_UUID, "a lowercase UUID"),
    "azure_location": (r"[a-z]+[0-9]*", "a location such as westeurope"),
    "kubernetes_context": (r"\S+", "a name without blanks"),
}


@dataclass(frozen=True, slots=True)
class StandInSettings:
    """Where stand-ins say that what they make lies; every computed output follows from these and the inputs.

    The defaults belong to nobody, so that an identifier with one of them can only come from a stand-in: that
    is how a reference to something that no program made is told from one to infrastructure that exists.
    A region in the provider's config or in the resource itself wins over the one here. Raises `ValueError`
    naming the field, what was given and what is allowed.
    """

    aws_account: str = "000000000000"
    aws_region: str = "us-east-1"
    aws_partition: str = "aws"
    gcp_project: str = "stand-in-project"
    gcp_project_number: str = "100000000000"
    gcp_region: str = "us-central1"
    azure_subscription: str = "00000000-0000-4000-8000-00000000a51b"
    azure_tenant: str = "00000000-0000-4000-8000-00000000a7e0"
    azure_location: str = "westeurope"
    kubernetes_context: str = "stand-in"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            pattern, allowed = _FORMS[field.name]
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise ValueError(f"{field.name}: given {value!r}, allowed: {allowed}")
