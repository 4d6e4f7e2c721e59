"""Limits of Lambda and of the ways to it: `limits.toml`, read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

__all__ = ["Hop", "Limits", "limits"]

_TABLE: Final = Path(__file__).with_name("limits.toml")
# Of an event's bytes for a body that is no text: base64 writes three bytes as four.
_BASE64: Final = (3, 4)

Front = Literal["function_url", "http_api", "invoke"]


@dataclass(frozen=True, slots=True)
class Hop:
    """What a request passes on its way.

    Attributes:
        title: as the middle of a sentence
        timeout_seconds: after which it gives up
        body_bytes: of the largest body that comes through, whatever its content type
        absent: regions that have none

    """

    title: str
    timeout_seconds: int
    body_bytes: int
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that `limits.toml` holds.

    Attributes:
        memory_mib: of the largest function
        mib_of_one_cpu: memory that comes with the time of one whole processor
        timeout_seconds: of the longest invocation, and of a start together with the request that waits for it
        environment_bytes: of all variables, names and values
        policy_bytes: of the policy that says who may call an alias
        untraced: regions in which X-Ray traces no functions

    """

    memory_mib: int
    mib_of_one_cpu: int
    timeout_seconds: int
    environment_bytes: int
    policy_bytes: int
    untraced: frozenset[str]
    _invocation: Hop
    _envelope_bytes: int
    _fronts: dict[str, Hop]

    def hops(self, front: Front) -> tuple[Hop, ...]:
        """Return what a request passes, the caller's side first.

        Behind an HTTP front the body is part of an event, so that less of it fits into an invocation.
        """
        invocation = self._invocation
        if front == "invoke":
            return (invocation,)
        of, written = _BASE64
        body = (invocation.body_bytes - self._envelope_bytes) * of // written
        return (self._fronts[front], Hop(invocation.title, invocation.timeout_seconds, body))


@cache
def limits() -> Limits:
    """Read the table once."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    function, hops = table["function"], table["hops"]
    return Limits(
        memory_mib=function["memory_mib"],
        mib_of_one_cpu=function["mib_of_one_cpu"],
        timeout_seconds=function["timeout_seconds"],
        environment_bytes=function["environment_bytes"],
        policy_bytes=function["policy_bytes"],
        untraced=frozenset(function["untraced"]),
        _invocation=_hop(hops["lambda"]),
        _envelope_bytes=hops["lambda"]["envelope_bytes"],
        _fronts={name: _hop(hops[name]) for name in ("http_api", "function_url")},
    )


def _hop(row: dict[str, object]) -> Hop:
    title, seconds, body, absent = (
        row["title"],
        row["timeout_seconds"],
        row["body_bytes"],
        row.get("absent", []),
    )
    assert isinstance(title, str)
    assert isinstance(seconds, int)
    assert isinstance(body, int)
    assert isinstance(absent, list)
    return Hop(title, seconds, body, frozenset(absent))
