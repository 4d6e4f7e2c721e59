"""The variants of an endpoint: which models answer, in what shares, and on how many instances at first.

A deployment with guardrails needs the variants of the old configuration in the new one by the same names
(SageMaker AI, "Deployment guardrails", exclusions), and the number of instances is kept by the name. So the
endpoint's model is always the variant `model`, whichever model that is.

Nor does AWS remove a variant, or change its instance type, while Application Auto Scaling holds the number of
its instances (SageMaker AI, "Update endpoints that use auto scaling"). So one that gets no requests is not
scaled: it keeps what it has, ready for the way back, and can go in the next update. A rollout ends by its
last step, and then without `previous`; for another instance type `scaling.max` comes down to `scaling.min`
first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.rollouts import same_model_problems
from modelberth.spec.rollout import Shadow
from modelberth.spec.sagemaker import Async, RealTime, Serverless

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.sagemaker import SageMakerMode, SageMakerTarget

__all__ = ["MODEL", "PREVIOUS", "Variant", "by_components", "problems", "scaled", "variants"]

MODEL: Final = "model"
"""Variant of the endpoint's own model."""
PREVIOUS: Final = "previous"
"""Variant of `rollout.previous`."""

_WHOLE: Final = 100
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
_MOST: Final = 10
_WITH_SHADOW: Final = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """One model on its own instances.

    Attributes:
        name: as SageMaker has it
        model: that it serves
        weight: share of the requests, in percent; of a shadow, of those that are copied to it
        instances: number of them at first; with autoscaling an update keeps what is there
        is_shadow: it gets copies, and its answers are dropped

    """

    name: str
    model: ModelSource
    weight: int
    instances: int
    is_shadow: bool = False


def variants(spec: EndpointSpec) -> tuple[Variant, ...]:
    """Return the variants, the endpoint's own model first; an answering one before a shadow."""
    found = [*_of_rollout(spec)] or [*_of_variants(spec)]
    return tuple(sorted(found, key=lambda variant: variant.is_shadow))


def scaled(spec: EndpointSpec) -> tuple[str, ...]:
    """Return the names of the variants whose instances may follow the load: those that get requests."""
    return tuple(one.name for one in variants(spec) if not one.is_shadow and one.weight > 0)


def by_components(mode: SageMakerMode) -> bool:
    """Whether the model is an inference component, so that the variant has instances and no model."""
    return isinstance(mode, RealTime) and mode.inference_components is not None


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield variants that one endpoint cannot have, or not in this mode."""
    yield from _name_problems(spec)
    yield from _previous_problems(spec)
    found = variants(spec)
    answering = sum(not variant.is_shadow for variant in found)
    path, given = _blamed(spec)
    if answering > _MOST:
        yield Problem(path, f"{answering} that answer", f"at most {_MOST} with the endpoint's own model")
    if len(found) > 1 and by_components(target.mode):
        hint = "An endpoint of inference components has one variant, which is instances and no model."
        yield Problem(path, given, "nothing with target.mode.inference_components", hint)
    elif len(found) > 1 and isinstance(target.mode, Serverless):
        hint = "A serverless endpoint has one variant."
        yield Problem(path, given, "nothing with target.mode serverless", hint)
    elif len(found) > answering and isinstance(target.mode, Async):
        hint = "SageMaker copies no requests of an asynchronous endpoint."
        yield Problem(path, given, "no shadow with target.mode async", hint)
    elif len(found) > answering and len(found) > _WITH_SHADOW:
        hint = "An endpoint with a shadow has one variant that answers."
        yield Problem(path, given, "one shadow and nothing else beside `model`", hint)


def _name_problems(spec: EndpointSpec) -> Iterator[Problem]:
    for taken in sorted({MODEL, PREVIOUS} & spec.variants.keys()):
        hint = f"The variant of {'the model' if taken == MODEL else 'rollout.previous'} has that name."
        yield Problem(f"variants.{taken}", shown(taken), "another name", hint)


def _previous_problems(spec: EndpointSpec) -> Iterator[Problem]:
    yield from same_model_problems(spec)
    if spec.previous is not None and spec.variants:
        hint = "Only one thing at a time can split the traffic."
        yield Problem("rollout.previous", shown(spec.previous.uri), "nothing while there are variants", hint)


def _of_rollout(spec: EndpointSpec) -> Iterator[Variant]:
    """The two variants of a rollout that has not come to its end, or none."""
    previous = spec.previous
    if previous is None:
        return
    match spec.rollout:
        case Shadow(promoted=True):
            return
        case Shadow(percent=copied):
            yield Variant(MODEL, spec.model, copied, _first(spec), is_shadow=True)
            yield Variant(PREVIOUS, previous, _WHOLE, _serving(spec, _WHOLE))
        case _:
            yield Variant(MODEL, spec.model, spec.share, _first(spec))
            rest = _WHOLE - spec.share
            yield Variant(PREVIOUS, previous, rest, _serving(spec, rest))


def _of_variants(spec: EndpointSpec) -> Iterator[Variant]:
    shares = {name: one.weight for name, one in spec.variants.items() if not one.shadow}
    yield Variant(MODEL, spec.model, _WHOLE - sum(shares.values()), _first(spec))
    for name, one in spec.variants.items():
        yield Variant(name, one.model, one.weight, _first(spec), is_shadow=one.shadow)


def _first(spec: EndpointSpec) -> int:
    """A variant begins with the least number; SageMaker starts none with 0 instances."""
    return max(1, spec.scaling.min)


def _serving(spec: EndpointSpec, percent: int) -> int:
    """Instances for a share of a load that is there already.

    The variant `previous` is new where its model has served under the name `model` before: how many
    instances it had by then only SageMaker knows. Autoscaling takes away what is too much.
    """
    return max(_first(spec), math.ceil(spec.scaling.max * percent / _WHOLE))


def _blamed(spec: EndpointSpec) -> tuple[str, str]:
    """The field that asks for several variants, and what it says."""
    if spec.previous is None:
        return "variants", ", ".join(spec.variants)
    return "rollout.previous", spec.previous.uri
