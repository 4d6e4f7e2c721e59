"""What changes of the settings of our own model server mean to its callers, wherever its pods run.

The limits are rows of `settings.toml`; whom it lets in is told here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .cluster import is_ours, pod_of
from .containers import variables
from .effect import Calls, Effect, Kind, Severity
from .rule import Rules, at, found
from .settings import Variable, server_variables
from .wording import code, listed, name, value

__all__ = ["RULES"]

_CONTAINERS: Final = "containers[]"
_KEYS: Final = "MODELBERTH_API_KEYS_FILE"
_HEADER: Final = "MODELBERTH_API_KEY_HEADER"
_TOKENS: Final = ("MODELBERTH_JWT_ISSUER", "MODELBERTH_JWT_AUDIENCE")
_AUTHORITIES: Final = "MODELBERTH_TLS_CLIENT_CA_FILE"
_KEYS_VOLUME: Final = "api-keys"


def _limits(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A limit of the server that calls run into."""
    if step.op is not Op.UPDATE or not is_ours(step.after):
        return
    before, after = _variables(step, step.before), _variables(step, step.after)
    for row in server_variables():
        old, new = before.get(row.name), after.get(row.name)
        if old != new and row.goes(old, new):
            yield _limit(step, row, f"{code(row.name)} {value(old)} → {value(new)}")


def _limit(step: Step, row: Variable, change: str) -> Effect:
    return Effect(
        kind=Kind.IN_PLACE,
        severity=Severity.CHANGE,
        sentence=f"{row.says.format(name=name(step))} ({change}).",
        urn=step.urn,
        calls=Calls.MAY_FAIL,
    )


def _callers(step: Step, _plan: Plan) -> Iterator[Effect]:
    """How callers prove who they are."""
    if step.op is not Op.UPDATE or not is_ours(step.after):
        return
    before, after = _variables(step, step.before), _variables(step, step.after)
    old, new = _proof(before), _proof(after)
    if old and not new:
        yield Effect(
            kind=Kind.NEWLY_PUBLIC,
            severity=Severity.DANGER,
            sentence=f"{name(step)} asks nobody any more who he is: whoever reaches it may call.",
            urn=step.urn,
            calls=Calls.SAFE,
        )
    elif new and old != new:
        changed = [
            f"{code(key)} {value(before.get(key, Marker.ABSENT))} → {value(after.get(key, Marker.ABSENT))}"
            for key in (_KEYS, _HEADER, *_TOKENS)
            if before.get(key) != after.get(key)
        ]
        asks = "asks its callers who they are now" if not old else "asks its callers for another proof"
        yield _narrowed(step, f"{name(step)} {asks}: calls made as before are refused ({listed(changed)}).")
    elif _secret(step, step.before) != _secret(step, step.after):
        yield _narrowed(
            step,
            f"{name(step)} takes its callers' keys from another Secret: calls with a key that is not in it "
            "are refused.",
        )
    if _AUTHORITIES in after and _AUTHORITIES not in before:
        sentence = f"{name(step)} asks its callers for a certificate now: calls without one are refused."
        yield _narrowed(step, sentence)


def _proof(env: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if all(key in env for key in _TOKENS):
        return tuple(env[key] for key in _TOKENS)
    return (env[_KEYS], env.get(_HEADER)) if _KEYS in env else None


def _secret(step: Step, inputs: Mapping[str, Any] | None) -> Any:
    """Secret with the digests of the keys."""
    volumes = (volume for _, volume in found(pod_of(step, inputs), "volumes[]"))
    return next((at(one, "secret.secretName") for one in volumes if at(one, "name") == _KEYS_VOLUME), None)


def _variables(step: Step, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    return variables(pod_of(step, inputs), _CONTAINERS)


def _narrowed(step: Step, sentence: str) -> Effect:
    return Effect(
        kind=Kind.PERMISSIONS_NARROWED,
        severity=Severity.DANGER,
        sentence=sentence,
        urn=step.urn,
        calls=Calls.MAY_FAIL,
        of_callers=True,
    )


RULES: Rules = {
    "kubernetes:apps/v1:Deployment": (_limits, _callers),
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": (_limits, _callers),
}
