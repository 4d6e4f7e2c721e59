"""What changes of what an endpoint in Vertex AI runs mean for its callers.

Our own resource deploys what is new, moves the calls and only then takes away what is wanted no more
(`provider.vertex.plan`). Replicas alone are changed while they serve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .keys import encrypted
from .lifecycle import behind, needs_gpus, rolling, serves
from .protection import lifted
from .rule import Rules, found
from .traffic import Shares, moves, shares_of
from .wording import changes, code, name, value

__all__ = ["RULES"]

_FIXED: Final = (
    "model",
    "machineType",
    "acceleratorType",
    "acceleratorCount",
    "serviceAccount",
    "accessLog",
)
"""What takes another deployment to change (`provider.vertex.deployment.Deployment.fixed`)."""

_DEPLOYED: Final = "modelberth:vertex:DeployedModel"
_Share = Mapping[str, Any]


def _deployments(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Deployments that come beside the old ones, which go once the calls are moved."""
    if step.op is not Op.UPDATE or not step.changed("shares"):
        return
    before, after = _shares(step.before), _shares(step.after)
    new = [share for share in after if _same(share, before) is None]
    gone = [share for share in before if _same(share, after) is None]
    if not new:
        return
    coming, going = (sum(map(_gpus, shares)) for shares in (new, gone))
    how = "the old one serves until it is there" if gone else "nothing else is stopped for it"
    what = f"{len(new)} new deployments" if len(new) > 1 else "a new deployment"
    sentence = (
        f"{name(step)} gets {what}; {how}{needs_gpus(min(coming, going), coming - going)} "
        f"({changes(step.changed('shares'))})."
    )
    yield rolling(step, sentence, step.changed("shares"), gpus=min(coming, going))


def _replicas(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Fewer replicas of what stays deployed."""
    if step.op is not Op.UPDATE:
        return
    before = _shares(step.before)
    for index, share in enumerate(_shares(step.after)):
        (_, most), (_, now) = _bounds(_same(share, before) or share), _bounds(share)
        if now < most:
            yield Effect(
                kind=Kind.IN_PLACE,
                severity=Severity.CHANGE,
                sentence=f"{name(step)} may have fewer replicas: calls beyond what they can take are refused "
                f"({code('maxReplicas')} {value(most)} → {value(now)}).",
                urn=step.urn,
                paths=(f"shares[{index}].maxReplicas",),
                calls=Calls.MAY_FAIL,
            )


def _alone(step: Step, _plan: Plan) -> Iterator[Effect]:
    """The second replica is the one that outlives a machine."""
    if step.op not in {Op.UPDATE, Op.REPLACE}:
        return
    before, after = ([low for low, _ in map(_bounds, _shares(side))] for side in (step.before, step.after))
    if before and after and min(before) > 1 and min(after) == 1:
        sentence = f"{name(step)} leaves one replica at its least: the endpoint goes with its machine."
        yield lifted(step, sentence, "shares")


def _unlogged(step: Step, _plan: Plan) -> Iterator[Effect]:
    before, after = (
        any(share.get("accessLog") is True for share in _shares(side)) for side in (step.before, step.after)
    )
    if step.after is not None and before and not after:
        yield lifted(step, f"{name(step)} no longer writes down who was answered, and how fast.", "shares")


def _split(step: Step, plan: Plan) -> Iterator[Effect]:
    """Of one deployment in place of one other, the new deployment is told and no split."""
    if any(len(_shares(side)) > 1 for side in (step.before, step.after)):
        yield from _moves(step, plan)


def _percent(inputs: Mapping[str, Any]) -> Shares:
    return shares_of((_version(share.get("model")), share.get("percent")) for share in _shares(inputs))


def _version(model: Any) -> str:
    return f"version {value(model.rpartition('/')[2])}" if isinstance(model, str) else "the new version"


_moves: Final = moves(_percent, "shares")


def _shares(inputs: Mapping[str, Any] | None) -> Sequence[_Share]:
    return [share for _, share in found(inputs, "shares[]") if isinstance(share, Mapping)]


def _same(share: _Share, others: Sequence[_Share]) -> _Share | None:
    """The one of the others that is the same deployment; what is not known yet is no difference."""
    return next((other for other in others if all(_agree(share, other, key) for key in _FIXED)), None)


def _agree(share: _Share, other: _Share, key: str) -> bool:
    sides = [share.get(key) or None, other.get(key) or None]
    # A version that is not known is one that is made: nothing runs it yet.
    return sides[0] == sides[1] or (Marker.UNKNOWN in sides and key != "model")


def _gpus(share: _Share) -> int:
    """GPUs of the replicas that are always there."""
    count = share.get("acceleratorCount", 1) if share.get("acceleratorType") else 0
    low, _ = _bounds(share)
    return int(count * low) if isinstance(count, int | float) else 0


def _bounds(share: _Share) -> tuple[int, int]:
    """Least and greatest number of replicas; what is not known counts as the default."""
    low = share.get("minReplicas")
    least = int(low) if isinstance(low, int | float) else 1
    high = share.get("maxReplicas")
    return least, int(high) if isinstance(high, int | float) else least


def _version_goes(step: Step, plan: Plan) -> Iterator[Effect]:
    """What deploys it is turned to another version before: the API refuses to delete one that runs."""
    if step.op is not Op.DELETE or step.retain or _is_deployed(step, plan):
        yield from _MODEL(step, plan)
        return
    yield Effect(
        kind=Kind.REMOVED,
        severity=Severity.CHANGE,
        sentence=f"{name(step)} is removed: nothing runs this version any more.",
        urn=step.urn,
        calls=Calls.SAFE,
    )


def _is_deployed(step: Step, plan: Plan) -> bool:
    version = step.outputs_before.get("versionName")
    deployed = plan.by_type.get(_DEPLOYED, ())
    return any(share.get("model") == version for one in deployed for share in _shares(one.after))


_MODEL: Final = behind("Vertex AI refuses that while an endpoint still has it", once_replaced=Calls.SAFE)

RULES: Rules = {
    _DEPLOYED: (serves(), _deployments, _replicas, _alone, _unlogged, _split),
    "modelberth:vertex:Model": (_version_goes, encrypted("encryptionKey", what="the model")),
}
