"""What alone takes an endpoint down: a fleet of one instance lies in one zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelberth.preview.effects.rule import at, found
from modelberth.preview.effects.wording import code, value
from modelberth.preview.plan import Step

from . import gcp

__all__ = ["takes_down"]

_CONFIGS: Final = (
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
    "aws-native:sagemaker:EndpointConfig",
)
_TARGET: Final = "aws:appautoscaling/target:Target"


def takes_down(steps: Sequence[Step]) -> Iterator[str]:
    """A sentence without an end for each fleet that has one instance at its least."""
    yield from gcp.takes_down(steps)
    least = [
        at(step.after, "minCapacity")
        for step in steps
        if step.type == _TARGET and at(step.after, "serviceNamespace") == "sagemaker"
    ]
    if any(isinstance(count, int | float) and count > 1 for count in least):
        return
    for step in steps:
        if step.type in _CONFIGS:
            for _, variant in found(step.after, "productionVariants[]"):
                if at(variant, "initialInstanceCount") == 1:
                    name = code(str(at(variant, "variantName", "the only one")))
                    kind = value(at(variant, "instanceType"))
                    at_once = f"one instance {kind}, or the zone that it lies in"
                    yield f"{at_once}: variant {name} has no second one"
