"""What scaling in SageMaker lets fail: callers of an endpoint at zero, and another instance type beneath it.

Source: Amazon SageMaker AI developer guide, "Scale an endpoint to zero instances" and "Update or delete
endpoints that use automatic scaling".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .rule import Rules, at, entries
from .wording import listed, name

__all__ = ["RULES"]

_TARGET: Final = "aws:appautoscaling/target:Target"
_COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
_ENDPOINTS: Final = ("aws:sagemaker/endpoint:Endpoint", "aws-native:sagemaker:Endpoint")


def _at_zero(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A component whose last copy may go."""
    if at(step.after, "scalableDimension") != _COPIES or at(step.after, "minCapacity") != 0:
        return
    if step.op is Op.UPDATE and not step.changed("minCapacity"):
        return
    yield Effect(
        kind=Kind.IN_PLACE,
        severity=Severity.DANGER,
        sentence=f"{name(step)} lets the last copy of the model go while nobody calls: no instance is paid "
        "for then, and who calls next gets an error, as does everybody for minutes, until one is back.",
        urn=step.urn,
        paths=("minCapacity",),
        calls=Calls.MAY_FAIL,
    )


def _instance_type(step: Step, plan: Plan) -> Iterator[Effect]:
    """Another instance type for a variant that a scalable target is registered for, which AWS refuses."""
    if step.op not in {Op.REPLACE, Op.UPDATE}:
        return
    before, after = _types(step.before), _types(step.after)
    changed = [each for each, kind in before.items() if after.get(each, kind) != kind]
    scaling = [target for each in changed for target in _scaling(each, step, plan)]
    if not scaling:
        return
    yield Effect(
        kind=Kind.REFUSED,
        severity=Severity.DANGER,
        sentence="SageMaker refuses another instance type for what "
        f"{listed([name(one) for one in scaling])} scales: the update stops there. Go by a fixed number: "
        "scaling.max as low as scaling.min, then the other type, then scaling.max as it was.",
        urn=step.urn,
        calls=Calls.SAFE,
    )


def _types(inputs: Mapping[str, Any] | None) -> dict[Any, Any]:
    found = entries(at(inputs, "productionVariants"))
    return {at(one, "variantName"): at(one, "instanceType") for one in found}


def _scaling(variant: Any, configuration: Step, plan: Plan) -> Iterator[Step]:
    """Targets of a variant that are registered before the update; one that goes, goes at the end of it."""
    endpoints = [
        at(one.after, "endpointName") or at(one.after, "name")
        for kind in _ENDPOINTS
        for one in plan.by_type.get(kind, ())
        if one.parent == configuration.parent
    ]
    wanted = {f"endpoint/{endpoint}/variant/{variant}" for endpoint in endpoints}
    for target in plan.by_type.get(_TARGET, ()):
        if at(target.before, "resourceId") in wanted:
            yield target


RULES: Rules = {
    _TARGET: (_at_zero,),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": (_instance_type,),
}
