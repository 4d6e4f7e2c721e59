"""What nobody should find out from a cloud: how a config is refused before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelberth.capabilities import check
from modelberth.errors import Problem, SpecError
from modelberth.spec import EndpointDeployment, parse

__all__ = ["Bad", "refusals"]


@dataclass(frozen=True)
class Bad:
    """A config, and how it is refused.

    Attributes:
        kind: of bad input, as a person would call it
        config: of the endpoint
        path: field that the refusal names
        given: part of the value that it repeats
        says: part of the limit, or of the way out

    """

    kind: str
    config: Mapping[str, Any]
    path: str
    given: str
    says: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.config['target']['kind']}, {self.path}"


def refusals(config: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What is wrong with a config, as `preview` would say it; without the engine."""
    try:
        read = parse(EndpointDeployment, config)
    except SpecError as error:
        return error.problems
    return check(read.spec, read.target)
