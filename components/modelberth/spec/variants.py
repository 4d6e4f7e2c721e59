"""Further models that share the endpoint's traffic, for a comparison that lasts."""

from collections.abc import Mapping

from pydantic import Field

from modelberth.errors import Problem, SpecError

from .model import ModelSource
from .rules import Count, Flag, Part

__all__ = ["Variant", "check_weights"]


class Variant(Part):
    """A model beside the endpoint's own."""

    model: ModelSource = Field(description="The variant's model.")
    weight: Count = Field(
        ge=0,
        le=100,
        description="Share of the requests, in percent; the endpoint's `model` gets what is left.",
    )
    shadow: Flag = Field(
        default=False, description="Send copies of that share instead, and drop the answers."
    )


def check_weights(variants: Mapping[str, Variant]) -> None:
    """Raise `SpecError` if the answering variants ask for more than all requests."""
    weights = {name: variant.weight for name, variant in variants.items() if not variant.shadow}
    if (total := sum(weights.values())) > 100:
        given = f"weights {' + '.join(str(weight) for weight in weights.values())} = {total}"
        raise SpecError(
            Problem("", given, "weights that sum to at most 100; the endpoint's `model` gets the rest")
        )
