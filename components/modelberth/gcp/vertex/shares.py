"""The models that an endpoint serves, and the percentage of the requests that each gets.

A rollout from `rollout.previous` deploys both models beside each other; its steps move percentages and
nothing else. One with no share stays deployed, ready for the way there or back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.rollouts import same_model_problems

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.vertex import VertexTarget

__all__ = ["MODEL", "PREVIOUS", "ModelShare", "problems", "shares"]

MODEL: Final = "model"
"""Role of the endpoint's own model."""
PREVIOUS: Final = "previous"
"""Role of `rollout.previous`."""

_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class ModelShare:
    """A model and what it gets of the requests.

    Attributes:
        role: `model`, `previous` or the variant's name
        path: of the model's field
        model: that serves
        percent: of the requests

    """

    role: str
    path: str
    model: ModelSource
    percent: int


def shares(spec: EndpointSpec) -> tuple[ModelShare, ...]:
    """Return the shares, the endpoint's own model first; they are the whole of the requests together."""
    if spec.previous is not None:
        return (
            ModelShare(MODEL, "model", spec.model, spec.share),
            ModelShare(PREVIOUS, "rollout.previous", spec.previous, _WHOLE - spec.share),
        )
    others = tuple(
        ModelShare(name, f"variants.{name}.model", one.model, one.weight)
        for name, one in spec.variants.items()
    )
    rest = _WHOLE - sum(one.percent for one in others)
    return (ModelShare(MODEL, "model", spec.model, rest), *others)


def problems(spec: EndpointSpec, target: VertexTarget) -> Iterator[Problem]:
    """Yield models that cannot be told apart, and two reasons to split the requests at once."""
    del target  # Every region has the same.
    for taken in sorted({MODEL, PREVIOUS} & spec.variants.keys()):
        hint = f"The {'endpoint' if taken == MODEL else 'rollout'}'s model has that name."
        yield Problem(f"variants.{taken}", shown(taken), "another name", hint)
    yield from same_model_problems(spec)
    if spec.previous is not None and spec.variants:
        hint = "Only one thing at a time can split the traffic."
        yield Problem("rollout.previous", shown(spec.previous.uri), "nothing while there are variants", hint)
        return
    found = shares(spec)
    for place, one in enumerate(found):
        if one.role not in {MODEL, PREVIOUS} and one.model in [other.model for other in found[:place]]:
            hint = "One deployment of a model serves all of its requests: add the weights up."
            yield Problem(one.path, shown(one.model.uri), "a model that no other share has", hint)
