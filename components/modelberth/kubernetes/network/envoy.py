"""Envoy Gateway's own policies for an HTTPRoute: the rate, the size of a body, and who may call."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.authentication import checks_callers, key_secret
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.pods.engines import honours
from modelberth.spec.security import ApiKeyAuth, JwtAuth

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan
    from modelberth.spec.kubernetes import GatewayRoute

__all__ = ["policies"]

_UNITS: Final = (("Second", 1), ("Minute", 60), ("Hour", 3600))


def policies(plan: Plan, route: GatewayRoute) -> dict[str, Manifest]:
    """Return the policies; none for a Gateway of somebody else.

    Each proxy keeps the rate by itself, for each path by itself: with N proxies N times as much gets through.
    A limit over all of them needs a rate limit service, which is the Gateway's to have. A body is bounded
    where the server does not do it, since Envoy holds it in memory as a whole for that.
    """
    if not route.envoy:
        return {}
    found: dict[str, Manifest] = {}
    if traffic := _traffic(plan):
        found["traffic-policy"] = _policy(plan, "BackendTrafficPolicy", traffic)
    if security := _security(plan, route):
        found["security-policy"] = _policy(plan, "SecurityPolicy", security)
    return found


def _traffic(plan: Plan) -> dict[str, Any]:
    limits = plan.spec.limits
    traffic: dict[str, Any] = {}
    if limits.requests_per_second is not None:
        count, unit = _whole(limits.requests_per_second)
        traffic["rateLimit"] = {"local": {"rules": [{"limit": {"requests": count, "unit": unit}}]}}
    if not honours(plan.spec, "limits.max_body"):
        traffic["requestBuffer"] = {"limit": str(int(limits.max_body))}
    return traffic


def _security(plan: Plan, route: GatewayRoute) -> dict[str, Any]:
    """Tokens are checked wherever their keys are known; API keys only for a server that does not check them.

    For those Envoy compares the keys themselves, of which our server has the digests alone.
    """
    match plan.spec.security.auth:
        case JwtAuth(issuer=issuer, audience=audience) if route.jwks is not None:
            provider = {"name": "issuer", "issuer": issuer, "audiences": [audience]}
            return {"jwt": {"providers": [{**provider, "remoteJWKS": {"uri": route.jwks}}]}}
        case ApiKeyAuth(header=header) if not checks_callers(plan.spec):
            return {
                "apiKeyAuth": {
                    "credentialRefs": [{"name": key_secret(plan)}],
                    "extractFrom": [{"headers": [header]}],
                    "sanitize": True,
                }
            }
    return {}


def _policy(plan: Plan, kind: str, spec: dict[str, Any]) -> Manifest:
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": plan.name}
    return {
        "apiVersion": api_version(kind),
        "kind": kind,
        "metadata": plan.metadata(plan.name),
        "spec": {"targetRefs": [target], **spec},
    }


def _whole(rate: float) -> tuple[int, str]:
    """A rate as a whole number of requests in the shortest unit that has one; at least 1 in an hour."""
    exact = Fraction(str(rate))
    for unit, seconds in _UNITS:
        if (exact * seconds).denominator == 1:
            return int(exact * seconds), unit
    unit, seconds = _UNITS[-1]
    return max(1, int(exact * seconds)), unit
