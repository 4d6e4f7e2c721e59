"""Limits of SageMaker's hosting: `limits.toml`, read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = ["TABLE", "Bounds", "Limits", "Mode", "limits"]

TABLE: Final = Path(__file__).with_name("limits.toml")


@dataclass(frozen=True, slots=True)
class Bounds:
    """A least and a greatest value, both allowed."""

    least: int
    most: int

    def clamped(self, value: float) -> int:
        """Return the nearest allowed value."""
        return max(self.least, min(self.most, round(value)))

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Mode:
    """What one mode takes.

    Attributes:
        title: as the middle of a sentence
        body_bytes: of the largest request
        timeout_seconds: after which SageMaker gives up

    """

    title: str
    body_bytes: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that `limits.toml` holds; times in seconds, shares in percent.

    Attributes:
        serverless_memory_mib: sizes that a serverless environment can have
        serverless_concurrency: most requests at once of a serverless endpoint
        serverless_startup_seconds: until a serverless environment has to answer /ping
        startup_seconds: until a replica on an instance has to, and for the download before
        variables: most variables of a container
        variable_bytes: of a name, and of a value
        variables_bytes: of all names and values
        invocations_per_instance: most requests that an instance of an asynchronous endpoint has at once
        canary_percent: share that a canary may have
        linear_percent: share of each of several equal steps
        rolling_percent: share of the instances that is replaced at once
        wait_seconds: longest between two steps
        termination_seconds: longest that the old fleet stays
        execution_seconds: of a whole update
        rollback_alarms: most alarms that an update watches

    """

    modes: dict[str, Mode]
    serverless_memory_mib: tuple[int, ...]
    serverless_concurrency: int
    serverless_startup_seconds: int
    startup_seconds: Bounds
    variables: int
    variable_bytes: int
    variables_bytes: int
    invocations_per_instance: int
    canary_percent: Bounds
    linear_percent: Bounds
    rolling_percent: Bounds
    wait_seconds: int
    termination_seconds: int
    execution_seconds: Bounds
    rollback_alarms: int


@cache
def limits() -> Limits:
    """Read the table once."""
    table: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    serverless, startup, guardrails = table["serverless"], table["startup"], table["guardrails"]
    environment = table["environment"]
    return Limits(
        modes={
            kind: Mode(row["title"], row["body_bytes"], row["timeout_seconds"])
            for kind, row in table["modes"].items()
        },
        serverless_memory_mib=tuple(serverless["memory_mib"]),
        serverless_concurrency=serverless["concurrency"],
        serverless_startup_seconds=serverless["startup_seconds"],
        startup_seconds=Bounds(startup["least_seconds"], startup["most_seconds"]),
        variables=environment["count"],
        variable_bytes=environment["each_bytes"],
        variables_bytes=environment["bytes"],
        invocations_per_instance=table["queue"]["invocations_per_instance"],
        canary_percent=Bounds(*guardrails["canary_percent"]),
        linear_percent=Bounds(*guardrails["linear_percent"]),
        rolling_percent=Bounds(*guardrails["rolling_percent"]),
        wait_seconds=guardrails["wait_seconds"],
        termination_seconds=guardrails["termination_seconds"],
        execution_seconds=Bounds(*guardrails["execution_seconds"]),
        rollback_alarms=guardrails["alarms"],
    )
