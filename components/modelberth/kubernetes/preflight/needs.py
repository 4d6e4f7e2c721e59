"""What an endpoint needs of its cluster: read off its manifests and target, asked before anything is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.authentication import generates_key, own_key_secret
from modelberth.kubernetes.crds import kinds
from modelberth.kubernetes.preflight.bake import needed_bakes
from modelberth.kubernetes.preflight.capacity import (
    needed_claims,
    needed_devices,
    needed_pods,
    needed_quota,
)
from modelberth.kubernetes.preflight.objects import needed_objects
from modelberth.kubernetes.preflight.requirements import (
    GatewayName,
    MadeObjects,
    Permission,
    RequiredGateway,
    RequiredHost,
    RequiredKind,
    RequiredRelease,
    RequirementsArgs,
)
from modelberth.kubernetes.secret_provider import needed_classes
from modelberth.model_address import delivered
from modelberth.spec.kubernetes import (
    GatewayRoute,
    ImageVolume,
    IngressRoute,
)

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan

__all__ = ["needs"]

# To make and remove, and to wait until it is there or gone.
_VERBS: Final = ("get", "list", "watch", "create", "patch", "delete")
# What tells the engine's provider whether an object is ready: without the right to watch, it waits for ever.
# Source: pulumi-kubernetes, provider/pkg/await.
_SIGNS: Final = {
    "Deployment": (("apps/v1", "ReplicaSet"), ("v1", "PersistentVolumeClaim"), ("v1", "Pod")),
    "Service": (("v1", "Endpoints"),),
    "Ingress": (("v1", "Endpoints"), ("v1", "Service")),
}
# Without it an autoscaler by processor time stays where it is.
_METRICS_SERVER: Final = RequiredKind(
    api_version="metrics.k8s.io/v1beta1",
    kind="PodMetrics",
    path="scaling.metric",
    given="cpu",
    project="metrics-server",
    install="https://github.com/kubernetes-sigs/metrics-server#installation",
)
# Which setting of the target brings a kind; the rest comes with `target.engine`.
_PATHS: Final = {
    "BackendTrafficPolicy": "target.route.envoy",
    "Certificate": "target.certificates",
    "ExternalSecret": "target.external_secrets",
    "HTTPRoute": "target.route.kind",
    "PodMonitor": "target.prometheus.operator",
    "PrometheusRule": "target.prometheus.operator",
    "AlertmanagerConfig": "target.prometheus.operator",
    "ResourceClaimTemplate": "target.gpu.kind",
    "ScaledObject": "target.scaler.kind",
    "SecretProviderClass": "target.secret_provider_classes",
    "SecurityPolicy": "target.route.envoy",
}


def needs(
    plan: Plan, manifests: Iterable[Manifest], path: str = "", *, namespace_is_made: bool = False
) -> RequirementsArgs:
    """Return what the cluster must have for these manifests.

    Args:
        plan: the endpoint
        manifests: all that it makes
        path: where its config stands, such as `endpoints[0]`
        namespace_is_made: something else of the program makes the namespace, so it may not be there yet

    """
    manifests = tuple(manifests)
    target = plan.target
    return RequirementsArgs(
        namespace=plan.namespace,
        instance=plan.name,
        namespace_expected=not (target.create_namespace or namespace_is_made),
        makes_namespace=target.create_namespace,
        context=target.context,
        kinds=[*_kinds(plan, manifests), *_measures(plan)],
        objects=[*needed_objects(plan)],
        releases=[*_releases(plan)],
        gateways=[*_gateways(plan)],
        hosts=[*_hosts(plan, manifests)],
        devices=[*needed_devices(plan)],
        pods=[*needed_pods(plan, manifests)],
        claims=[*needed_claims(manifests)],
        quota=[*needed_quota(plan)],
        made=[*_made(plan, manifests)],
        permissions=[*_permissions(plan, manifests)],
        bakes=[*needed_bakes(plan)],
        config_path=path or None,
    )


def _kinds(plan: Plan, manifests: Iterable[Manifest]) -> Iterator[RequiredKind]:
    found = {(manifest["apiVersion"], manifest["kind"]) for manifest in manifests}
    found |= {(one.api_version, one.kind) for one in needed_classes(plan)}
    for api_version, kind in sorted(found):
        known = kinds().get(kind)
        if known is not None or kind in _PATHS:
            project = known.project if known else None
            yield RequiredKind(
                api_version=api_version,
                kind=kind,
                path=_PATHS.get(kind, "target.engine"),
                project=project.title if project else None,
                install=project.install if project else None,
            )


def _measures(plan: Plan) -> Iterator[RequiredKind]:
    """What tells the load to an autoscaler of ours."""
    if plan.target.engine != "ray" and plan.is_autoscaled and plan.spec.scaling.metric == "cpu":
        yield _METRICS_SERVER


def _releases(plan: Plan) -> Iterator[RequiredRelease]:
    if any(isinstance(delivered(plan.target, one.model), ImageVolume) for one in plan.revisions):
        yield RequiredRelease("1.36", "target.delivery.kind", "image_volume")


def _gateways(plan: Plan) -> Iterator[RequiredGateway]:
    route = plan.target.route
    if isinstance(route, GatewayRoute):
        yield RequiredGateway(
            name=route.gateway,
            path="target.route",
            namespace=route.namespace or plan.namespace,
            section=route.section,
            host=plan.spec.security.tls.domain,
        )


def _hosts(plan: Plan, manifests: Iterable[Manifest]) -> Iterator[RequiredHost]:
    domain, route = plan.spec.security.tls.domain, plan.target.route
    if domain is None:
        return
    for manifest in manifests:
        name = manifest["metadata"]["name"]
        if isinstance(route, GatewayRoute) and manifest["kind"] == "HTTPRoute":
            paths, gateway = (
                [*_paths(manifest)],
                GatewayName(route.namespace or plan.namespace, route.gateway),
            )
            yield RequiredHost(domain, name, "security.tls.domain", paths, gateway=gateway)
        if isinstance(route, IngressRoute) and manifest["kind"] == "Ingress":
            paths, ingress_class = [*_paths(manifest)], route.ingress_class
            yield RequiredHost(domain, name, "security.tls.domain", paths, ingress_class=ingress_class)


def _paths(manifest: Manifest) -> Iterator[str]:
    """The paths that an HTTPRoute or an Ingress takes, each once."""
    found = []
    for rule in manifest["spec"].get("rules", ()):
        found += [match["path"]["value"] for match in rule.get("matches", ()) if "path" in match]
        found += [one["path"] for one in rule.get("http", {}).get("paths", ())]
    yield from dict.fromkeys(found)


def _made(plan: Plan, manifests: Iterable[Manifest]) -> Iterator[MadeObjects]:
    """What is made in the namespace, with the names that it has there."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in manifests:
        if one["kind"] != "Namespace":
            key = (str(one["apiVersion"]), str(one["kind"]))
            names.setdefault(key, []).append(str(one["metadata"]["name"]))
    if generates_key(plan):
        names.setdefault(("v1", "Secret"), []).append(own_key_secret(plan))
    for (api_version, kind), found in sorted(names.items()):
        yield MadeObjects(api_version, kind, sorted(found))


def _permissions(plan: Plan, manifests: Iterable[Manifest]) -> Iterator[Permission]:
    """What is done with each kind that is made, and with those that tell whether it is ready."""
    made = {(str(one["apiVersion"]), str(one["kind"])) for one in manifests}
    if generates_key(plan):
        made.add(("v1", "Secret"))
    for api_version, kind in sorted(made):
        yield Permission(api_version, kind, _VERBS)
    for api_version, kind in sorted({sign for _, one in made for sign in _SIGNS.get(one, ())} - made):
        yield Permission(api_version, kind, ("list", "watch"))
