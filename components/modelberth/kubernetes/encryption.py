"""TLS: the certificate, who issues it, and the server that speaks it.

A Gateway's listener ends TLS with a certificate of its own. For an Ingress, and for a server that speaks TLS
itself, the Secret with the certificate is issued by cert-manager, filled by External Secrets, or exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.pods.part import PodPart
from modelberth.spec.kubernetes import OBJECT_NAME, ClusterService, GatewayRoute, IngressRoute

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["certificate_secret", "certificates", "problems", "speaks_tls", "tls"]

_FOLDER: Final = "/var/run/secrets/modelberth"
_CERTIFICATE: Final = "tls"
_AUTHORITIES: Final = "client-ca"
# Readable by the pod's group, which the kubelet sets, and by nobody else.
_MODE: Final = 0o440


def speaks_tls(target: KubernetesTarget) -> bool:
    """Tell whether the server itself speaks TLS on its port for predictions; that for metrics stays plain."""
    return isinstance(target.route, ClusterService) and target.route.tls


def certificate_secret(plan: Plan) -> str:
    """Return the name of the Secret (kubernetes.io/tls) that an Ingress or the server takes."""
    given, target = plan.spec.security.tls.certificate, plan.target
    return f"{plan.name}-tls" if given is None or target.external_secrets is not None else given


def certificates(plan: Plan) -> dict[str, Manifest]:
    """Return the Certificate that cert-manager issues; nothing where one is named or none is needed."""
    issuer = plan.target.certificates
    if issuer is None:
        return {}
    return {
        "certificate": {
            "apiVersion": api_version("Certificate"),
            "kind": "Certificate",
            "metadata": plan.metadata(f"{plan.name}-tls"),
            "spec": {
                "secretName": certificate_secret(plan),
                "dnsNames": [*_hosts(plan)],
                "issuerRef": {"group": "cert-manager.io", "kind": issuer.kind, "name": issuer.issuer},
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "usages": ["digital signature", "server auth"],
                "revisionHistoryLimit": 1,
            },
        }
    }


def tls(plan: Plan, _: Revision) -> PodPart:
    """Return what makes the server speak TLS, and ask callers for certificates where authorities are named.

    Secrets are mounted as folders: a renewed certificate is in force without a restart.
    """
    route = plan.target.route
    if not isinstance(route, ClusterService) or not route.tls:
        return PodPart()
    mounted: dict[str, tuple[str, ...]] = {_CERTIFICATE: (certificate_secret(plan), "tls.crt", "tls.key")}
    env = {
        "MODELBERTH_TLS_CERT_FILE": f"{_FOLDER}/{_CERTIFICATE}/tls.crt",
        "MODELBERTH_TLS_KEY_FILE": f"{_FOLDER}/{_CERTIFICATE}/tls.key",
        "MODELBERTH_TLS_MIN_VERSION": plan.spec.security.tls.min_version,
    }
    if route.client_ca is not None:
        mounted[_AUTHORITIES] = (route.client_ca, "ca.crt")
        env["MODELBERTH_TLS_CLIENT_CA_FILE"] = f"{_FOLDER}/{_AUTHORITIES}/ca.crt"
    return PodPart(
        env=env,
        volumes=tuple(_volume(name, secret, keys) for name, (secret, *keys) in mounted.items()),
        mounts=tuple({"name": name, "mountPath": f"{_FOLDER}/{name}", "readOnly": True} for name in mounted),
    )


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Name what nobody would encrypt with, and what somebody else decides."""
    security, route = spec.security, target.route
    given = security.tls.certificate
    if given is not None and target.external_secrets is None and not OBJECT_NAME.matches(given):
        hint = "target.external_secrets fills Secrets from a store, by any name that the store has."
        yield Problem("security.tls.certificate", shown(given), "the name of a Secret", hint)
    if given is not None and target.certificates is not None:
        yield Problem(
            "target.certificates.issuer",
            shown(target.certificates.issuer),
            "nothing beside security.tls.certificate, which exists already",
        )
    match route:
        case ClusterService():
            yield from _service_problems(spec, target, route)
        case GatewayRoute() if given is not None:
            hint = "The Gateway's listener holds the certificate of the host."
            yield Problem("security.tls.certificate", shown(given), "nothing with target.route gateway", hint)
        case IngressRoute() if given is None and target.certificates is None:
            yield _no_certificate("for target.route ingress")
    if security.tls.min_version != "1.2" and not speaks_tls(target):
        yield Problem(
            "security.tls.min_version",
            shown(security.tls.min_version),
            "1.2 unless the server itself speaks TLS (target.route service with tls)",
            "What ends TLS in front of the endpoint serves other hosts as well, and sets its versions.",
        )


def _service_problems(
    spec: EndpointSpec, target: KubernetesTarget, route: ClusterService
) -> Iterator[Problem]:
    tls = spec.security.tls
    if route.tls:
        if tls.certificate is None and target.certificates is None:
            yield _no_certificate("for target.route.tls")
        if spec.runtime.engine not in {"onnxruntime", "custom"}:
            yield Problem(
                "target.route.tls",
                "true",
                f"false with engine {spec.runtime.engine}",
                "This release sets up TLS in Modelberth's model server and in custom images.",
            )
        return
    hint = "Set target.route.tls, or take route gateway or ingress."
    unused: dict[str, Any] = {
        "target.route.client_ca": route.client_ca,
        "target.certificates.issuer": target.certificates and target.certificates.issuer,
        "security.tls.domain": tls.domain,
    }
    for path, value in unused.items():
        if value is not None:
            yield Problem(path, shown(value), "nothing with target.route service without tls", hint)


def _no_certificate(where: str) -> Problem:
    hint = "Requests carry keys, tokens and data that nobody on the way should read."
    return Problem("target.certificates", "nothing", f"an issuer, or security.tls.certificate, {where}", hint)


def _hosts(plan: Plan) -> Iterator[str]:
    """Every name by which callers reach what has the certificate."""
    if plan.spec.security.tls.domain is not None:
        yield plan.spec.security.tls.domain
    if speaks_tls(plan.target):
        names = dict.fromkeys([plan.name, *(plan.revision_name(one) for one in plan.revisions)])
        for name in names:
            yield f"{name}.{plan.namespace}.svc"
            yield f"{name}.{plan.namespace}.svc.cluster.local"
            yield f"{name}.{plan.namespace}"
            yield name


def _volume(name: str, secret: str, keys: Sequence[str]) -> dict[str, Any]:
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "secret": {"secretName": secret, "defaultMode": _MODE, "items": items}}
