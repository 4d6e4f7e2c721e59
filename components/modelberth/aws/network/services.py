"""Services that a VPC reaches within AWS: `services.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from modelberth.aws.place import Place

__all__ = ["Service", "interfaces", "needed", "s3"]

_TABLE: Final = Path(__file__).with_name("services.toml")
_USUAL: Final = "com.amazonaws"


@dataclass(frozen=True, slots=True)
class Service:
    """A service with an endpoint in a VPC.

    Attributes:
        name: as the endpoint has it, such as `sagemaker.runtime`
        actions: prefix of its actions in IAM, such as `sagemaker`
        needed_by: kinds of endpoints whose callers or replicas need it
        in_china: what its name begins with there

    """

    name: str
    actions: str
    needed_by: frozenset[str]
    in_china: str = _USUAL

    @property
    def role(self) -> str:
        """The name as part of others, such as `sagemaker-runtime`."""
        return self.name.replace(".", "-")

    def endpoint_service(self, place: Place) -> str:
        """Return what an endpoint in a region names it."""
        beginning = self.in_china if place.partition == "aws-cn" else _USUAL
        return f"{beginning}.{place.region}.{self.name}"


@cache
def interfaces() -> Mapping[str, Service]:
    """Return those that get addresses in subnets, by name."""
    return {name: _service(name, row) for name, row in _rows("interface").items()}


@cache
def s3() -> Service:
    """Return the one that route tables lead to."""
    return _service("s3", _rows("gateway")["s3"])


def needed(*kinds: str) -> tuple[str, ...]:
    """Return the interface endpoints that callers and replicas of kinds of endpoints need.

    Args:
        kinds: `lambda`, `sagemaker`, `eks`

    """
    return tuple(name for name, one in interfaces().items() if one.needed_by & {*kinds})


def _rows(kind: str) -> Mapping[str, Mapping[str, object]]:
    found: Mapping[str, Mapping[str, object]] = tomllib.loads(_TABLE.read_text(encoding="utf-8"))[kind]
    return found


def _service(name: str, row: Mapping[str, object]) -> Service:
    kinds = row["for"]
    assert isinstance(kinds, list)
    return Service(name, str(row["actions"]), frozenset(kinds), str(row.get("china", _USUAL)))
