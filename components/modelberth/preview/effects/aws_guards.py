"""Guards of resources of AWS that are taken away: they stay reachable and running, only less safe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .protection import lifted
from .rule import Rules, at, entries, found
from .wording import changes, name, value

__all__ = ["RULES"]

_ALARMS: Final = "deploymentConfig.autoRollbackConfiguration.alarms"
_LOGS: Final = "enabledClusterLogTypes"


def _rollback(step: Step, _plan: Plan) -> Iterator[Effect]:
    """SageMaker goes back by itself only where an alarm tells it to."""
    if step.op is not Op.UPDATE or not entries(at(step.before, _ALARMS)) or entries(at(step.after, _ALARMS)):
        return
    sentence = f"{name(step)} no longer goes back by itself when a deployment fails: no alarm is watched."
    yield lifted(step, sentence, _ALARMS)


def _access(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Beside access entries, whoever may edit a ConfigMap in the cluster lets others in."""
    path = "accessConfig.authenticationMode"
    before, after = at(step.before, path), at(step.after, path)
    if step.op is Op.UPDATE and before == "API" and after != "API":
        sentence = f"{name(step)} lets identities in by a ConfigMap as well ({changes(step.changed(path))})."
        yield Effect(
            kind=Kind.PERMISSIONS_WIDENED,
            severity=Severity.DANGER,
            sentence=sentence,
            urn=step.urn,
            paths=(path,),
            calls=Calls.SAFE,
        )


def _window(step: Step, _plan: Plan) -> Iterator[Effect]:
    path = "deletionWindowInDays"
    before, after = at(step.before, path, 30), at(step.after, path, 30)
    if step.op is Op.UPDATE and _is_less(after, before):
        sentence = (
            f"{name(step)} can be taken back for {value(after)} days once it is deleted, not {value(before)}."
        )
        yield lifted(step, sentence, path)


def _less_written(step: Step, _plan: Plan) -> Iterator[Effect]:
    before, after = (set(entries(at(side, _LOGS))) for side in (step.before, step.after))
    if step.op is Op.UPDATE and (gone := sorted(before - after, key=str)):
        sentence = f"{name(step)} no longer writes its log of {', '.join(map(str, gone))}."
        yield lifted(step, sentence, _LOGS)


def _metadata(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A pod that reaches the machine's metadata takes on the machine's role."""
    path = "metadataOptions"
    tokens, hops = (at(step.after, f"{path}.{key}") for key in ("httpTokens", "httpPutResponseHopLimit"))
    was_closed = at(step.before, f"{path}.httpTokens") == "required"
    if step.op is Op.UPDATE and was_closed and (tokens != "required" or _is_less(1, hops)):
        yield Effect(
            kind=Kind.PERMISSIONS_WIDENED,
            severity=Severity.DANGER,
            sentence=f"{name(step)} lets what runs on its machines take on their role "
            f"({changes(step.changed(path))}).",
            urn=step.urn,
            paths=(path,),
            calls=Calls.SAFE,
        )


def _isolation(step: Step, _plan: Plan) -> Iterator[Effect]:
    path = "enableNetworkIsolation"
    if at(step.before, path) is True and step.after is not None and at(step.after, path) is not True:
        sentence = f"{name(step)} gives its containers a network of their own."
        yield lifted(step, sentence, path)


def _fewer(step: Step, _plan: Plan) -> Iterator[Effect]:
    """The second instance is the one in the other zone."""
    path = "productionVariants[].initialInstanceCount"
    before, after = ([count for _, count in found(side, path)] for side in (step.before, step.after))
    if step.op in {Op.UPDATE, Op.REPLACE} and after and min(after) == 1 and before and min(before) > 1:
        sentence = f"{name(step)} leaves one instance, in one zone: the endpoint goes with it."
        yield lifted(step, sentence, "productionVariants")


def _is_less(one: Any, other: Any) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float) and one < other


RULES: Rules = {
    "aws:ec2/launchTemplate:LaunchTemplate": (_metadata,),
    "aws:eks/cluster:Cluster": (_access, _less_written),
    "aws:kms/key:Key": (_window,),
    "aws:sagemaker/endpoint:Endpoint": (_rollback,),
    "aws-native:sagemaker:Endpoint": (_rollback,),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": (_fewer,),
    "aws:sagemaker/model:Model": (_isolation,),
}
