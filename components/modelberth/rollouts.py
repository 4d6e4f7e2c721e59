"""What every target refuses of a rollout from one model to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec

__all__ = ["same_model_problems"]


def same_model_problems(spec: EndpointSpec) -> Iterator[Problem]:
    """Yield a rollout from a model to itself, which are one revision and cannot have two shares."""
    if spec.previous is not None and spec.previous == spec.model:
        hint = "It is the model that the rollout comes from; without it, leave it out."
        yield Problem("rollout.previous", shown(spec.previous.uri), "another model than `model`", hint)
