"""Objects of the cluster that an endpoint uses and does not make: what its spec and target name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.kubernetes.authentication import KEYS, checks_callers, generates_key, key_secret
from modelberth.kubernetes.crds import kinds
from modelberth.kubernetes.preflight.requirements import RequiredObject
from modelberth.kubernetes.secret_provider import needed_classes
from modelberth.model_address import claim_path, delivered
from modelberth.spec.kubernetes import Cache, DeviceClaim, Download, IngressRoute, Keda

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan

__all__ = ["needed_objects"]


def needed_objects(plan: Plan) -> Iterator[RequiredObject]:
    """Yield each object by the field that names it, and defaults of the cluster where none is named."""
    yield from _settings(plan)
    yield from needed_classes(plan)
    yield from _secrets(plan)
    yield from _volumes(plan)


def _settings(plan: Plan) -> Iterator[RequiredObject]:
    """What has a name in the target, and the cluster's default where it has none."""
    spec, target = plan.spec, plan.target
    named = (
        ("v1", "ServiceAccount", "security.identity", spec.security.identity),
        ("scheduling.k8s.io/v1", "PriorityClass", "target.priority_class", target.priority_class),
        ("node.k8s.io/v1", "RuntimeClass", "target.runtime_class", target.runtime_class),
    )
    for api_version, kind, path, name in named:
        if name is not None:
            yield RequiredObject(api_version, kind, path, name=name)
    if isinstance(target.scaler, Keda) and target.scaler.authentication is not None:
        version = kinds()["ScaledObject"].api_version
        path = "target.scaler.authentication"
        yield RequiredObject(version, "TriggerAuthentication", path, name=target.scaler.authentication)
    if isinstance(target.gpu, DeviceClaim) and spec.resources.gpu is not None:
        name = target.gpu.device_class
        yield RequiredObject("resource.k8s.io/v1", "DeviceClass", "target.gpu.device_class", name=name)
    if (issuer := target.certificates) is not None:
        version = kinds()["Certificate"].api_version
        yield RequiredObject(version, issuer.kind, "target.certificates.issuer", name=issuer.issuer)
    if (store := target.external_secrets) is not None:
        version = kinds()["ExternalSecret"].api_version
        yield RequiredObject(version, store.kind, "target.external_secrets.store", name=store.store)
    if isinstance(target.route, IngressRoute):
        name = target.route.ingress_class
        yield RequiredObject("networking.k8s.io/v1", "IngressClass", "target.route.ingress_class", name=name)


def _secrets(plan: Plan) -> Iterator[RequiredObject]:
    """Secrets that nobody fills from here: neither a generated key nor those of a store."""
    spec, target = plan.spec, plan.target

    def secret(path: str, name: str, *entries: str) -> RequiredObject:
        made_by = target.secret_provider_classes
        return RequiredObject("v1", "Secret", path, name=name, entries=entries, made_by=made_by)

    if target.registry.pull_secret is not None:
        yield secret("target.registry.pull_secret", target.registry.pull_secret, ".dockerconfigjson")
    if target.capture is not None and target.capture.hash_key is not None:
        yield secret("target.capture.hash_key", target.capture.hash_key, "key")
    filled = target.external_secrets is not None
    keys = key_secret(plan)
    if keys is not None and not filled and not generates_key(plan):
        # Envoy Gateway takes every entry for a caller's key.
        yield secret("security.auth.secret", keys, *([KEYS] if checks_callers(spec) else []))
    if spec.security.tls.certificate is not None and not filled:
        yield secret("security.tls.certificate", spec.security.tls.certificate, "tls.crt", "tls.key")
    client_ca = getattr(target.route, "client_ca", None)
    if client_ca is not None:
        yield secret("target.route.client_ca", client_ca, "ca.crt")
    for revision in plan.revisions:
        match delivered(target, revision.model):
            case Download(credentials=str(name)) | Cache(credentials=str(name)):
                yield secret("target.delivery.credentials", name)
                return


def _volumes(plan: Plan) -> Iterator[RequiredObject]:
    models = [revision.model for revision in plan.revisions if revision.model.scheme == "pvc"]
    for claim in dict.fromkeys(claim_path(model)[0] for model in models):
        yield RequiredObject("v1", "PersistentVolumeClaim", "model.uri", name=claim)
    match plan.target.delivery:
        case Cache(claim=str(claim)):
            yield RequiredObject("v1", "PersistentVolumeClaim", "target.delivery.claim", name=claim)
        case Cache(storage_class=name):
            yield RequiredObject(
                "storage.k8s.io/v1", "StorageClass", "target.delivery.storage_class", name=name
            )
