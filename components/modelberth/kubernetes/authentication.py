"""Who may call: API keys or tokens, which the server checks, or Envoy Gateway in front of another server.

Authentication is on unless the spec turns it off. A pod sees the digests of the keys alone, as a file.
Secrets are referred to; none of their values is in a manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import HIDDEN, Problem
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.encryption import certificate_secret
from modelberth.kubernetes.pods.part import PodPart
from modelberth.runtime_table import runtimes
from modelberth.spec.kubernetes import OBJECT_NAME, GatewayRoute
from modelberth.spec.security import ApiKeyAuth, JwtAuth, NoAuth, PlatformAuth

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.spec import EndpointSpec, KubernetesTarget
    from modelberth.spec.kubernetes import ExternalSecrets

__all__ = [
    "KEYS",
    "authentication",
    "checks_callers",
    "credentials",
    "generates_key",
    "key_secret",
    "own_key_secret",
    "problems",
]

KEYS: Final = "keys"
"""Entry of a Secret of API keys that the server reads: a line `NAME SHA256` for each."""

_FOLDER: Final = "/var/run/secrets/modelberth/api-keys"
_VOLUME: Final = "api-keys"
# Readable by the pod's group, which the kubelet sets, and by nobody else.
_MODE: Final = 0o440
_REFRESH: Final = "1h0m0s"
_CALLER: Final = "default"
_FILLED: Final = "target.external_secrets fills Secrets from a store, by any name that the store has."


def checks_callers(spec: EndpointSpec) -> bool:
    """Tell whether the server itself authenticates: ours does, and a custom image gets the same settings."""
    return spec.runtime.engine in {"onnxruntime", "custom"}


def key_secret(plan: Plan) -> str | None:
    """Return the name of the Secret with the API keys; None where callers have none."""
    match plan.spec.security.auth:
        case PlatformAuth() | ApiKeyAuth(secret=None):
            return own_key_secret(plan)
        case ApiKeyAuth(secret=secret):
            return secret if plan.target.external_secrets is None else own_key_secret(plan)
    return None


def own_key_secret(plan: Plan) -> str:
    """Return the name of the Secret with the API keys where the endpoint makes it, or a store fills it."""
    return f"{plan.name}-api-keys"


def generates_key(plan: Plan) -> bool:
    """Tell whether a key has to be made into `own_key_secret`: nobody names one."""
    auth = plan.spec.security.auth
    return isinstance(auth, PlatformAuth) or (isinstance(auth, ApiKeyAuth) and auth.secret is None)


def authentication(plan: Plan, _: Revision) -> PodPart:
    """Return what makes the server ask its callers who they are.

    Of the Secret only the entry with the digests is mounted, and as a folder, so that the kubelet replaces it
    when the Secret changes and the server takes the new keys without a restart.
    """
    auth = plan.spec.security.auth
    if not checks_callers(plan.spec) or isinstance(auth, NoAuth):
        return PodPart()
    if isinstance(auth, JwtAuth):
        env = {"MODELBERTH_JWT_ISSUER": auth.issuer, "MODELBERTH_JWT_AUDIENCE": auth.audience}
        jwks = getattr(plan.target.route, "jwks", None)
        return PodPart(env=env if jwks is None else {**env, "MODELBERTH_JWT_JWKS": jwks})
    items = [{"key": KEYS, "path": KEYS}]
    secret = {"secretName": key_secret(plan), "defaultMode": _MODE, "items": items}
    env = {"MODELBERTH_API_KEYS_FILE": f"{_FOLDER}/{KEYS}"}
    if isinstance(auth, ApiKeyAuth):
        env["MODELBERTH_API_KEY_HEADER"] = auth.header
    return PodPart(
        env=env,
        volumes=({"name": _VOLUME, "secret": secret},),
        mounts=({"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True},),
    )


def credentials(plan: Plan) -> dict[str, Manifest]:
    """Return what fills the Secrets that the spec names from a store; nothing where they exist already.

    In the store `security.auth.secret` holds the key itself, as in every cloud; the Secret gets its digest
    (Envoy Gateway, in front of a server that checks none, needs the key). `security.tls.certificate` has the
    entries `tls.crt` and `tls.key`.
    """
    store, security = plan.target.external_secrets, plan.spec.security
    manifests: dict[str, Manifest] = {}
    if store is None:
        return manifests
    if isinstance(security.auth, ApiKeyAuth) and security.auth.secret is not None:
        entry = {"secretKey": "key", "remoteRef": {"key": security.auth.secret}}
        template = (
            {KEYS: f"{_CALLER} {{{{ .key | trim | sha256sum }}}}\n"}
            if checks_callers(plan.spec)
            else {_CALLER: "{{ .key | trim }}"}
        )
        manifests["api-keys"] = _external(plan, store, own_key_secret(plan), "Opaque", template, data=[entry])
    if security.tls.certificate is not None:
        name = certificate_secret(plan)
        template = {"tls.crt": '{{ index . "tls.crt" }}', "tls.key": '{{ index . "tls.key" }}'}
        whole = [{"extract": {"key": security.tls.certificate}}]
        manifests["tls"] = _external(plan, store, name, "kubernetes.io/tls", template, dataFrom=whole)
    return manifests


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Name what nobody would check, and references that no Secret can have."""
    security, route = spec.security, target.route
    auth = security.auth
    exists = target.external_secrets is None
    if (
        exists
        and isinstance(auth, ApiKeyAuth)
        and auth.secret is not None
        and not OBJECT_NAME.matches(auth.secret)
    ):
        yield Problem("security.auth.secret", HIDDEN, "the name of a Secret on target `kubernetes`", _FILLED)
    if checks_callers(spec):
        return
    title = runtimes()[spec.runtime.engine].title
    behind_envoy = isinstance(route, GatewayRoute) and route.envoy
    if isinstance(auth, PlatformAuth) or (not behind_envoy and not isinstance(auth, NoAuth)):
        yield Problem(
            "security.auth.kind",
            auth.kind,
            f"none, or with an Envoy Gateway (target.route) jwt or api_key, for engine {spec.runtime.engine}",
            f"{title} asks nobody who he is. With none, target.route says who may connect.",
        )
    elif isinstance(auth, ApiKeyAuth) and auth.secret is None:
        yield Problem(
            "security.auth.secret",
            "nothing",
            f"a Secret with an entry for each caller, his name and his key, for engine {spec.runtime.engine}",
            "Envoy Gateway checks the keys, and compares them with the keys themselves.",
        )
    elif isinstance(auth, JwtAuth) and isinstance(route, GatewayRoute) and route.jwks is None:
        yield Problem(
            "target.route.jwks",
            "nothing",
            f"the https address of the keys of {auth.issuer}, for engine {spec.runtime.engine}",
            "Envoy Gateway checks the tokens, and does not discover the issuer's keys.",
        )


def _external(
    plan: Plan, store: ExternalSecrets, name: str, kind: str, template: dict[str, str], **source: Any
) -> Manifest:
    return {
        "apiVersion": api_version("ExternalSecret"),
        "kind": "ExternalSecret",
        "metadata": plan.metadata(name),
        "spec": {
            "refreshInterval": _REFRESH,
            "secretStoreRef": {"name": store.store, "kind": store.kind},
            "target": {
                "name": name,
                "creationPolicy": "Owner",
                "template": {"type": kind, "engineVersion": "v2", "data": template},
            },
            **source,
        },
    }
