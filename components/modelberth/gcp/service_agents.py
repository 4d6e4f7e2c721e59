"""Accounts that Google's services act as in a project: `service_agents.toml`, read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.gcp.place import Place

__all__ = ["TABLE", "ServiceAgent", "agent_problems", "agents"]

TABLE: Final = Path(__file__).with_name("service_agents.toml")


@dataclass(frozen=True, slots=True)
class ServiceAgent:
    """The account of one service; the attributes are those of the table."""

    api: str
    domain: str
    stores: str
    source: str
    prefix: str = "service-"

    def member(self, place: Place) -> str:
        """Return the account of a project, as IAM writes it."""
        return f"serviceAccount:{self.prefix}{place.number}@{self.domain}.iam.gserviceaccount.com"


@cache
def agents() -> Mapping[str, ServiceAgent]:
    """Return the agent of every service in the table, by the beginning of its API such as `run`."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {service: ServiceAgent(**entry) for service, entry in table["agents"].items()}


def agent_problems(services: Sequence[str], path: str) -> Iterator[Problem]:
    """Yield services that are named twice, and those whose agent the table does not know."""
    for at, service in enumerate(services):
        if service not in agents():
            yield Problem(f"{path}[{at}]", shown(service), f"one of {', '.join(sorted(agents()))}")
        elif service in services[:at]:
            yield Problem(f"{path}[{at}]", shown(service), "each service once")
