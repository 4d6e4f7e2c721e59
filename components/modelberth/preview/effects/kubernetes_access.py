"""Who may call and how often, by objects of a cluster: Envoy Gateway's policies, certificates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .cluster import Cluster, is_ours, pod_of
from .containers import variables
from .effect import Calls, Effect, Kind, Severity
from .rule import Rules, at, found, texts
from .wording import listed, name, value

__all__ = ["RULES", "server_asks"]

_PROOFS: Final = ("spec.jwt", "spec.apiKeyAuth", "spec.basicAuth", "spec.oidc", "spec.extAuth")
_SECONDS: Final = {"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86400}
_OF_SERVER: Final = ("MODELBERTH_JWT_ISSUER", "MODELBERTH_API_KEYS_FILE")
_RATES: Final = ("spec.rateLimit.local.rules[].limit", "spec.rateLimit.global.rules[].limit")


def _gateway_asks(step: Step, plan: Plan) -> Iterator[Effect]:
    """Envoy Gateway checks callers before it hands their calls on."""
    before, after = _proofs(step.before), _proofs(step.after)
    if before == after or step.retain:
        return
    paths = tuple(difference.path for difference in step.changed(*_PROOFS))
    if not after:
        if step.op is Op.DELETE and not [*Cluster(plan, "after").of_type(*_ROUTES)]:
            return
        if server_asks(plan):
            yield Effect(
                kind=Kind.IN_PLACE if step.op is Op.UPDATE else Kind.REMOVED,
                severity=Severity.CHANGE,
                sentence=f"{name(step)} has the Gateway ask nobody any more; the server still asks callers.",
                urn=step.urn,
                paths=paths,
                calls=Calls.SAFE,
            )
            return
        yield Effect(
            kind=Kind.NEWLY_PUBLIC,
            severity=Severity.DANGER,
            sentence=f"{name(step)} has the Gateway ask nobody any more: whoever reaches it may call.",
            urn=step.urn,
            paths=paths,
            calls=Calls.SAFE,
        )
    elif step.op is Op.UPDATE or [*Cluster(plan, "before").of_type(*_ROUTES)]:
        asks = "ask callers who they are" if not before else "ask callers for another proof"
        yield Effect(
            kind=Kind.PERMISSIONS_NARROWED,
            severity=Severity.DANGER,
            sentence=f"{name(step)} has the Gateway {asks}: calls made as before are refused.",
            urn=step.urn,
            paths=paths,
            calls=Calls.MAY_FAIL,
            of_callers=True,
        )


def _rate(step: Step, plan: Plan) -> Iterator[Effect]:
    """How many calls Envoy Gateway lets through."""
    before, after = _slowest(step.before), _slowest(step.after)
    if after is None or (before is not None and after >= before):
        return
    if step.op is Op.CREATE and not [*Cluster(plan, "before").of_type(*_ROUTES)]:
        return
    yield Effect(
        kind=Kind.IN_PLACE if step.op is Op.UPDATE else Kind.CREATED,
        severity=Severity.CHANGE,
        sentence=f"{name(step)} lets {after:g} calls a second through: those beyond that are refused.",
        urn=step.urn,
        paths=tuple(difference.path for difference in step.changed("spec.rateLimit")),
        calls=Calls.MAY_FAIL,
    )


def _names(step: Step, plan: Plan) -> Iterator[Effect]:
    """Names that the next certificate no longer has, but for those of Services that go as well."""
    going = {
        at(other.before, "metadata.name")
        for other in plan.by_type.get("kubernetes:core/v1:Service", ())
        if other.op is Op.DELETE
    }
    if step.op is not Op.UPDATE:
        return
    still = texts(at(step.after, "spec.dnsNames"))
    gone = [
        one
        for one in texts(at(step.before, "spec.dnsNames"))
        if one not in still and one.partition(".")[0] not in going
    ]
    differences = step.changed("spec.dnsNames")
    paths = tuple(difference.path for difference in differences)
    if gone:
        yield Effect(
            kind=Kind.ADDRESS_CHANGED,
            severity=Severity.DANGER,
            sentence=f"The next certificate of {name(step)} is no longer for "
            f"{listed([value(one) for one in gone])}: callers by that name refuse the connection.",
            urn=step.urn,
            paths=paths,
            calls=Calls.MAY_FAIL,
        )
    elif differences:
        yield Effect(
            kind=Kind.IN_PLACE,
            severity=Severity.CHANGE,
            sentence=f"{name(step)} gets a certificate for other names; all that callers use are in it.",
            urn=step.urn,
            paths=paths,
            calls=Calls.SAFE,
        )


_ROUTES: Final = ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",)
_WORKLOADS: Final = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:serving.kserve.io/v1beta1:InferenceService",
)


def _proofs(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    return {path: given for path in _PROOFS for _, given in found(inputs, path)}


def _slowest(inputs: Mapping[str, Any] | None) -> float | None:
    """Calls a second that the narrowest of the limits lets through; None without any."""
    limits = [limit for path in _RATES for _, limit in found(inputs, path)]
    rates = [at(limit, "requests") / _SECONDS.get(at(limit, "unit"), 1) for limit in limits]
    return min(rates, default=None)


def server_asks(plan: Plan) -> bool:
    """Whether a server of ours asks for a proof by itself."""
    return any(
        name in variables(pod_of(step, inputs), "containers[]")
        for step, inputs in Cluster(plan, "after").of_type(*_WORKLOADS)
        if is_ours(inputs)
        for name in _OF_SERVER
    )


RULES: Rules = {
    "kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy": (_gateway_asks,),
    "kubernetes:gateway.envoyproxy.io/v1alpha1:BackendTrafficPolicy": (_rate,),
    "kubernetes:cert-manager.io/v1:Certificate": (_names,),
}
